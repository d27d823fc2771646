"""One segment of captures as a Parquet file: written from the log, and read back the same.

A row is a record: `id`, `at`, `model` and its other keys each in a column, inputs in columns
`in:<name>`. `_shape` says which keys and inputs the record had, and `_after` the byte of the
segment that its group ended at, so that a position in the segment is one in the file. The footer
says which format it is (`assay.format`, now 1), each column's kind (`assay.kinds`) and where the
segment ended (`assay.end`). To change the format raise `FORMAT` and teach the reader both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from assay.adapters.capture_groups import read_groups
from assay.adapters.lake_kinds import Kinds, arrow_type, from_arrow, polars_type, to_arrow
from assay.adapters.lake_rows import Run, joined, run_of
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part
from assay.ports.predictions import INPUT

__all__ = [
    "FORMAT",
    "ODD_ROWS",
    "end_of",
    "read_lake_file",
    "write_lake_batches",
    "write_lake_file",
]

ODD_ROWS = (
    AttributeError,
    LookupError,
    OverflowError,
    TypeError,
    ValueError,
    msgspec.DecodeError,
    pl.exceptions.PolarsError,
)
"""What content that no captures have raises when it is read, and no disk does."""

FORMAT = 1
_ROWS = 16_384
_AFTER, _SHAPE = "_after", "_shape"


def write_lake_file(segment: Path, path: Path) -> int:
    """Write a closed segment's whole groups as Parquet, in bounded memory; return the rows.

    The segment is read twice: once for what its columns hold, once to write them. No file is made
    where it has no rows.
    """
    kinds, end, rows = Kinds(), 0, 0
    for part, after in read_groups(segment):
        run = run_of(part)
        kinds.learn(run)
        end, rows = after, rows + run.n
    if not rows:
        return 0
    found = kinds.of()
    schema = _schema(found, end)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for chunk in _chunks(segment):
            writer.write_table(_table(chunk, found, schema), row_group_size=_ROWS)
    return rows


def write_lake_batches(batches: Sequence[CaptureBatch], path: Path) -> None:
    """Write batches that never were in a log as Parquet; each counts as a group of its own.

    What is alike of all rows of a batch is looked at once.
    """
    kinds = Kinds()
    runs = [run_of(replace(batch, shared={})) for batch in batches]
    heads = [run_of(CaptureBatch(1, batch.shared, {})) for batch in batches]
    for run in (*heads, *runs):
        kinds.learn(run)
    found = kinds.of()
    schema = _schema(found, len(batches))
    texts = [name for name, kind in found.items() if kind == "text" and name != "id"]
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=texts) as writer:
        for place, batch in enumerate(batches, 1):
            writer.write_table(_of_batch(batch, runs[place - 1], place, found, schema))


def _of_batch(
    batch: CaptureBatch, run: Run, place: int, kinds: dict[str, str], schema: pa.Schema
) -> pa.Table:
    shape = run_of(replace(batch, n=1, each={name: [None] for name in batch.each})).shape
    alike = {**batch.shared, _AFTER: place, _SHAPE: shape}
    known = {**kinds, _AFTER: "int", _SHAPE: "text"}
    arrays = []
    for name, kind in known.items():
        if name in run.columns:
            values = to_arrow(list(run.columns[name]), kind)
            arrays.append(pl.Series(name, values, polars_type(kind)).to_arrow())
        else:
            (one,) = to_arrow([alike.get(name)], kind)
            arrays.append(pa.repeat(pa.scalar(one, arrow_type(kind)), batch.n))
    return pa.Table.from_arrays(arrays, schema=schema)


def read_lake_file(path: Path, begin: int = 0) -> Iterator[tuple[Part, int]]:
    """Yield a file's records as batches, each with the byte after its group.

    `begin` is such a byte to go on from. Raises StoreError where it cannot be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            kinds = _kinds_in(file, path)
            groups = _groups_after(file, begin)
            for batch in file.iter_batches(_ROWS, groups, use_threads=False) if groups else ():
                yield from _parts(batch, kinds, begin)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"The captures in {path} cannot be read: {error}. Restore the file from a copy."
        ) from error
    except ODD_ROWS as error:
        raise StoreError(
            f"{path} holds what no captures do: {type(error).__name__}: {error}. Restore it from a "
            "copy; without one, `assay captures verify --set-aside` lets it go."
        ) from error


