"""How far a mean could be off where values are bounded and few of them were seen."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = ["bounded_ends", "expanded_ends"]

Floats = NDArray[np.float64]

_MOST_DISTINCT = 256
"""Distinct values above which values are gathered in cells of equal width, each by its mean."""


def bounded_ends(
    values: Floats,
    bounds: tuple[float, float],
    *,
    tail: float = 0.025,
    resamples: int = 2000,
    rng: np.random.Generator,
    counts: NDArray[np.int64] | None = None,
) -> tuple[float, float]:
    """Return both ends of an interval of the mean of values (n,) that lie within `bounds`.

    The upper end is the quantile 1 - `tail` of the values' mean under random weights, uniform
    over the simplex, where the upper bound stands in as one more value; the lower end
    likewise (Gaffke, Three test statistics for a nonparametric one-sided hypothesis on the mean of
    a nonnegative variable, Mathematical Methods of Statistics 14, 2005; Learned-Miller and
    Thomas, A new confidence interval for the mean of a bounded random variable, 2020,
    arXiv:1905.06208). Where only the two bounds themselves occur it is the exact interval of
    Clopper and Pearson (Biometrika 26, 1934); in between that it covers is known from simulation,
    not proven. What one more value adds shrinks as 1/n, so that many values give the width of the
    bootstrap. An infinite bound gives an infinite end. `counts` (n,), where given, say how often
    each value occurs. Raises ValueError where a value lies outside the bounds.

    >>> nobody_bought = np.full(30, -1.0)
    >>> low, high = bounded_ends(nobody_bought, (-1.0, 9.0), rng=np.random.default_rng(0))
    >>> low, bool(0.1 < high < 0.2)  # up to 11.6 % could buy: 0.16
    (-1.0, True)
    """
    least, most = bounds
    slack = 1e-9 * max(1.0, float(np.abs(values).max()))
    if values.min() < least - slack or values.max() > most + slack:
        raise ValueError(f"values from {values.min():g} to {values.max():g} leave {bounds}")
    distinct, times = _gathered(values, counts)
    weights = rng.standard_gamma(times, size=(resamples, len(times)))
    extra = rng.standard_exponential(resamples)
    total = weights.sum(axis=1) + extra
    mean = weights @ distinct / total
    low, high = -np.inf, np.inf
    if np.isfinite(least):
        low = float(np.quantile(mean + extra / total * least, tail))
    if np.isfinite(most):
        high = float(np.quantile(mean + extra / total * most, 1 - tail))
    return low, high


def expanded_ends(
    values: Floats, counts: NDArray[np.int64], bounds: tuple[float, float], *, tail: float = 0.025
) -> tuple[float, float]:
    """Return the ends of `bounded_ends` without drawing: by the third moment of those means.

    The mean of n values and a bound, with weights uniform over the simplex, has known moments
    (of a Dirichlet distribution); its quantiles follow by the Cornish-Fisher expansion, within a
    tenth of the width of what is drawn even where only the bound differs from all values.

    >>> low, high = expanded_ends(np.array([-1.0]), np.array([30]), (-1.0, 9.0))
    >>> low, round(high, 2)  # drawn: 0.16
    (-1.0, 0.2)
    """
    z = NormalDist().inv_cdf(1 - tail)
    found = []
    for bound, side in ((bounds[0], -1.0), (bounds[1], 1.0)):
        if not np.isfinite(bound):
            found.append(side * np.inf)
            continue
        every, times = np.append(values, bound), np.append(counts, 1)
        n, mean = float(times.sum()), float(np.average(every, weights=times))
        scale = float(np.abs(every - mean).max())
        if scale == 0:
            found.append(mean)
            continue
        away = (every - mean) / scale
        square, cube = (float(np.average(away**power, weights=times)) for power in (2, 3))
        skew = 2 * cube * np.sqrt(n + 1) / ((n + 2) * square**1.5)
        reach = np.sqrt(square / (n + 1)) * (side * z + skew * (z * z - 1) / 6)
        found.append(mean + scale * float(reach))
    return max(found[0], bounds[0]), min(found[1], bounds[1])


def _gathered(values: Floats, given: NDArray[np.int64] | None) -> tuple[Floats, NDArray[np.int64]]:
    distinct, place = np.unique(values, return_inverse=True)
    counts = np.bincount(place, given).astype(np.int64)
    if len(distinct) <= _MOST_DISTINCT:
        return distinct, counts
    edges = np.linspace(distinct[0], distinct[-1], _MOST_DISTINCT + 1)[1:-1]
    cell = np.searchsorted(edges, distinct)
    sums = np.bincount(cell, distinct * counts, minlength=_MOST_DISTINCT)
    counts = np.bincount(cell, counts, minlength=_MOST_DISTINCT).astype(np.int64)
    held = counts > 0
    return sums[held] / counts[held], counts[held]
