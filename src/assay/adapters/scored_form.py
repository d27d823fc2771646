"""Batches of rows written as one table that appears whole: Parquet, CSV or Delta."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from assay.errors import InputError, MissingLibrary

__all__ = ["demand_form", "write_form"]

_FILES = (".parquet", ".pq", ".csv")


def demand_form(output: Path) -> None:
    """Raise InputError where a table's name says no form: a file's suffix, or none for Delta."""
    if output.suffix.lower() in (*_FILES, "", ".delta"):
        if output.suffix.lower() not in _FILES:
            _deltalake()
        return
    raise InputError(
        f"{output} ends in {output.suffix}: end it in .parquet or .csv, or name a folder (with no "
        "suffix, or .delta) for a Delta table."
    )


def write_form(output: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
    """Write a table in the form that its name says, seen to the disk, in one step."""
    suffix = output.suffix.lower()
    if suffix not in _FILES:
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        _deltalake().write_deltalake(str(output), reader, mode="error")
        return
    unfinished = output.with_name(f".{output.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        if suffix == ".csv":
            _write_csv(unfinished, schema, batches)
        else:
            # Ids and numbers are seldom alike: dictionaries of them cost time for nothing.
            texts = [one.name for one in schema if pa.types.is_string(one.type)]
            alike = [name for name in texts if name != "id"]
            with pq.ParquetWriter(
                unfinished, schema, compression="zstd", use_dictionary=alike
            ) as writer:
                for batch in batches:
                    writer.write_batch(batch)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(output)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_csv(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
    """Write lists as JSON, since a CSV has none."""
    flat = pa.schema(
        [(one.name, pa.string() if pa.types.is_nested(one.type) else one.type) for one in schema]
    )
    with pa_csv.CSVWriter(path, flat) as writer:
        for batch in batches:
            columns = [
                pa.array([None if one is None else json.dumps(one) for one in column.to_pylist()])
                if pa.types.is_nested(column.type)
                else column
                for column in batch.columns
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=flat))


def _deltalake() -> Any:
    try:
        import deltalake  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingLibrary("deltalake", "delta") from error
    return deltalake
