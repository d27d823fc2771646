"""Evidence against a claim about a mean, as money won by betting against it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.case_counts import counted
from assay.stats.stored_state import StoredState

__all__ = ["BettingProcess", "bets_and_stakes"]

Floats = NDArray[np.float64]

_BETS = 30
_LEAST_BET, _MOST_BET = 1e-3, 0.99
_TILT = 0.2
"""How much more is staked on large bets: what small differences of skewed payoffs lose by it
(a tenth more cases), those of wide bounds gain."""
_AT_ONCE = 1 << 16


@cache
def bets_and_stakes() -> tuple[Floats, Floats]:
    """Return the bets, as shares of the money risked on the worst case, and the stake on each.

    The arrays are always the same ones, and cannot be written to.

    >>> bets, stakes = bets_and_stakes()
    >>> len(bets), round(float(stakes.sum()), 9)
    (30, 1.0)
    """
    bets = np.geomspace(_LEAST_BET, _MOST_BET, _BETS)
    stakes = bets**_TILT / (bets**_TILT).sum()
    bets.flags.writeable = stakes.flags.writeable = False
    return bets, stakes


@dataclass(frozen=True)
class BettingProcess(StoredState):
    """Money won against the claim that a bounded mean is at most `null` (or at least, if `below`).

    Each case multiplies the money on bet b by `1 + b (x - null)`; the money is spread over
    a fixed grid of bets. Where the claim holds (each case's mean given its past, which may
    move), the money exceeds 1 / alpha ever with chance at most alpha (Ville's inequality),
    so one may look after every case and stop at will. Fixed bets make the order of cases
    indifferent, so that stored counts of discrete payoffs suffice and processes add up.

    Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 86(1),
    2024: section 4 (the process) and B.4 (a grid of bets in place of one). A bet chosen anew from
    the past after each case (their aGRAPA) needs about as many cases, sometimes many more, and the
    order of all of them.

    >>> process = BettingProcess.against(null=0.0, bounds=(-1.0, 9.0))
    >>> process = process.updated(np.array([-1.0, 9.0]), counts=np.array([700, 300]))
    >>> process.n, process.rejects(alpha=0.05)
    (1000, True)
    """

    null: float
    bounds: tuple[float, float]
    below: bool
    log_money: tuple[float, ...]
    peak: float = 0.0
    n: int = 0

    @classmethod
    def against(cls, null: float, bounds: tuple[float, float], *, below: bool = False) -> Self:
        """Return the process before the first case.

        It gathers evidence that the mean lies above `null`, or with `below` that it lies below.
        Raises ValueError where `null` is not strictly inside the bounds: nothing can be won then.
        """
        if not bounds[0] < null < bounds[1]:
            raise ValueError(f"a mean of {null:g} is not strictly inside the bounds {bounds}")
        return cls(null, bounds, below, (0.0,) * _BETS)

    def updated(self, values: ArrayLike, counts: ArrayLike | None = None) -> Self:
        """Return the process after more cases, or after `counts[i]` cases of each `values[i]`.

        Raises ValueError where a value lies outside the bounds or is missing, or a count is below
        zero.
        """
        x = np.asarray(values, dtype=np.float64)
        times = counted(counts, len(x))
        if not len(x):
            return self
        if not (x.min() >= self.bounds[0] and x.max() <= self.bounds[1]):
            raise ValueError(f"values from {x.min():g} to {x.max():g} leave {self.bounds}")
        gain = (self.null - x) if self.below else (x - self.null)
        bets = bets_and_stakes()[0] / self._worst
        money = np.asarray(self.log_money)
        for start in range(0, len(x), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            money = money + np.log1p(np.outer(bets, gain[some])) @ times[some]
        after = replace(self, log_money=tuple(money.tolist()), n=self.n + int(times.sum()))
        return replace(after, peak=max(self.peak, after.log_e))

    def merged(self, other: Self) -> Self:
        """Return the process of both processes' cases, which must be different ones.

        The money on each bet multiplies. The peak is the merged money, or what it was
        at the beginning: a peak that one part had reached alone may not be counted as well, since
        looking at each part on its own is more looks than one alpha pays for. Raises
        ValueError where the claims differ.
        """
        if (self.null, self.bounds, self.below) != (other.null, other.bounds, other.below):
            raise ValueError("only processes against the same claim can be merged")
        money = np.asarray(self.log_money) + np.asarray(other.log_money)
        both = replace(self, log_money=tuple(money.tolist()), n=self.n + other.n)
        return replace(both, peak=max(0.0, both.log_e))

    @property
    def log_e(self) -> float:
        """The logarithm of the money now: an e-value against the claim."""
        money = np.asarray(self.log_money) + np.log(bets_and_stakes()[1])
        top = float(money.max())
        return top + float(np.log(np.sum(np.exp(money - top))))

    def rejects(self, alpha: float) -> bool:
        """Whether the money ever reached 1 / alpha (as seen at the end of each batch)."""
        return self.peak >= float(-np.log(alpha))

    @property
    def _worst(self) -> float:
        """How far the worst case lies from the claim: the share of the money at risk is of it."""
        return self.bounds[1] - self.null if self.below else self.null - self.bounds[0]
