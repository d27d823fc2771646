"""Splits: which rows teach, which judge; never the future teaching the past."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.moments import moments
from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.errors import DataError

__all__ = ["Fold", "Split", "in_order", "mixed_folds", "split", "time_folds"]

Rows = NDArray[np.int64]
_LEAST_ROWS = 50


@dataclass(frozen=True)
class Fold:
    """Row numbers to learn from and to judge on."""

    train: Rows
    test: Rows


@dataclass(frozen=True)
class Split:
    """The last word on a model: `test` is looked at once, after every choice was made."""

    train: Rows
    test: Rows
    ordered: bool


def in_order(frame: pl.DataFrame, charter: Charter) -> pl.DataFrame:
    """Return the rows in the order of time that the charter names; ties keep the file's order."""
    time = charter.data.time
    if time is None:
        return frame
    if frame[time].null_count():
        raise DataError(
            f"The time column {time} is missing in {frame[time].null_count()} rows, which then "
            "have no place in time. Fill it in, or drop these rows."
        )
    return frame.sort(time, maintain_order=True)


def split(frame: pl.DataFrame, charter: Charter, strata: NDArray[Any] | None, seed: int) -> Split:
    """Set the test rows aside: the newest where rows are ordered, else a stratified draw.

    `frame` stands in order (see `in_order`). `strata` are outcome codes in classification. Where
    rows have an entity and no order, all rows of an entity fall on one side.
    """
    n = frame.height
    if n < 2 * _LEAST_ROWS:
        raise DataError(
            f"The table has {n} rows with an outcome, and a build needs at least "
            f"{2 * _LEAST_ROWS}. Give more rows."
        )
    count = min(max(round(n * charter.build.test_share), _LEAST_ROWS // 2), n - _LEAST_ROWS)
    if charter.data.ordered:
        rows = np.arange(n)
        known = _matured(frame, charter, rows[: n - count], n - count)
        return Split(known, rows[n - count :], ordered=True)
    keys = _shuffled(frame, charter, strata, seed)
    chosen = keys < count / n
    return Split(np.flatnonzero(~chosen), np.flatnonzero(chosen), ordered=False)


def time_folds(frame: pl.DataFrame, charter: Charter, count: int) -> tuple[Fold, ...]:
    """Cut rows in order into `count + 1` blocks; fold k judges block k after learning from before.

    A row teaches only where its outcome was known by then (the charter's label delay).
    """
    edges = np.linspace(0, frame.height, count + 2).astype(np.int64)
    return tuple(
        Fold(_matured(frame, charter, np.arange(start), start), np.arange(start, stop))
        for start, stop in pairwise(edges[1:])
    )


def mixed_folds(
    frame: pl.DataFrame, charter: Charter, strata: NDArray[Any] | None, seed: int, count: int
) -> tuple[Fold, ...]:
    """Cut rows into folds at random: even within strata, all rows of an entity in one fold."""
    block = np.minimum((_shuffled(frame, charter, strata, seed) * count).astype(int), count - 1)
    return tuple(Fold(np.flatnonzero(block != k), np.flatnonzero(block == k)) for k in range(count))


def _matured(frame: pl.DataFrame, charter: Charter, rows: Rows, start: int) -> Rows:
    """Return the rows whose outcome is known by the time of row `start`."""
    delay = label_delay(charter)
    kept = rows
    if isinstance(delay, int):
        kept = rows[: max(len(rows) - delay, 0)]
    elif delay:
        times = moments(frame, charter, "data.label_delay")
        kept = rows[times[rows] <= times[start] - np.timedelta64(delay)]
    if len(kept) < _LEAST_ROWS // 2:
        raise DataError(
            f"Only {len(kept)} of the first {len(rows)} rows have an outcome known before the rows "
            f"that judge (label delay {charter.data.label_delay}): too few to learn from. Give a "
            "longer history, fewer folds (`build.folds`) or a shorter `data.label_delay`."
        )
    return kept


def _shuffled(
    frame: pl.DataFrame, charter: Charter, strata: NDArray[Any] | None, seed: int
) -> NDArray[np.float64]:
    """Return a place in [0, 1) for each row: even within strata, one for each entity."""
    random = np.random.default_rng(seed)
    places = np.empty(frame.height)
    if charter.data.entity is not None:
        names = frame[charter.data.entity].cast(pl.String).fill_null("").to_numpy()
        _, codes = np.unique(names.astype(str), return_inverse=True)
        drawn: NDArray[np.float64] = random.permutation(codes.max() + 1) / (codes.max() + 1)
        return drawn[codes]
    groups = np.zeros(frame.height, dtype=np.int64) if strata is None else strata
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        places[rows] = random.permutation(len(rows)) / len(rows)
    return places
