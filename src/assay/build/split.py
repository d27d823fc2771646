"""Splits: which rows teach, which judge; never the future teaching the past."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.clusters import entity_codes
from assay.build.moments import moments
from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.errors import DataError

__all__ = ["Fold", "Split", "in_order", "mixed_folds", "split", "time_folds"]

Rows = NDArray[np.int64]
_LEAST_ROWS = 50
_LEAST_IN_FOLD = 10


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
    rows have an entity and no order, all rows of an entity fall on one side; DataError where that
    leaves too few rows on either.
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
    if charter.data.entity is not None:
        chosen = _entities_drawn(entity_codes(frame, charter.data.entity), count, seed)
        _require_both_sides(chosen, charter.data.entity)
    else:
        chosen = _shuffled(frame, charter, strata, seed) < count / n
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
    """Cut rows into folds at random: even within strata, all rows of an entity in one fold.

    Fewer entities than folds make as many folds as there are entities; DataError where one of them
    has nearly all rows.
    """
    block = np.minimum((_shuffled(frame, charter, strata, seed) * count).astype(int), count - 1)
    folds = [Fold(np.flatnonzero(block != k), np.flatnonzero(block == k)) for k in range(count)]
    least = min(len(fold.train) for fold in folds)
    if charter.data.entity is not None and least < _LEAST_IN_FOLD:
        raise DataError(
            f"All rows of one entity stay together, and leaving out those of one part of the "
            f"entities in {charter.data.entity} leaves {least} rows to learn from. Give rows of "
            "more entities, or take out `data.entity` if it does not say whose case a row is."
        )
    return tuple(fold for fold in folds if len(fold.test))


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
        codes = entity_codes(frame, charter.data.entity)
        drawn: NDArray[np.float64] = random.permutation(codes.max() + 1) / (codes.max() + 1)
        return drawn[codes]
    groups = np.zeros(frame.height, dtype=np.int64) if strata is None else strata
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        places[rows] = random.permutation(len(rows)) / len(rows)
    return places


def _entities_drawn(codes: NDArray[np.int64], count: int, seed: int) -> NDArray[np.bool_]:
    """Return which rows judge: those of entities drawn at random, `count` rows at most.

    An entity of more rows than that teaches.
    """
    sizes = np.bincount(codes)
    drawn = np.random.default_rng(seed).permutation(len(sizes))
    filled = np.cumsum(np.where(sizes > count, 0, sizes)[drawn])
    judging = np.zeros(len(sizes), dtype=np.bool_)
    judging[drawn[filled <= count]] = True
    chosen: NDArray[np.bool_] = (judging & (sizes <= count))[codes]
    return chosen


def _require_both_sides(chosen: NDArray[np.bool_], entity: str) -> None:
    judge, teach = int(chosen.sum()), int((~chosen).sum())
    if judge < _LEAST_ROWS // 2 or teach < _LEAST_ROWS:
        raise DataError(
            f"All rows of one entity stay on one side, and a draw of the entities in {entity} "
            f"leaves {teach} rows to learn from and {judge} to judge on; at least {_LEAST_ROWS} "
            f"and {_LEAST_ROWS // 2} are needed. Give rows of more entities, change "
            "`build.test_share`, or take out `data.entity` if it does not say whose case a row is."
        )
