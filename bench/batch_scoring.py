"""`assay score` beside the bare loop of onnxruntime over one Parquet file, in turns.

`python -m bench.batch_scoring [ROWS]`, 1,000,000 rows where not given; 14 numbers and 6 texts.
Both read with pyarrow and let onnxruntime take every core; the bare loop runs the bundle's own
model file, fed the quickest plain way, and writes probabilities alone.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bench.served_model import MODEL, make_bundle, rows_of
from bench.turns import compare, rounds

from assay.adapters.arrow_tables import open_table
from assay.adapters.lake_scored import LakeScored
from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.model_engine import load_model
from assay.adapters.scored_rows import CHUNK, ArrowRows, schema_of
from assay.adapters.scored_table import ArrowScoredTable
from assay.deploy.desired import Arm, Desired
from assay.deploy.serving import Serving, load_serving
from assay.evidence.bundle import Bundle
from assay.lifecycle.table_scoring import Answering, score_table

TARGET = 0.7


def table_of(rows: int, path: Path) -> None:
    """Write a table of so many rows, made of 2,000 other ones."""
    few = rows_of(2_000)
    times = -(-rows // few.height)
    whole = pl.concat([few] * times).head(rows)
    whole.write_parquet(path, row_group_size=1 << 17)


def bare(model: bytes, source: Path, output: Path) -> int:
    """Score a file as one would by hand; return the rows."""
    options = ort.SessionOptions()
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = fed(session)
    scores = session.get_outputs()[-1].name
    schema = pa.schema([("probability", pa.float32())])
    done = 0
    with pq.ParquetFile(source) as file, pq.ParquetWriter(output, schema) as writer:
        for batch in file.iter_batches(CHUNK):
            (raw,) = session.run([scores], feed(batch))
            writer.write_batch(pa.record_batch([pa.array(raw[:, -1])], schema=schema))
            done += batch.num_rows
    return done


def fed(session: Any) -> Callable[[pa.RecordBatch], dict[str, Any]]:
    """Return what feeds a model that takes its columns in blocks, the quickest plain way.

    Arrow finds each text among the model's categories, and NumPy takes its row of zeros and a one.
    """
    blocks = json.loads(session.get_modelmeta().custom_metadata_map["assay.blocks"])
    numbers = [one["name"] for one in blocks["inputs"] if one["kind"] == "number"]
    known = [(one["column"], pa.array(one["categories"])) for one in blocks["lookups"]]
    rows = [np.eye(len(names) + 1, len(names), dtype=np.float32) for _, names in known]

    def feed(batch: pa.RecordBatch) -> dict[str, Any]:
        singles = np.empty((batch.num_rows, len(numbers)), dtype=np.float32)
        for place, name in enumerate(numbers):
            singles[:, place] = batch[name].to_numpy(zero_copy_only=False)
        codes = [pc.index_in(batch[name], names).fill_null(-1).to_numpy() for name, names in known]
        found = [
            table.take(code, axis=0, mode="wrap") for table, code in zip(rows, codes, strict=True)
        ]
        return {
            blocks["number_slot"]: singles,
            blocks["lookup_slot"]: np.concatenate(found, axis=1),
        }

    return feed


def serving_of(bundle: Bundle) -> Serving:
    blobs = MemoryBlobs()
    for content in bundle.files.values():
        blobs.put(content)
    arm = Arm("champion", 1, blobs.put(bundle.manifest()), 1.0)
    desired = Desired(1, MODEL, (arm,), salt="s")
    return load_serving(
        desired, blobs, lambda model, one, _: load_model(model, one.inputs, threads=0)
    )


def ours(serving: Serving, source: Path, folder: Path, *, capture: bool) -> int:
    table = open_table(source)
    output = folder / "out.parquet"
    began = {"run": "score-bench", "began": time.time_ns()}
    scored = ArrowScoredTable.open(output, {}, lambda: began)
    signature = serving.arms[0].scorer.signature
    schema = schema_of(table, (), signature.task, len(signature.labels), acts=True)
    rows = ArrowRows(table, serving.reads, None)
    answering = Answering(serving, "score-bench", lambda: datetime.now(UTC).isoformat())
    keep = LakeScored(folder / "captures", "score-bench", time.time_ns()) if capture else None
    score_table(rows, scored.of(schema), answering, keep)
    done = scored.of(schema).finish().rows
    scored.close()
    return done


def measure(rows: int) -> dict[str, float]:
    """Print and return rows per second of each."""
    bundle = make_bundle()
    model, serving = bundle.files["model.onnx"], serving_of(bundle)
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "in.parquet"
        table_of(rows, source)

        def speed(work: Callable[[Path], Any]) -> Callable[[], float]:
            def one() -> float:
                folder = Path(place) / "work"
                folder.mkdir()
                start = time.perf_counter()
                done = work(folder)
                took = time.perf_counter() - start
                if done != rows:
                    raise RuntimeError(f"{done} of {rows} rows were scored.")
                shutil.rmtree(folder)
                return rows / took

            return one

        return compare(
            {
                "onnxruntime, bare": speed(lambda one: bare(model, source, one / "out.parquet")),
                "assay score --no-capture": speed(
                    lambda one: ours(serving, source, one, capture=False)
                ),
                "assay score": speed(lambda one: ours(serving, source, one, capture=True)),
            },
            rounds=rounds(3),
            unit="rows/s",
            against="onnxruntime, bare",
        )


def main(argv: list[str]) -> int:
    rows = int(argv[0]) if argv else 1_000_000
    print(f"Batch scoring: {rows:,} rows x 20 columns, Parquet in and out")
    found = measure(rows)
    ratio = found["assay score"] / found["onnxruntime, bare"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory of all of it: {peak:.0f} MiB")
    print(
        f"  assay score / bare: {ratio:.2f} (target {TARGET}): "
        f"{'met' if ratio >= TARGET else 'missed'}"
    )
    return 0 if ratio >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
