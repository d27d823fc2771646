"""Metrics of performance from score cells, each with its slope in every count.

A metric of two outcomes is a function of how many positive and negative cases there are at each
score, selected or not. Counts may be known (after labels) or expected (before). The slopes say how
a metric answers to one case more, so that one formula (the delta method) gives the error of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "HIGHER_IS_BETTER",
    "METRICS",
    "ScoreCounts",
    "Sloped",
    "accuracy",
    "average_precision",
    "brier",
    "f1",
    "log_loss",
    "precision",
    "recall",
    "roc_auc",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TINY = 1e-15


@dataclass(frozen=True, eq=False)
class ScoreCounts:
    """Positive and negative cases in C score cells, not selected (row 0) and selected (row 1).

    `positive` and `negative` (2, C) are counts, known or expected; `stated` (2, C) is the mean
    forecast probability of the positive outcome there; `rank` (C,) orders the cells by score, and
    cells of one rank count as tied.

    >>> cells = ScoreCounts(
    ...     np.array([[1.0, 0.0], [0.0, 3.0]]), np.array([[4.0, 0.0], [0.0, 2.0]]),
    ...     np.array([[0.2, 0.2], [0.6, 0.6]]), np.array([0, 1]))
    >>> round(roc_auc(cells).value, 3), round(f1(cells).value, 3)
    (0.708, 0.667)
    """

    positive: Floats
    negative: Floats
    stated: Floats
    rank: Ints

    @property
    def n(self) -> Floats:
        """Cases (2, C)."""
        total: Floats = self.positive + self.negative
        return total

    @property
    def ranked(self) -> tuple[Floats, Floats]:
        """Positive and negative cases at each rank, from the lowest score up."""
        size = int(self.rank.max()) + 1 if len(self.rank) else 0
        return (
            np.bincount(self.rank, self.positive.sum(axis=0), size).astype(np.float64),
            np.bincount(self.rank, self.negative.sum(axis=0), size).astype(np.float64),
        )


@dataclass(frozen=True, eq=False)
class Sloped:
    """A metric's value and its slopes (2, C) in the count of each cell's positives and negatives.

    NaN where the cases cannot give the metric. `cases` is how many its denominator counts.
    """

    value: float
    by_positive: Floats
    by_negative: Floats
    cases: float


def roc_auc(counts: ScoreCounts) -> Sloped:
    """Return the chance that a positive case scores above a negative one, ties counting half.

    The slopes are the placements of DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988.
    """
    high, low = counts.ranked
    p, q = high.sum(), low.sum()
    if not p or not q:
        return _unknown(counts)
    below = np.cumsum(low) - low / 2
    above = p - np.cumsum(high) + high / 2
    value = float(high @ below / (p * q))
    up, down = (below / q - value) / p, (above / p - value) / q
    return Sloped(value, *_spread(counts, up, down), float(min(p, q)))


def average_precision(counts: ScoreCounts) -> Sloped:
    """Return precision averaged over recall, without interpolation; a rank's cases are tied."""
    high, low = (one[::-1] for one in counts.ranked)
    p = high.sum()
    if not p:
        return _unknown(counts)
    hits, all_ = np.cumsum(high), np.cumsum(high + low)
    share = np.divide(hits, all_, out=np.zeros_like(hits), where=all_ > 0)
    value = float(high @ share / p)
    weight = np.divide(high, all_, out=np.zeros_like(high), where=all_ > 0) / p
    up = (share - value) / p + _from_here(weight * (1 - share))
    down = -_from_here(weight * share)
    return Sloped(value, *_spread(counts, up[::-1], down[::-1]), float(p))


def accuracy(counts: ScoreCounts) -> Sloped:
    """Return the share of cases decided as they came out."""
    n = float(counts.n.sum())
    if not n:
        return _unknown(counts)
    right = np.array([0.0, 1.0])[:, None]
    value = float(counts.positive[1].sum() + counts.negative[0].sum()) / n
    ones = np.ones_like(counts.positive)
    return Sloped(value, (right - value) / n * ones, (1 - right - value) / n * ones, n)


def precision(counts: ScoreCounts) -> Sloped:
    """Return the share of positives among the selected."""
    selected = np.array([0.0, 1.0])[:, None] * np.ones_like(counts.positive)
    return _share(float(counts.positive[1].sum()), selected, selected, counts)


def recall(counts: ScoreCounts) -> Sloped:
    """Return the share selected among the positives."""
    ones = np.ones_like(counts.positive)
    return _share(float(counts.positive[1].sum()), ones, 0 * ones, counts)


def f1(counts: ScoreCounts) -> Sloped:
    """Return the harmonic mean of precision and recall."""
    weight = np.array([0.5, 1.0])[:, None] * np.ones_like(counts.positive)
    selected = np.array([0.0, 0.5])[:, None] * np.ones_like(counts.positive)
    return _share(float(counts.positive[1].sum()), weight, selected, counts)


def log_loss(counts: ScoreCounts) -> Sloped:
    """Return the mean of minus the log of the probability given to what happened, in nats.

    Each case stands at its cell's mean forecast, 1e-15 away from 0 and 1.
    """
    stated = np.clip(counts.stated, _TINY, 1 - _TINY)
    return _mean(-np.log(stated), -np.log1p(-stated), counts)


def brier(counts: ScoreCounts) -> Sloped:
    """Return the mean squared gap between probability and outcome, by the cells' mean forecasts."""
    return _mean((1 - counts.stated) ** 2, counts.stated**2, counts)


METRICS: Mapping[str, Callable[[ScoreCounts], Sloped]] = MappingProxyType(
    {
        "roc_auc": roc_auc,
        "average_precision": average_precision,
        "log_loss": log_loss,
        "brier": brier,
        "accuracy": accuracy,
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }
)
"""Every metric of two outcomes that score cells give, by the name that a charter uses."""

HIGHER_IS_BETTER = frozenset(
    {"roc_auc", "average_precision", "accuracy", "precision", "recall", "f1", "r2"}
)
"""Of all other metrics less is better."""


def _share(hits: float, by_positive: Floats, by_negative: Floats, counts: ScoreCounts) -> Sloped:
    """Return the selected positives over a weighted sum of counts, with its slopes."""
    total = float((by_positive * counts.positive).sum() + (by_negative * counts.negative).sum())
    if not total:
        return _unknown(counts)
    value = hits / total
    selected = np.array([0.0, 1.0])[:, None]
    return Sloped(
        value, (selected - value * by_positive) / total, -value * by_negative / total, total
    )


def _mean(of_positive: Floats, of_negative: Floats, counts: ScoreCounts) -> Sloped:
    n = float(counts.n.sum())
    if not n:
        return _unknown(counts)
    total = float((of_positive * counts.positive).sum() + (of_negative * counts.negative).sum())
    value = total / n
    return Sloped(value, (of_positive - value) / n, (of_negative - value) / n, n)


def _spread(counts: ScoreCounts, up: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Return slopes at each rank as slopes in each cell, whatever was decided there."""
    both = np.ones((2, 1))
    return both * up[counts.rank], both * down[counts.rank]


def _from_here(values: Floats) -> Floats:
    sums: Floats = np.cumsum(values[::-1])[::-1]
    return sums


def _unknown(counts: ScoreCounts) -> Sloped:
    none = np.zeros_like(counts.positive)
    return Sloped(float("nan"), none, none, 0.0)
