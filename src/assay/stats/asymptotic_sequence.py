"""A mean without bounds on its cases, at every look, for long runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.case_counts import counted
from assay.stats.stored_state import StoredState

__all__ = ["LEAST_CASES", "AsymptoticSequence", "asymptotic_sequence"]

Floats = NDArray[np.float64]

LEAST_CASES = 500
"""Cases below which the sequence says nothing: so few carry no central limit theorem."""


@dataclass(frozen=True)
class AsymptoticSequence(StoredState):
    """An asymptotic confidence sequence for a mean, as a state that merges exactly.

    `mean +- sd sqrt(2 (n r^2 + 1) / (n^2 r^2) log(sqrt(n r^2 + 1) / alpha))`: Waudby-Smith,
    Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence
    sequences, Annals of Statistics 52(6), 2024, theorem 2.2; `r` makes it tightest near
    `tightest_at` cases (their appendix B.2). Assumed: independent cases with one mean and one
    finite variance. Nothing is promised for any one n: the error rate tends to 1 - `confidence`
    as the first look is put off. Say *asymptotic* where you show it. It says nothing below 500
    cases, nor while all cases are alike: a spread that was not seen yet is not one of zero.

    How many cases carry a central limit theorem depends on them. Of payoffs of 0 and 100 that are
    100 once in fifty, 500 cases hold ten of the rare ones, and that is about where it begins: look
    first when `stats.deviating_cases` counts 10. The state holds three numbers and cannot tell.

    The order of cases does not matter. States of different cases are merged to the digit by the
    pairwise update of Chan, Golub and LeVeque, Algorithms for computing the sample variance:
    analysis and recommendations, The American Statistician 37(3), 1983.

    >>> x = np.random.default_rng(1).normal(3, 1, 2000)
    >>> halves = [AsymptoticSequence().updated(x[:700]), AsymptoticSequence().updated(x[700:])]
    >>> state = halves[0].merged(halves[1])
    >>> low, high = state.interval()
    >>> state.n, low < 3 < high, round(high - low, 2)
    (2000, True, 0.14)
    """

    method: ClassVar[str] = "asymptotic confidence sequence"

    confidence: float = 0.95
    tightest_at: int = 2000
    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def updated(self, values: ArrayLike, counts: ArrayLike | None = None) -> Self:
        """Return the state after more cases, or after `counts[i]` cases of each `values[i]`.

        Raises ValueError where a value is missing or infinite, or a count below zero.
        """
        x = np.asarray(values, dtype=np.float64)
        if not np.isfinite(x).all():
            raise ValueError("values that are missing or infinite have no mean")
        times = counted(counts, len(x))
        n = int(times.sum())
        if not n:
            return self
        shift = float(x[0])  # so that squares of a large offset do not cancel
        mean = float(times @ (x - shift)) / n + shift
        return self._plus(n, mean, float(times @ (x - mean) ** 2))

    def merged(self, other: Self) -> Self:
        """Return the state of both states' cases; ValueError where their promises differ."""
        if (self.confidence, self.tightest_at) != (other.confidence, other.tightest_at):
            raise ValueError("only sequences with the same confidence and tuning can be merged")
        return self._plus(other.n, other.mean, other.squares)

    def interval(self) -> tuple[float, float]:
        """Return the bounds on the mean now; infinite below 500 cases, or where all are alike."""
        if self.n < LEAST_CASES or not self.squares:
            return -math.inf, math.inf
        deviation = math.sqrt(self.squares / self.n)
        width = _width(np.array([self.n]), 1 - self.confidence, self.tightest_at)
        radius = deviation * float(width[0])
        return self.mean - radius, self.mean + radius

    def _plus(self, n: int, mean: float, squares: float) -> Self:
        count = self.n + n
        if not count:
            return self
        apart = mean - self.mean
        return replace(
            self,
            n=count,
            mean=self.mean + apart * (n / count),
            squares=self.squares + squares + apart**2 * (self.n * n / count),
        )


def asymptotic_sequence(
    values: Floats, confidence: float = 0.95, tightest_at: int = 2000
) -> tuple[Floats, Floats]:
    """Return bounds on the mean after each case, valid together for long runs, without bounds.

    The whole path of `AsymptoticSequence`, which names the source and what is assumed, for a
    picture. Infinite below 500 cases and while all are alike.

    >>> low, high = asymptotic_sequence(np.random.default_rng(1).normal(3, 1, 2000))
    >>> bool(np.isinf(low[498])), bool(low[-1] < 3 < high[-1])
    (True, True)
    """
    x = np.asarray(values, dtype=np.float64)
    count = np.arange(1, len(x) + 1)
    centre = float(x[0]) if len(x) else 0.0  # shifted, so that squares do not cancel
    apart = np.cumsum(x - centre) / count
    mean = centre + apart
    shifted = np.cumsum((x - centre) ** 2) / count - apart**2
    deviation = np.sqrt(np.maximum(shifted, 0.0))
    width = _width(count, 1 - confidence, tightest_at)
    radius = np.where((count < LEAST_CASES) | (deviation == 0), np.inf, deviation * width)
    return mean - radius, mean + radius


def _width(count: NDArray[np.int64], alpha: float, tightest_at: int) -> Floats:
    """Return the radius at each count in standard deviations."""
    r2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha)) + 1) / tightest_at
    inner = count * r2 + 1
    width: Floats = np.sqrt(2 * inner / (count**2 * r2) * np.log(np.sqrt(inner) / alpha))
    return width
