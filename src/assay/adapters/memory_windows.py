"""Predictions by window in memory, for tests and for monitoring without a trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from assay.ports.served_windows import Part

__all__ = ["MemoryWindows"]


class MemoryWindows:
    """Windows that live as long as the process.

    >>> MemoryWindows().parts()
    {}
    """

    def __init__(self) -> None:
        self._rows: dict[int, pl.DataFrame] = {}
        self._parts: dict[int, Part] = {}
        self._writes = 0

    def parts(self) -> Mapping[int, Part]:
        """Return what is known of each window, in order."""
        return dict(sorted(self._parts.items()))

    def read(self, window: int, columns: Collection[str] | None = None) -> pl.DataFrame:
        """Return a window's rows."""
        rows = self._rows[window]
        return rows if columns is None else rows.select(n for n in rows.columns if n in columns)

    def replace(self, rows: Mapping[int, pl.DataFrame]) -> None:
        """Keep windows in place of what they had."""
        for window, frame in rows.items():
            self._rows.pop(window, None)
            self._parts.pop(window, None)
            if frame.height:
                self._writes += 1
                first, last = frame["at"][0], frame["at"][-1]
                self._rows[window] = frame
                self._parts[window] = Part(str(self._writes), frame.height, first, last)

    def locate(self, ids: pl.Series) -> pl.DataFrame:
        """Return (id, at, window) of the ids that are kept."""
        wanted = ids.alias("id").to_frame()
        found = [
            wanted.join(rows.select("id", "at"), on="id").with_columns(
                pl.lit(window, dtype=pl.Int64).alias("window")
            )
            for window, rows in self._rows.items()
        ]
        empty: dict[str, Any] = {"id": pl.String, "at": pl.Datetime("us"), "window": pl.Int64}
        return pl.concat(found) if found else pl.DataFrame(schema=empty)
