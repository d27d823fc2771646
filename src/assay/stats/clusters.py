"""Cases that hang together, and what that does to the interval of a mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.bootstrap import bootstrap_mean
from assay.stats.estimate import Estimate

__all__ = ["Clusters", "clustered_mean", "row_blocks", "stretch"]

_LEAST_BLOCKS = 30


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which cases hang together: `codes` (n,) are whole numbers from 0, `by` says what they share.

    >>> Clusters(np.array([0, 0, 1]), "week").at(np.array([True, False, True])).codes
    array([0, 1])
    """

    codes: NDArray[np.int64]
    by: str

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return len(np.unique(self.codes))

    @classmethod
    def of(cls, names: NDArray[Any], by: str) -> Clusters:
        """Return the clusters of equal names."""
        _, codes = np.unique(np.asarray(names), return_inverse=True)
        return cls(codes.astype(np.int64), by)

    def at(self, rows: NDArray[Any]) -> Clusters:
        """Return the clusters of some cases."""
        return Clusters.of(self.codes[rows], self.by)


def clustered_mean(
    values: NDArray[np.float64],
    clusters: Clusters | None,
    *,
    seed: int | np.random.Generator,
    unit: str = "",
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """Return the mean of `values` (n,) with its interval, whole clusters being resampled.

    `bounds`, the least and the most that a value can be, widen the interval to what cases that were
    not drawn may hold (see `bootstrap_mean`): where few cases pay much, resampling alone is too
    sure. That is of single cases, also where they hang together: a whole cluster at a bound is
    beyond what anybody expects.

    Cases are taken as independent where `clusters` is None. Few clusters tell little about how
    far clusters lie apart: both sides are stretched as Student's t stretches the normal, with one
    degree of freedom less than there are clusters (Cameron, Gelbach and Miller, Bootstrap-based
    improvements for inference with clustered errors, Review of Economics and Statistics 90, 2008,
    say how much too short such intervals are otherwise).

    >>> hours = np.repeat(np.random.default_rng(0).normal(size=40), 24)  # all alike within a day
    >>> days = Clusters(np.repeat(np.arange(40), 24), "day")
    >>> clustered_mean(hours, days, seed=1)
    -0.06044 [-0.325, 0.1851]
    >>> clustered_mean(hours, None, seed=1)
    -0.06044 [-0.1132, -0.01286]
    """
    if clusters is None:
        return bootstrap_mean(values, seed=seed, unit=unit, bounds=bounds)
    found = bootstrap_mean(values, seed=seed, clusters=clusters.codes, unit=unit)
    factor = stretch(clusters.count, found.confidence)
    low = found.mean - factor * (found.mean - found.low)
    high = found.mean + factor * (found.high - found.mean)
    if bounds is not None:
        alone = bootstrap_mean(values, seed=seed, bounds=bounds)
        low, high = max(min(low, alone.low), bounds[0]), min(max(high, alone.high), bounds[1])
    return replace(
        found, low=low, high=high, method=found.method.replace("by entity", f"by {clusters.by}")
    )


def row_blocks(n: int) -> Clusters:
    """Return consecutive blocks of about sqrt(n) rows, for rows in order that have no clock.

    Blocks that grow with n, and become more as well, catch dependence of unknown length in the
    end (Künsch, The jackknife and the bootstrap for general stationary observations, Annals of
    Statistics 17, 1989); at least 30 where there are as many rows.

    >>> row_blocks(3600).by, len(np.unique(row_blocks(100).codes))
    ('block of 60 rows', 30)
    """
    count = min(n, max(_LEAST_BLOCKS, round(math.sqrt(n))))
    codes = np.arange(n, dtype=np.int64) * count // max(n, 1)
    size = round(n / count) if count else 0
    return Clusters(codes, f"block of {size} rows")


def stretch(clusters: int, confidence: float) -> float:
    """Return how much wider an interval of the mean of few clusters is than a normal one.

    One cluster says nothing about its error. Student's quantile by its expansion (Abramowitz and
    Stegun, Handbook of Mathematical Functions, 1964, 26.7.5), and the variance over one less than
    the number of clusters.

    >>> round(stretch(30, 0.95), 3)
    1.061
    """
    if clusters < 2:
        return math.inf
    z, free = NormalDist().inv_cdf((1 + confidence) / 2), clusters - 1
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return t / z * math.sqrt(clusters / free)
