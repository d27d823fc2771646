"""How held-out rows are cut into the windows that live ones are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.moments import moments
from assay.charter.charter import Charter
from assay.stats.reference import LEAST_ROWS, LEAST_WINDOWS
from assay.stats.wall_clock import stretches

__all__ = ["ReferenceWindows", "reference_windows"]

_MOST_WINDOWS = 20
_MOST_STRETCHES = 400


@dataclass(frozen=True, eq=False)
class ReferenceWindows:
    """Where each window starts among the rows from `first` on, and the moments of those rows.

    `moments` is None where the charter names no column of dates or moments.
    """

    first: int
    starts: NDArray[np.int64]
    moments: NDArray[Any] | None


def reference_windows(frame: pl.DataFrame, charter: Charter) -> ReferenceWindows:
    """Cut rows as long as the charter's windows are, ten windows at least and twenty at most.

    Where the charter names a season, a window is a stretch of one season instead (an hour, or a
    day): up to the newest 400 of them, so that each season has its own.
    """
    times, n = _moments(frame, charter), len(frame)
    season, window = charter.monitoring.season, charter.monitoring.window
    if season != "none" and times is not None:
        starts = stretches(times, season, charter.monitoring.zone, LEAST_ROWS)
        newest = starts[-_MOST_STRETCHES:]
        first = int(newest[0])
        return ReferenceWindows(first, newest - first, times[first:])
    wanted = n // window.count if window.unit == "row" else _MOST_WINDOWS
    count = min(max(wanted, LEAST_WINDOWS), _MOST_WINDOWS, max(1, n // LEAST_ROWS))
    sizes = [len(part) for part in np.array_split(np.arange(n), count)]
    return ReferenceWindows(0, np.cumsum([0, *sizes[:-1]]), times)


def _moments(frame: pl.DataFrame, charter: Charter) -> NDArray[Any] | None:
    time = charter.data.time
    if time is None or time not in frame.columns or not frame[time].dtype.is_temporal():
        return None
    times = moments(frame, charter, "data.time")
    # Rows out of order, or without a moment, cannot be cut by the clock.
    return (
        times
        if not np.isnat(times).any() and bool((np.diff(times).astype(int) >= 0).all())
        else None
    )
