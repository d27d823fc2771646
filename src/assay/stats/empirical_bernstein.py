"""The average so far of bounded cases whose mean may drift, with an interval at every look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.case_counts import counted
from assay.stats.stored_state import StoredState

__all__ = ["EmpiricalBernsteinSequence", "empirical_bernstein_sequence"]

Floats = NDArray[np.float64]

_BETS = 40
"""Points of the mixture that makes the boundary; more of them change it by under one percent."""
_STEP = 0.01
"""Logarithmic step of intrinsic time between boundary points of a whole path."""


@dataclass(frozen=True)
class EmpiricalBernsteinSequence(StoredState):
    """A confidence sequence for the running mean, as a state of three numbers.

    With probability `confidence`, at every look together, the average of the conditional means so
    far (each case's given its past; they may drift) lies in `interval()`. Nothing is assumed but
    the bounds. Successive intervals must not be intersected: what they hold moves.

    Howard, Ramdas, McAuliffe and Sekhon, Time-uniform, nonparametric, nonasymptotic confidence
    sequences, Annals of Statistics 49(2), 2021: theorem 4. With `c` the width of the bounds, `S`
    the sum of cases minus their conditional means and `V` (`spread`) the sum of squared distances
    of each case from a centre known before it, `exp(b S - psi(b) V)` is a supermartingale for
    every bet b in [0, 1/c), `psi(b) = (-log(1 - b c) - b c) / c^2`; a mixture of such bets and
    Ville's inequality give the boundary.

    Any centre known before the case will do, and the better it foresees, the narrower the interval:

    - `updated(values)` centres each case on the mean of those before it: order matters.
    - `updated(values, counts)` centres all of a batch on the mean before the batch: order does
      not matter, so that stored counts suffice, and they add up over machines that began the window
      from one state.
    - `merged(other)` adds two states of different cases, each centred by what its own machine knew.
      That is again a centre known before the case, so the merged interval holds; it is not to
      the last digit the one that a single machine would have reached. No case may be in both: two
      states that went on from one common state must not be merged.

    >>> rng = np.random.default_rng(0)
    >>> state = EmpiricalBernsteinSequence.start((-1.0, 9.0))
    >>> for _ in range(5):
    ...     state = state.updated(rng.choice([-1.0, 9.0], 1000, p=[0.9, 0.1]))
    >>> low, high = state.interval()
    >>> state.n, low < 0 < high, round(high - low, 1)
    (5000, True, 0.3)
    """

    method: ClassVar[str] = "empirical-Bernstein confidence sequence"

    bounds: tuple[float, float]
    confidence: float
    foreseen: float
    n: int = 0
    mean: float = 0.0
    spread: float = 0.0

    @classmethod
    def start(
        cls,
        bounds: tuple[float, float],
        confidence: float = 0.95,
        foreseen: float | None = None,
    ) -> Self:
        """Return the state before the first case.

        `foreseen` is what the first case or batch is centred on, say the mean of an earlier window
        (default: the middle of the bounds). Raises ValueError where the bounds have no width or do
        not hold what was foreseen, or the confidence is not strictly between 0 and 1.
        """
        least, most = bounds
        if not (np.isfinite(bounds).all() and least < most):
            raise ValueError(f"bounds are two finite numbers, the lesser first; these are {bounds}")
        if not 0.0 < confidence < 1.0:
            raise ValueError(f"a confidence of {confidence:g} is not strictly between 0 and 1")
        centre = (least + most) / 2 if foreseen is None else foreseen
        if not least <= centre <= most:
            raise ValueError(f"the foreseen mean {centre:g} is outside the bounds {bounds}")
        return cls((float(least), float(most)), confidence, float(centre))

    def updated(self, values: ArrayLike, counts: ArrayLike | None = None) -> Self:
        """Return the state after more cases in order, or `counts[i]` cases of each `values[i]`.

        Raises ValueError where a value lies outside the bounds or is missing, or a count is below
        zero.
        """
        x = _checked(values, self.bounds)
        if counts is None:
            return self._after_ordered(x)
        times = counted(counts, len(x))
        more = round(float(times.sum()))
        if not more:
            return self
        spread = float(times @ (x - self._centre) ** 2)
        return self._plus(more, float(times @ x) / more, spread)

    def merged(self, other: Self) -> Self:
        """Return the state of both states' cases; ValueError where bounds or confidence differ."""
        if (self.bounds, self.confidence) != (other.bounds, other.confidence):
            raise ValueError("only sequences with the same bounds and confidence can be merged")
        return self._plus(other.n, other.mean, other.spread)

    def interval(self) -> tuple[float, float]:
        """Return the bounds on the running mean now; before the first case what is known anyway."""
        least, most = self.bounds
        if not self.n:
            return self.bounds
        spread = np.array([max(self.spread, (most - least) ** 2)])
        edge = _boundary(spread, most - least, (1 - self.confidence) / 2)
        radius = float(edge[0]) / self.n
        return max(self.mean - radius, least), min(self.mean + radius, most)

    @property
    def _centre(self) -> float:
        return self.mean if self.n else self.foreseen

    def _after_ordered(self, x: Floats) -> Self:
        if not len(x):
            return self
        # Summed as distances from what was known before, so that large offsets do not cancel.
        centre = self._centre
        ahead = np.cumsum(x - centre)
        seen = np.arange(self.n + 1, self.n + len(x))
        foreseen = np.concatenate([[0.0], ahead[:-1] / seen])
        apart = (x - centre) - foreseen
        return self._plus(len(x), centre + float(ahead[-1]) / len(x), float(apart @ apart))

    def _plus(self, n: int, mean: float, spread: float) -> Self:
        count = self.n + n
        if not count:
            return self
        shared = self.mean + (mean - self.mean) * (n / count)
        return replace(self, n=count, mean=shared, spread=self.spread + spread)


def empirical_bernstein_sequence(
    values: Floats, bounds: tuple[float, float], confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return bounds on the running mean after each case, all valid at once.

    `values` (n,) are bounded cases in order of time. With probability `confidence`, at every t
    together, the average of the first t conditional means (each given its past: they may
    drift) lies between `low[t - 1]` and `high[t - 1]`. Nothing is assumed beyond the bounds.

    The whole path of `EmpiricalBernsteinSequence`, which names the source, for a picture: its last
    point is that state's interval, at most half a percent wider.

    Raises ValueError where a value lies outside the bounds or is missing.

    >>> rng = np.random.default_rng(0)
    >>> payoffs = rng.choice([-1.0, 9.0], 5000, p=[0.9, 0.1])
    >>> low, high = empirical_bernstein_sequence(payoffs, (-1, 9))
    >>> bool(low[-1] < 0 < high[-1]), round(float(high[-1] - low[-1]), 1)
    (True, 0.3)
    """
    least, most = bounds
    x = _checked(values, bounds)
    if not len(x) or most == least:
        return x.copy(), x.copy()
    count = np.arange(1, len(x) + 1)
    mean = np.cumsum(x) / count
    foreseen = np.concatenate([[(least + most) / 2], mean[:-1]])
    spread = np.cumsum((x - foreseen) ** 2)
    # The boundary at a grid of intrinsic times, each case taking the next one up: at most half
    # a percent too wide, and quick for any number of cases.
    scale = most - least
    steps = np.ceil(np.log(np.maximum(spread, scale**2) / scale**2) / _STEP)
    times, place = np.unique(steps, return_inverse=True)
    grid = _boundary(scale**2 * np.exp(times * _STEP), scale, (1 - confidence) / 2)
    radius = grid[place] / count
    return np.maximum(mean - radius, least), np.minimum(mean + radius, most)


def _checked(values: ArrayLike, bounds: tuple[float, float]) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if len(x) and not (x.min() >= bounds[0] and x.max() <= bounds[1]):
        raise ValueError(f"values from {x.min():g} to {x.max():g} leave the bounds {bounds}")
    return x


def _boundary(spread: Floats, scale: float, alpha: float) -> Floats:
    """Return the sum that a centred process of intrinsic time `spread` exceeds with chance alpha.

    The process `mean over bets b of exp(b s - psi(b) v)` with
    `psi(b) = (-log(1 - b c) - b c) / c^2` never exceeds 1 / alpha but with chance alpha (Ville);
    the boundary is the `s` where it would, found by halving.
    """
    bets = np.geomspace(1e-4, 0.9, _BETS) / scale
    psi = (-np.log1p(-bets * scale) - bets * scale) / scale**2
    weights = np.full(_BETS, -np.log(_BETS))
    v = spread[:, None]
    # Any single bet alone bounds the root from above, since its weight is part of the mixture.
    high: Floats = np.min((-np.log(alpha) - weights + psi * v) / bets, axis=1)
    low = np.zeros(len(spread))
    for _ in range(40):
        middle = (low + high) / 2
        exponent = weights + bets * middle[:, None] - psi * v
        top = exponent.max(axis=1)
        wealth = top + np.log(np.exp(exponent - top[:, None]).sum(axis=1))
        crossed = wealth >= -np.log(alpha)
        high = np.where(crossed, middle, high)
        low = np.where(crossed, low, middle)
    return high