def end_of(path: Path) -> int:
    """Return the byte that the segment of a file ended at."""
    return int(pq.read_schema(path).metadata[b"assay.end"])


def _schema(kinds: dict[str, str], end: int) -> pa.Schema:
    fields = [(name, arrow_type(kind)) for name, kind in kinds.items()]
    fields += [(_AFTER, pa.int64()), (_SHAPE, pa.large_string())]
    told = {
        "assay.format": str(FORMAT),
        "assay.kinds": msgspec.json.encode(kinds),
        "assay.end": str(end),
    }
    return pa.schema(fields, told)


def _chunks(segment: Path) -> Iterator[list[tuple[Run, int]]]:
    chunk: list[tuple[Run, int]] = []
    rows = 0
    for part, after in read_groups(segment):
        chunk.append((run_of(part), after))
        rows += chunk[-1][0].n
        if rows >= _ROWS:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk


def _table(chunk: Sequence[tuple[Run, int]], kinds: dict[str, str], schema: pa.Schema) -> pa.Table:
    columns = joined([run for run, _ in chunk], kinds)
    columns[_AFTER] = [after for run, after in chunk for _ in range(run.n)]
    columns[_SHAPE] = [run.shape for run, _ in chunk for _ in range(run.n)]
    known = {**kinds, _AFTER: "int", _SHAPE: "text"}
    # By way of polars: Arrow's own way to and from lists imports pandas, for longer than most
    # files take.
    arrays = [
        pl.Series(name, to_arrow(columns[name], kind), polars_type(kind)).to_arrow()
        for name, kind in known.items()
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _kinds_in(file: pq.ParquetFile, path: Path) -> dict[str, str]:
    told = file.schema_arrow.metadata or {}
    if told.get(b"assay.format") != str(FORMAT).encode():
        raise StoreError(
            f"{path} is no captures of format {FORMAT}. Move it out of the lake, or read it with "
            "the Assay that wrote it."
        )
    kinds: dict[str, str] = msgspec.json.decode(told[b"assay.kinds"])
    return kinds


def _groups_after(file: pq.ParquetFile, begin: int) -> list[int]:
    """Return the row groups that have something after a byte."""
    first = file.metadata.row_group(0)
    names = [first.column(one).path_in_schema for one in range(first.num_columns)]
    column = names.index(_AFTER)
    return [
        one
        for one in range(file.num_row_groups)
        if file.metadata.row_group(one).column(column).statistics.max > begin
    ]


def _parts(batch: pa.RecordBatch, kinds: dict[str, str], begin: int) -> Iterator[tuple[Part, int]]:
    """Cut rows into runs that have one shape and lie in one group."""
    frame = pl.DataFrame(batch)
    afters, shapes = frame[_AFTER].to_list(), frame[_SHAPE].to_list()
    columns = {name: from_arrow(frame[name].to_list(), kind) for name, kind in kinds.items()}
    start = 0
    for (after, shape), rows in groupby(zip(afters, shapes, strict=True)):
        end = start + sum(1 for _ in rows)
        if after > begin:
            yield from ((part, after) for part in _cut(columns, shape, start, end))
        start = end


def _cut(
    columns: dict[str, list[Any]], shape: str, start: int, end: int
) -> Iterator[CaptureBatch | dict[str, Any]]:
    keys, inputs = msgspec.json.decode(shape)
    each = {name: columns[name][start:end] for name in keys}
    if inputs is not None:
        given = {name: columns[INPUT + name][start:end] for name in inputs}
        alike = {name for name, values in each.items() if _alike(values)}
        shared = {name: each.pop(name)[0] for name in sorted(alike)}
        yield CaptureBatch(end - start, shared, each, given)
        return
    for row in range(end - start):
        yield {name: values[row] for name, values in each.items()}


def _alike(values: list[Any]) -> bool:
    """Return whether one simple value stands for all."""
    first = values[0]
    if not isinstance(first, str | bool | int | None) or values.count(first) != len(values):
        return False
    return len({type(one) for one in values}) == 1  # True is 1, and must stay what it was
