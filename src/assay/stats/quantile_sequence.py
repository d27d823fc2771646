"""A quantile, such as a latency's p99, with an interval at every look, from counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.beta_binomial import log_mixture_above
from assay.stats.stored_state import StoredState

__all__ = ["QuantileSequence", "quantile_interval"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class QuantileSequence(StoredState):
    """A confidence sequence for a quantile, as counts in the cells of a histogram.

    Cells end at `edges`, which belong to them (as in Prometheus histograms, `le`); one more cell is
    open above. At the true quantile Q of level q no more than a share 1 - q of cases lies above Q
    and no less than that at or above it, whatever the distribution, with ties and jumps: both
    counts are refuted by one-sided Beta-binomial mixtures with chance at most alpha / 2 each, ever.
    The interval holds what is not refuted, widened to edges; infinite where it leaves the edges.

    Howard and Ramdas, Sequential estimation of quantiles with applications to A/B testing and
    best-arm identification, Bernoulli 28(3), 2022, theorem 1 (a fixed quantile, by bounds on
    Bernoulli sums), here with the Beta-binomial mixture. Assumed: independent cases of one
    distribution (or that each case's chance, given its past, of lying above Q is what it is on the
    whole). Load that comes and goes breaks it. Counts of different cases merge exactly.

    >>> edges = [0.05, 0.1, 0.2, 0.5, 1.0]
    >>> state = QuantileSequence.start(0.99, edges).counted([9000, 800, 150, 45, 4, 1])
    >>> state.interval(), state.log_e_above(0.1) > 3 > state.log_e_above(0.2)
    ((0.1, 0.2), True)
    """

    quantile: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    confidence: float = 0.95

    @classmethod
    def start(cls, quantile: float, edges: ArrayLike, confidence: float = 0.95) -> Self:
        """Return the state before the first case.

        Raises ValueError where the edges do not rise or the quantile or the confidence is not
        strictly between 0 and 1.
        """
        ends = np.asarray(edges, dtype=np.float64)
        if not (len(ends) and np.isfinite(ends).all() and (np.diff(ends) > 0).all()):
            raise ValueError("the edges of a histogram are finite and rise")
        _check_levels(quantile, confidence)
        return cls(quantile, tuple(ends.tolist()), (0,) * (len(ends) + 1), confidence)

    @property
    def n(self) -> int:
        """The number of cases so far."""
        return sum(self.counts)

    def updated(self, values: ArrayLike, counts: ArrayLike | None = None) -> Self:
        """Return the state after more cases, or after `counts[i]` cases of each `values[i]`.

        An infinite value (a request that never came back) is in the open cell; ValueError where
        one is missing.
        """
        x = np.asarray(values, dtype=np.float64)
        if np.isnan(x).any():
            raise ValueError("a missing value is in no cell; give the longest wait instead")
        times = np.ones(len(x), np.int64) if counts is None else np.asarray(counts, dtype=np.int64)
        cells = np.searchsorted(np.asarray(self.edges), x, side="left")
        added = np.zeros(len(self.counts), dtype=np.int64)
        np.add.at(added, cells, times)
        return self.counted(added)

    def counted(self, counts: ArrayLike) -> Self:
        """Return the state after a histogram more: its counts in each cell, not summed up."""
        more = np.asarray(counts, dtype=np.int64)
        if more.shape != (len(self.counts),) or (more < 0).any():
            raise ValueError(f"needed are {len(self.counts)} counts, one for each cell")
        both = np.asarray(self.counts) + more
        return replace(self, counts=tuple(both.tolist()))

    def merged(self, other: Self) -> Self:
        """Return the state of both states' cases; ValueError where they ask different things."""
        if replace(self, counts=other.counts) != other:
            raise ValueError("only sequences of the same quantile, edges and confidence can merge")
        return self.counted(other.counts)

    def interval(self) -> tuple[float, float]:
        """Return the bounds on the quantile now, each an edge or infinite."""
        many, few = _refuted(self.n, 1.0 - self.quantile, (1.0 - self.confidence) / 2)
        above = self._above
        too_low = np.flatnonzero(above >= many)
        too_high = np.flatnonzero(above <= few)
        low = self.edges[too_low[-1]] if len(too_low) else -math.inf
        high = self.edges[too_high[0]] if len(too_high) else math.inf
        return low, high

    def log_e_above(self, limit: float) -> float:
        """Return the logarithm of an e-value against "the quantile is at most `limit`".

        It exceeds log(1 / alpha) ever with chance at most alpha, at one limit, while each
        case lies above the limit with chance at most 1 - quantile given its past (it may move). A
        limit that is not an edge counts only what lies above the next edge.
        """
        at = int(np.searchsorted(np.asarray(self.edges), limit, side="left"))
        slow = int(self._above[at]) if at < len(self.edges) else 0
        return log_mixture_above(slow, self.n, 1.0 - self.quantile)

    @property
    def _above(self) -> NDArray[np.int64]:
        """How many cases lie above each edge."""
        return np.cumsum(np.asarray(self.counts)[::-1])[::-1][1:]


def quantile_interval(
    values: ArrayLike, quantile: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the bounds on a quantile now, from all values (n,) so far, in any order.

    The interval of `QuantileSequence`, which names the source and what is assumed, without
    widening to edges: two of the values, or infinite where they are too few.

    >>> waits = np.random.default_rng(0).exponential(1.0, 20_000)
    >>> low, high = quantile_interval(waits, 0.99)
    >>> bool(low < -np.log(0.01) < high), round(high - low, 1)
    (True, 0.4)
    """
    _check_levels(quantile, confidence)
    x = np.asarray(values, dtype=np.float64)
    if np.isnan(x).any():
        raise ValueError("a missing value has no rank; give the longest wait instead")
    n = len(x)
    many, few = _refuted(n, 1.0 - quantile, (1.0 - confidence) / 2)
    ranks = [n - many, n - few - 1]
    wanted = [rank for rank in ranks if 0 <= rank < n]
    ordered = np.partition(x, wanted) if wanted else x
    low = float(ordered[ranks[0]]) if ranks[0] >= 0 else -math.inf
    high = float(ordered[ranks[1]]) if ranks[1] < n else math.inf
    return low, high


def _refuted(n: int, share: float, alpha: float) -> tuple[int, int]:
    """Return the least count that refutes "at most `share`", the most that refutes "at least".

    n + 1 and -1 where no count does. The evidence is monotone in the count.
    """
    target = -math.log(alpha)
    fine, many = -1, n + 1  # halving never asks at either end
    while many - fine > 1:
        middle = (fine + many) // 2
        if log_mixture_above(middle, n, share) >= target:
            many = middle
        else:
            fine = middle
    few, fine = -1, n + 1
    while fine - few > 1:
        middle = (few + fine) // 2
        if log_mixture_above(n - middle, n, 1.0 - share) >= target:
            few = middle
        else:
            fine = middle
    return many, few


def _check_levels(quantile: float, confidence: float) -> None:
    for name, level in (("quantile", quantile), ("confidence", confidence)):
        if not 0.0 < level < 1.0:
            raise ValueError(f"a {name} of {level:g} is not strictly between 0 and 1")
