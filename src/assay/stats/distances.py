"""How far apart two windows are, from their counts: the usual distances by their usual names.

Plug-in distances between samples of one law are not zero: they grow as the samples shrink.
Each distance therefore has a companion `null_...`, its value to be expected where nothing
changed, and `net_distance` and `net_divergence` take that away.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from assay.stats.grid import NumberAxis
from assay.stats.profile import Tally

__all__ = [
    "chi_squared",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "net_distance",
    "net_divergence",
    "null_jensen_shannon",
    "null_kolmogorov_smirnov",
    "null_population_stability",
    "null_sparse_jensen_shannon",
    "null_wasserstein",
    "population_stability",
    "wasserstein",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def kolmogorov_smirnov(a: Ints, b: Ints) -> float:
    """Return the largest difference of the two distribution functions at cell edges.

    `a` and `b` are counts in ordered cells, without the missing ones; NaN where one is empty.

    >>> kolmogorov_smirnov(np.array([1, 1]), np.array([0, 2]))
    0.5
    """
    if not _both(a, b):
        return np.nan
    return float(np.abs(np.cumsum(_shares(a)) - np.cumsum(_shares(b))).max())


def null_kolmogorov_smirnov(n: int, m: int) -> float:
    """Return the root mean square of the distance between two samples of one continuous law.

    The second moment of Kolmogorov's limiting law (1933) is pi^2 / 12; coarse cells and ties
    only lower it.
    """
    return float(np.pi * np.sqrt((1 / n + 1 / m) / 12))


def wasserstein(a: Tally, b: Tally, axis: NumberAxis) -> float:
    """Return the first Wasserstein distance in standard deviations of the grid's reference.

    The mass of a cell is taken to lie at the mean of its values, which the sums of each cell
    give exactly: open-ended tails and values of one kind cost no precision.
    """
    if not (a.n and b.n):
        return np.nan
    points, weights = [], []
    for tally, sign in ((a, 1.0), (b, -1.0)):
        used = np.flatnonzero(tally.counts[:-1])
        points.append(tally.sums[used] / tally.counts[used])
        weights.append(sign * tally.counts[used] / tally.n)
    where, mass = np.concatenate(points), np.concatenate(weights)
    order = np.argsort(where, kind="stable")
    gaps = np.diff(where[order])
    return float(np.sum(np.abs(np.cumsum(mass[order])[:-1]) * gaps)) / axis.scale


def null_wasserstein(reference: Tally, axis: NumberAxis, n: int, m: int) -> float:
    """Return the expected distance between samples of n and m values of the reference's law.

    `E|F_n - G_m|` is near `sqrt(2 F (1 - F) / pi * (1/n + 1/m))` at every point, integrated
    over the reference (del Barrio, Gine and Matran 1999, Annals of Probability 27).
    """
    used = np.flatnonzero(reference.counts[:-1])
    if len(used) < 2:
        return 0.0
    points = reference.sums[used] / reference.counts[used]
    level = np.cumsum(reference.counts[used])[:-1] / reference.n
    spread = np.sum(np.sqrt(level * (1 - level)) * np.diff(points))
    return float(np.sqrt(2 / np.pi * (1 / n + 1 / m)) * spread) / axis.scale


def jensen_shannon(a: Ints, b: Ints) -> float:
    """Return the Jensen-Shannon distance (the root of the divergence in bits), in [0, 1].

    Source: Endres and Schindelin 2003, IEEE Transactions on Information Theory 49(7).

    >>> jensen_shannon(np.array([5, 0]), np.array([0, 5]))
    1.0
    """
    if not _both(a, b):
        return np.nan
    p, q = _shares(a), _shares(b)
    middle = (p + q) / 2
    divergence = (_entropy_from(p, middle) + _entropy_from(q, middle)) / 2
    return float(np.sqrt(max(0.0, divergence)))


def null_jensen_shannon(cells: int, n: int, m: int) -> float:
    """Return the root of the divergence to be expected between two samples of one law.

    Near equality the divergence is one eighth of the chi-squared divergence, whose mean is
    `(cells - 1) (1/n + 1/m)`; `cells` counts those in use, five cases in each. Where cells are
    rare, take `null_sparse_jensen_shannon`.
    """
    return float(np.sqrt(max(cells - 1, 0) * (1 / n + 1 / m) / (8 * np.log(2))))


def null_sparse_jensen_shannon(reference: Ints, n: int) -> float:
    """Return the same for n values against `reference` counts (C,), however rare the cells.

    A cell with a Poisson number of cases about e, beside a known share, adds to the divergence's
    mean what `_poisson_divergence` has by summation; it nears 1 / (8 log 2) / n where e is large.

    >>> even = null_sparse_jensen_shannon(np.full(10, 10**6), 10_000)
    >>> round(even / null_jensen_shannon(10, 10_000, 10**7), 2)
    1.06
    """
    known = reference[reference > 0]
    m = float(known.sum())
    if len(known) < 2:
        return 0.0
    expected = known / m * n
    own = float(np.interp(np.log(expected), np.log(_MEANS), _poisson_divergence()).sum()) / n
    return float(np.sqrt(own + (len(known) - 1) / m / (8 * np.log(2))))


_MEANS = np.geomspace(1e-4, 100, 80)
_MOST_CASES = 220


@cache
def _poisson_divergence() -> Floats:
    """Return e times the mean divergence (bits) of x / e and 1, x being Poisson with mean e."""
    cases = np.arange(_MOST_CASES)[:, None]
    factorials = np.cumsum(np.log(np.maximum(cases, 1)), axis=0)
    chance = np.exp(cases * np.log(_MEANS) - _MEANS - factorials)
    ratio = cases / _MEANS
    share = 2 * ratio / (1 + ratio)
    bits = (np.log2(2 / (1 + ratio)) + ratio * np.log2(np.where(share > 0, share, 1.0))) / 2
    mean: Floats = (chance * bits).sum(axis=0) * _MEANS
    return mean


def chi_squared(a: Ints, b: Ints) -> tuple[float, int]:
    """Return Pearson's statistic of two rows of counts, and its degrees of freedom.

    No continuity correction; cells empty in both rows are left out.

    >>> chi_squared(np.array([10, 20]), np.array([20, 10]))
    (6.66..., 1)
    """
    table = np.stack([a, b]).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if not _both(a, b):
        return np.nan, 0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(((table - expected) ** 2 / expected).sum()), table.shape[1] - 1


def population_stability(a: Ints, b: Ints) -> float:
    """Return the population stability index (symmetrised Kullback-Leibler divergence, nats).

    Half a case is added to every cell, so that an empty one does not make it infinite.

    >>> population_stability(np.array([5, 5]), np.array([5, 5]))
    0.0
    """
    if not _both(a, b):
        return np.nan
    p, q = _shares(a + 0.5), _shares(b + 0.5)
    return float(((p - q) * np.log(p / q)).sum())


def null_population_stability(cells: int, n: int, m: int) -> float:
    """Return the index to be expected between two samples of one law.

    Source: Yurdakul and Naranjo 2020, Journal of Risk Model Validation 14(4).
    """
    return max(cells - 1, 0) * (1 / n + 1 / m)


def net_distance(measured: float, null: float) -> float:
    """Return a distance with its expected null value taken away, in squares; never below 0.

    >>> net_distance(5.0, 3.0), net_distance(1.0, 3.0)
    (4.0, 0.0)
    """
    return float(np.sqrt(np.maximum(0.0, measured**2 - null**2)))


def net_divergence(measured: float, null: float) -> float:
    """Return a divergence (already a square) with its expected null value taken away.

    >>> net_divergence(5.0, 3.0), net_divergence(1.0, 3.0)
    (2.0, 0.0)
    """
    return float(np.maximum(0.0, measured - null))


def _both(a: Ints, b: Ints) -> bool:
    return bool(a.sum() > 0 and b.sum() > 0)


def _shares(counts: NDArray[np.number]) -> Floats:
    shares: Floats = np.asarray(counts / counts.sum(), dtype=np.float64)
    return shares


def _entropy_from(p: Floats, middle: Floats) -> float:
    used = p > 0
    return float((p[used] * np.log2(p[used] / middle[used])).sum())
