"""Evidence against a claim about a mean, as money won by betting against it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["BettingProcess"]

Floats = NDArray[np.float64]

_BETS = 30


@dataclass(frozen=True)
class BettingProcess:
    """Money won against the claim that a bounded mean is at most `null` (or at least, if `below`).

    Each case multiplies the money on bet b by `1 + b (x - null)`; the money is spread evenly
    over a fixed grid of bets. Where the claim holds (each case's mean given its past, which may
    move), the money exceeds 1 / alpha ever with chance at most alpha (Ville's inequality),
    so one may look after every case and stop at will. Fixed bets make order within a batch
    indifferent, so that stored counts of discrete payoffs suffice.

    Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 86(1),
    2024: section 4 (the process) and B.4 (a grid of bets in place of one).

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
    def against(
        cls, null: float, bounds: tuple[float, float], *, below: bool = False
    ) -> BettingProcess:
        """Return the process before the first case.

        It gathers evidence that the mean lies above `null`, or with `below` that it lies below.
        Raises ValueError where `null` is not strictly inside the bounds: nothing can be won then.
        """
        if not bounds[0] < null < bounds[1]:
            raise ValueError(f"a mean of {null:g} is not strictly inside the bounds {bounds}")
        return cls(null, bounds, below, (0.0,) * _BETS)

    def updated(self, values: Floats, counts: NDArray[np.int64] | None = None) -> BettingProcess:
        """Return the process after more cases, or after `counts[i]` cases of each `values[i]`.

        Raises ValueError where a value lies outside the bounds.
        """
        x = np.asarray(values, dtype=np.float64)
        if not len(x):
            return self
        if x.min() < self.bounds[0] or x.max() > self.bounds[1]:
            raise ValueError(f"values from {x.min():g} to {x.max():g} leave {self.bounds}")
        times = np.ones(len(x), dtype=np.int64) if counts is None else counts
        gain = (self.null - x) if self.below else (x - self.null)
        won = np.log1p(np.outer(self._bets(), gain)) @ times
        money = np.asarray(self.log_money) + won
        after = replace(self, log_money=tuple(money.tolist()), n=self.n + int(times.sum()))
        return replace(after, peak=max(self.peak, after.log_e))

    @property
    def log_e(self) -> float:
        """The logarithm of the money now: an e-value against the claim."""
        money = np.asarray(self.log_money)
        top = float(money.max())
        return top + float(np.log(np.mean(np.exp(money - top))))

    def rejects(self, alpha: float) -> bool:
        """Whether the money ever reached 1 / alpha (as seen at the end of each batch)."""
        return self.peak >= float(-np.log(alpha))

    def _bets(self) -> Floats:
        """Return the grid of bets; the largest risks 90% of the money on the worst case."""
        worst = self.bounds[1] - self.null if self.below else self.null - self.bounds[0]
        return np.geomspace(1e-3, 0.9, _BETS) / worst
