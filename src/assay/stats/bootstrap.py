"""How far a mean could be off, without assuming a shape of the distribution."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.bounded_mean import bounded_ends, expanded_ends
from assay.stats.estimate import Estimate

__all__ = ["bootstrap_mean", "counted_mean"]

Floats = NDArray[np.float64]

_NORMAL = NormalDist()
_MOST_DISTINCT = 256
"""Distinct values up to which resampling draws counts of values instead of cases."""
_MOST_DRAWS = 4_000_000
"""Cases drawn in all, above which the expansion takes the place of resampling."""


def bootstrap_mean(
    values: Floats,
    *,
    seed: int | np.random.Generator,
    clusters: NDArray[Any] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    unit: str = "",
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """Return the mean of `values` (n,) with its BCa bootstrap interval.

    Bias-corrected and accelerated (Efron, Better bootstrap confidence intervals, JASA 82, 1987),
    so that skewed payoffs get skewed intervals. For a paired difference give the differences.
    `clusters` (n,) names each value's entity: entities are resampled then, and the mean stays one
    over cases.

    Three ways to the same interval, by cost: few distinct values (most payoffs) are resampled by
    their counts, one multinomial draw each, exact for any n; few cases are resampled one by
    one; many cases take the Cornish-Fisher expansion of the bootstrap distribution (Hall, The
    Bootstrap and Edgeworth Expansion, 1992, section 3.10; DiCiccio and Efron, Bootstrap confidence
    intervals, Statistical Science 11, 1996), whose error is of order 1/n.

    No resampling knows of values that were not drawn, so the interval of few cases is too narrow:
    `bounds`, the least and the most that any value can be, widen it to that of `bounded_ends`,
    which covers for few cases and adds nothing to speak of for many (a bound may be infinite: that
    end stays). Entities are then bounded as the largest of them is.

    One case, or one entity, says nothing about its error: without bounds the interval is infinite.
    Without bounds values that are all alike have an interval of no width. Raises ValueError where
    there are no values, one is missing or infinite, or one lies outside the bounds.

    >>> bootstrap_mean(np.repeat([9.0, -1.0], [200, 800]), seed=1, unit="EUR per decision")
    1 EUR per decision [0.7632, 1.24]
    """
    given = _with_a_mean(values)
    mean = float(given.mean())
    influence = given - mean if clusters is None else _by_entity(given - mean, clusters)
    method = "BCa bootstrap" if clusters is None else "BCa bootstrap by entity"
    rng = np.random.default_rng(seed)
    if len(influence) < 2:
        low, high = -np.inf, np.inf
    elif not influence.any():
        low = high = mean
    else:
        scale = float(np.abs(influence).max())  # squares of very small numbers would vanish
        ends = _bca(influence / scale, confidence, resamples, rng)
        low, high = (mean + scale * end for end in ends)
    if bounds is not None:
        reach = (bounds[0] - mean, bounds[1] - mean)
        tail = (1 - confidence) / 2
        within = _within(influence, reach, clusters, tail, resamples, rng)
        low, high = _wider((low, high), (mean + within[0], mean + within[1]), bounds)
        method += ", widened to its bounds"
    return Estimate(mean, float(low), float(high), len(given), method, unit, confidence)


def counted_mean(
    values: Floats,
    counts: NDArray[np.int64],
    *,
    seed: int | np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 2000,
    unit: str = "",
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """Return the mean of values (m,) of which each occurs `counts` (m,) times, as `bootstrap_mean`.

    Up to 256 values are resampled by their counts; more take the expansion at once, as many cases
    do. With no `resamples` nothing is drawn at all: for many intervals, or ones of a confidence
    that would need very many draws. Raises ValueError where there is no case, or a value is missing
    or infinite.

    >>> counted_mean(np.array([9.0, -1.0]), np.array([200, 800]), seed=1, unit="EUR per decision")
    1 EUR per decision [0.7632, 1.24]
    """
    held = np.asarray(counts) > 0
    distinct, place = np.unique(_with_a_mean(values[held]), return_inverse=True)
    times = np.bincount(place, counts[held]).astype(np.int64)
    n = int(times.sum())
    mean = float(times @ distinct) / n
    influence = distinct - mean
    rng = np.random.default_rng(seed)
    if n < 2:
        low, high = -np.inf, np.inf
    elif len(influence) < 2:
        low = high = mean
    else:
        scale = float(np.abs(influence).max())
        shape = _Shape.of(influence / scale, times)
        drawn = _counts_resampled(influence / scale, times, resamples, rng)
        low, high = (mean + scale * end for end in shape.ends(drawn, confidence))
    method = "BCa bootstrap" if resamples else "BCa bootstrap, by its expansion"
    if bounds is not None:
        tail, reach = (1 - confidence) / 2, (bounds[0] - mean, bounds[1] - mean)
        within = expanded_ends(influence, times, reach, tail=tail)
        if resamples:
            within = bounded_ends(
                influence, reach, tail=tail, resamples=resamples, rng=rng, counts=times
            )
        low, high = _wider((low, high), (mean + within[0], mean + within[1]), bounds)
        method += ", widened to its bounds"
    return Estimate(mean, float(low), float(high), n, method, unit, confidence)


def _with_a_mean(values: Floats) -> Floats:
    given = np.asarray(values, dtype=np.float64)
    if not len(given):
        raise ValueError("the mean of no values has no estimate")
    wrong = int((~np.isfinite(given)).sum())
    if wrong:
        raise ValueError(
            f"{wrong:,} of {len(given):,} values are missing or infinite and have no mean: leave "
            "them out, or give them the value they stand for"
        )
    return given


def _by_entity(centred: Floats, clusters: NDArray[Any]) -> Floats:
    """Return each entity's pull on the mean: its centred sum over the mean size of entities.

    The ratio of sums is made linear here; its curvature is of order 1/n as well.
    """
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(codes, centred).astype(np.float64)
    return sums * (len(names) / len(centred))


def _within(
    influence: Floats,
    reach: tuple[float, float],
    clusters: NDArray[Any] | None,
    tail: float,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return how far below and above the mean its bounded interval ends."""
    size = 1.0
    if clusters is not None:
        _, sizes = np.unique(np.asarray(clusters), return_counts=True)
        size = float(sizes.max() / sizes.mean())
    least, most = reach[0] * size, reach[1] * size
    return bounded_ends(influence, (least, most), tail=tail, resamples=resamples, rng=rng)


