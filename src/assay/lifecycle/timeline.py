"""History as it would have been lived: windows of decisions, and which outcomes were known when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.moments import moments
from assay.build.split import in_order
from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.errors import DataError
from assay.monitor.windows import cut_by_count, cut_by_time

__all__ = ["Period", "Timeline", "timeline"]

_LEAST_ROWS = 100
"""Rows of history with known outcomes below which no model is trained."""


@dataclass(frozen=True)
class Period:
    """One window of decisions: rows [start, stop); at its start outcomes of rows < known are in."""

    index: int
    name: str
    start: int
    stop: int
    known: int

    @property
    def n(self) -> int:
        """How many decisions it holds."""
        return self.stop - self.start


@dataclass(frozen=True, eq=False)
class Timeline:
    """Rows in order of time, cut into windows after the first `first` rows of history.

    `known` (n,) says for each row how many of the rows before it had their outcome by then.
    """

    frame: pl.DataFrame
    first: int
    periods: tuple[Period, ...]
    known: NDArray[np.int64]


def timeline(frame: pl.DataFrame, charter: Charter, first: int | None = None) -> Timeline:
    """Order a table and cut it; `first` rows are history (half of the rows where not given).

    Raises DataError where the charter names no order, or history or replay would be too short.
    """
    if not charter.data.ordered:
        raise DataError(
            f"The charter {charter.name} names no order in time, and a replay needs one. Add "
            "`time: COLUMN` to `data`, or `order: rows` where the table's rows stand in order."
        )
    ordered = in_order(frame, charter)
    n = ordered.height
    start = n // 2 if first is None else first
    if not 0 < start < n:
        raise DataError(
            f"The replay is to start after {start} rows, and the table has {n}. Give a number of "
            "rows that leaves some to learn from and some to replay."
        )
    known = _known(ordered, charter)
    if known[start] < _LEAST_ROWS:
        raise DataError(
            f"Only {known[start]} of the first {start} rows have an outcome by then (label delay "
            f"{charter.data.label_delay}), and training needs {_LEAST_ROWS}. Start later, or "
            "shorten `data.label_delay` if outcomes come sooner."
        )
    periods = tuple(
        Period(index, name, low, high, int(known[low]))
        for index, (name, low, high) in enumerate(_cuts(ordered, charter, start))
    )
    return Timeline(ordered, start, periods, known)


def _known(ordered: pl.DataFrame, charter: Charter) -> NDArray[np.int64]:
    """Count, for each row, the earlier rows whose outcome had arrived when it was decided."""
    delay, places = label_delay(charter), np.arange(ordered.height)
    if isinstance(delay, int):
        return np.maximum(places - delay, 0)
    times = moments(ordered, charter, "data.label_delay")
    arrived = np.searchsorted(times, times - np.timedelta64(delay), side="right")
    return np.minimum(arrived, places).astype(np.int64)


def _cuts(ordered: pl.DataFrame, charter: Charter, start: int) -> list[tuple[str, int, int]]:
    span, n = charter.monitoring.window, ordered.height - start
    if span.unit == "row":
        windows = cut_by_count(n, span.count)
        names = [f"rows {start + w.rows[0] + 1}-{start + w.rows[-1] + 1}" for w in windows]
    else:
        times = moments(ordered, charter, "monitoring.window")[start:]
        windows = cut_by_time(times, np.arange(n), span, charter.monitoring.time_zone)
        names = [window.name for window in windows]
    return [
        (name, start + int(window.rows[0]), start + int(window.rows[-1]) + 1)
        for name, window in zip(names, windows, strict=True)
    ]
