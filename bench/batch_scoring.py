"""`assay score` beside the bare loop of onnxruntime over one Parquet file, in turns.

`python -m bench.batch_scoring [ROWS]`, 1,000,000 rows where not given; 14 numbers and 6 texts.
Both read with pyarrow and let onnxruntime take every core; the bare loop writes probabilities
alone.
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import onnxruntime as ort
import polars as pl
import pyarrow as pa
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
    kinds = {slot.name: slot.type for slot in session.get_inputs()}
    scores = session.get_outputs()[-1].name
    schema = pa.schema([("probability", pa.float32())])
    done = 0
    with pq.ParquetFile(source) as file, pq.ParquetWriter(output, schema) as writer:
        for batch in file.iter_batches(CHUNK):
            feed = {}
            for name, kind in kinds.items():
                values = batch[name].to_numpy(zero_copy_only=False)
                values = values if kind == "tensor(string)" else values.astype("float32")
                feed[name] = values.reshape(-1, 1)
            (raw,) = session.run([scores], feed)
            writer.write_batch(pa.record_batch([pa.array(raw[:, -1])], schema=schema))
            done += batch.num_rows
    return done


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
