"""A mean that does not drift, with an interval at every look, won by betting on both sides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.betting import bets_and_stakes
from assay.stats.case_counts import counted
from assay.stats.payoff_counts import PayoffCounts
from assay.stats.stored_state import StoredState

__all__ = ["HedgedBettingSequence"]

Floats = NDArray[np.float64]

_HALVINGS = 50


@dataclass(frozen=True)
class HedgedBettingSequence(StoredState):
    """A hedged betting confidence sequence for a constant conditional mean, as counts of payoffs.

    For each candidate mean m half of the money bets that cases come out above m, half that they
    come out below: `K+(m)` is the mixture over bets b in (0, 1) of the product of
    `1 + b (x - m) / (m - lo)`, `K-(m)` likewise with `(m - x) / (hi - m)`. The interval holds the m
    for which neither half has reached 2 / alpha. At the true mean each half is a martingale
    that starts at 1, so that with probability `confidence` the mean lies in every interval ever
    looked at (Ville's inequality). `(x - m) / (m - lo)` falls as m grows whatever x, so `K+` falls
    and `K-` rises with m: the m that remain are an interval, and halving finds its ends.

    Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 86(1),
    2024: theorem 3 (the hedged capital process) and B.4 (a fixed grid of bets, which makes counts
    suffice). States of different cases merge exactly, in any order.

    The paper's default is a bet foreseen from the past for each case; that makes the order of cases
    matter, is wider on long runs, and goes wrong at once where the mean drifts.

    Assumed: cases within the bounds, each with the same mean given its past; the intervals of
    successive looks at one growing state may then be intersected. **Under drift it is not valid**
    as a sequence: no m is the mean of all cases, and intersected intervals leave the average
    behind. (One look agreed beforehand does hold for the average of means that no outcome
    moves: a product of `1 + b (mean - average)` is at most 1.) Use `EmpiricalBernsteinSequence`.

    >>> state = HedgedBettingSequence.start((-1.0, 9.0)).updated([-1.0, 9.0], counts=[900, 100])
    >>> low, high = state.interval()
    >>> state.n, state.mean, round(low, 1), round(high, 1)
    (1000, 0.0, -0.3, 0.3)
    """

    method: ClassVar[str] = "hedged betting confidence sequence"

    bounds: tuple[float, float]
    confidence: float = 0.95
    values: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()
    n: int = 0

    @classmethod
    def start(cls, bounds: tuple[float, float], confidence: float = 0.95) -> Self:
        """Return the state before the first case.

        Raises ValueError where the bounds have no width or the confidence is not inside (0, 1).
        """
        if not (np.isfinite(bounds).all() and bounds[0] < bounds[1]):
            raise ValueError(f"bounds are two finite numbers, the lesser first; these are {bounds}")
        if not 0.0 < confidence < 1.0:
            raise ValueError(f"a confidence of {confidence:g} is not strictly between 0 and 1")
        return cls((float(bounds[0]), float(bounds[1])), confidence)

    def updated(self, values: ArrayLike, counts: ArrayLike | None = None) -> Self:
        """Return the state after more cases, or after `counts[i]` cases of each `values[i]`.

        Raises ValueError where a value lies outside the bounds or is missing, or a count is below
        zero.
        """
        times = None if counts is None else counted(counts, np.size(values))
        return self._holding(self._seen.updated(values, times))

    def merged(self, other: Self) -> Self:
        """Return the state of both states' cases; ValueError where bounds or confidence differ."""
        if self.confidence != other.confidence:
            raise ValueError("only sequences with the same confidence can be merged")
        return self._holding(self._seen.merged(other._seen))

    @property
    def mean(self) -> float:
        """The mean so far; NaN before the first case."""
        return self._seen.mean

    def interval(self) -> tuple[float, float]:
        """Return the bounds on the mean now; before the first case what is known anyway."""
        if not self.n:
            return self.bounds
        least, most = self.bounds
        x, counts = np.asarray(self.values), np.asarray(self.counts)
        held = counts > 0
        x, counts, target = x[held], counts[held], float(np.log(2 / (1 - self.confidence)))
        above = _lowest(x - least, counts, most - least, target)
        below = _lowest(most - x, counts, most - least, target)
        return least + above, most - below

    @property
    def _seen(self) -> PayoffCounts:
        return PayoffCounts(self.bounds, self.values, self.counts, self.n)

    def _holding(self, seen: PayoffCounts) -> Self:
        return replace(self, values=seen.values, counts=seen.counts, n=seen.n)


def _lowest(gain: Floats, counts: Floats, width: float, target: float) -> float:
    """Return the least mean of gains within [0, width] that betting above it has not refuted."""
    bets, stakes = bets_and_stakes()
    mean = float(gain @ counts / counts.sum())
    refuted, open_ = 0.0, mean
    for _ in range(_HALVINGS):
        middle = (refuted + open_) / 2
        if not 0.0 < middle < width:
            break
        won = np.log(stakes) + np.log1p(np.outer(bets, gain / middle - 1.0)) @ counts
        top = float(won.max())
        if top + float(np.log(np.exp(won - top).sum())) >= target:
            refuted = middle
        else:
            open_ = middle
    return refuted