def _wider(
    ends: tuple[float, float], within: tuple[float, float], bounds: tuple[float, float]
) -> tuple[float, float]:
    """Return the outer of two intervals, cut at the bounds; an infinite end gives way."""
    low = min((each for each in (ends[0], within[0]) if np.isfinite(each)), default=-np.inf)
    high = max((each for each in (ends[1], within[1]) if np.isfinite(each)), default=np.inf)
    return max(low, bounds[0]), min(high, bounds[1])


def _bca(
    influence: Floats, confidence: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the ends of the interval of the mean of values centred on zero."""
    drawn = _resampled(influence, resamples, rng)
    return _Shape.of(influence).ends(drawn, confidence)


@dataclass(frozen=True)
class _Shape:
    """Number, mean square and skewness of values centred on zero."""

    n: int
    squares: float
    skew: float

    @classmethod
    def of(cls, influence: Floats, counts: NDArray[np.int64] | None = None) -> _Shape:
        n = len(influence) if counts is None else int(counts.sum())
        squares = float(np.average(influence**2, weights=counts))
        skew = float(np.average(influence**3, weights=counts)) / squares**1.5
        return cls(n, squares, skew)

    def ends(self, drawn: Floats | None, confidence: float) -> tuple[float, float]:
        """Return the ends of the interval, from the means of resamples where there are any."""
        acceleration = self.skew / (6 * np.sqrt(self.n))
        tail = (1 - confidence) / 2
        bias = acceleration if drawn is None else _bias(drawn)
        shifted = []
        for z in (_NORMAL.inv_cdf(tail), _NORMAL.inv_cdf(1 - tail)):
            pull = min(1 - acceleration * (bias + z), 2.0)
            shifted.append(bias + (bias + z) / max(pull, 0.2))
        if drawn is not None:
            levels = [_NORMAL.cdf(z) for z in shifted]
            low, high = np.quantile(drawn, levels)
            return float(low), float(high)
        error = np.sqrt(self.squares / self.n)
        low, high = (error * (z + acceleration * (z * z - 1)) for z in shifted)
        return float(low), float(high)


def _resampled(influence: Floats, resamples: int, rng: np.random.Generator) -> Floats | None:
    """Return the means of resamples, or None where drawing them would be slow."""
    n = len(influence)
    distinct, counts = np.unique(influence, return_counts=True)
    drawn = _counts_resampled(distinct, counts, resamples, rng)
    if drawn is not None:
        return drawn
    if n * resamples > _MOST_DRAWS:
        return None
    return np.array([influence[rng.integers(0, n, n)].mean() for _ in range(resamples)])


def _counts_resampled(
    distinct: Floats, counts: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> Floats | None:
    """Return the means of resamples of distinct values with counts, None where they are many."""
    if len(distinct) > _MOST_DISTINCT or not resamples:
        return None
    n = int(counts.sum())
    drawn = rng.multinomial(n, counts / n, size=resamples)
    return np.asarray(drawn @ distinct / n)


def _bias(drawn: Floats) -> float:
    """Return how far the median of the resampled means lies from the mean, in normal scores."""
    below = float(np.mean(drawn < 0) + np.mean(drawn == 0) / 2)
    least = 0.5 / len(drawn)
    return _NORMAL.inv_cdf(min(max(below, least), 1 - least))
