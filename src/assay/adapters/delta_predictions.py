"""Predictions from a Delta table that somebody else writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from assay.adapters.log_frame import LogFrame
from assay.errors import DataError, MissingLibrary
from assay.ports.predictions import NO_FAILURES, Batch, empty_served

__all__ = ["DeltaPredictions"]

_PARTITION = "partition."


class DeltaPredictions:
    """The data files of a Delta table's newest version, read as they are added to it.

    Compaction rewrites rows into new files: they are read again, and count once by their ids.
    """

    def __init__(self, path: Path, frame: LogFrame) -> None:
        self._path, self._frame = path, frame

    def after(self, position: str) -> Batch:
        """Return the rows of the first data file that was not read yet."""
        seen = set(json.loads(position or "[]"))
        files = self._files()
        kept = sorted(seen & files.keys())
        fresh = sorted(files.keys() - seen)
        if not fresh:
            return Batch(empty_served(), NO_FAILURES, json.dumps(kept), files=frozenset(files))
        name = fresh[0]
        table = self._table(name, files[name])
        rows = self._frame.rows(table, name)
        told = self._frame.outcomes(table, rows)
        position = json.dumps(sorted([*kept, name]))
        more, there = len(fresh) > 1, frozenset(files)
        return Batch(rows, NO_FAILURES, position, told, more, file=name, files=there)

    def newest(self) -> tuple[str, pl.DataFrame] | None:
        """Return one of the table's files and what it holds; None where it has none so far."""
        files = self._files()
        if not files:
            return None
        name = max(files)
        return name, self._table(name, files[name])

    def _table(self, name: str, partitioned: dict[str, Any]) -> pl.DataFrame:
        partition = [pl.lit(value).alias(column) for column, value in partitioned.items()]
        try:
            return pl.read_parquet(self._path / name).with_columns(partition)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(
                f"The data file {name} of the Delta table {self._path} cannot be read: {error}. "
                "Check the table with the engine that writes it."
            ) from error

    def _files(self) -> dict[str, dict[str, Any]]:
        """Return each data file's partition values."""
        try:
            import deltalake  # noqa: PLC0415 - optional
        except ImportError as error:
            raise MissingLibrary("deltalake", "delta") from error
        try:
            table = deltalake.DeltaTable(str(self._path))
            actions = pl.DataFrame(table.get_add_actions(flatten=True)).to_dicts()
        except Exception as error:  # the library's own errors share no public parent
            raise DataError(
                f"{self._path} cannot be read as a Delta table: {error}. Check "
                "`monitoring.source.path` in the charter."
            ) from error
        return {
            one["path"]: {
                name.removeprefix(_PARTITION): value
                for name, value in one.items()
                if name.startswith(_PARTITION)
            }
            for one in actions
        }
