"""How often each payoff was seen: all that a fixed bet needs to know of the past."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.stored_state import StoredState

__all__ = ["PayoffCounts"]

Floats = NDArray[np.float64]

_CELLS = 512
"""Distinct payoffs that are kept as they are; more of them go to the edges of so many cells."""


@dataclass(frozen=True)
class PayoffCounts(StoredState):
    """Counts of payoffs within `bounds`; exact while few of them are distinct, then on a grid.

    Where more than 512 distinct payoffs were seen, each case goes in part to either edge of its
    cell of the grid, so that its mean stays. The logarithm of `1 + b (x - m)` is concave in x, so
    that the counts can only say less than the cases did about any bet: what is won on
    them is never more than what the cases would have won, and stays an e-process. The result is the
    same in whatever order and parts the cases come.

    >>> seen = PayoffCounts((-1.0, 9.0)).updated([-1.0, 9.0, -1.0])
    >>> seen.merged(PayoffCounts((-1.0, 9.0)).updated([0.5], counts=[7])).counts
    (2.0, 7.0, 1.0)
    """

    bounds: tuple[float, float]
    values: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()
    n: int = 0

    def updated(self, values: ArrayLike, counts: ArrayLike | None = None) -> Self:
        """Return the counts with more cases, or with `counts[i]` cases of each `values[i]`.

        Raises ValueError where a value lies outside the bounds or is missing.
        """
        x = np.asarray(values, dtype=np.float64)
        if len(x) and not (x.min() >= self.bounds[0] and x.max() <= self.bounds[1]):
            raise ValueError(f"values from {x.min():g} to {x.max():g} leave {self.bounds}")
        times = np.ones(len(x)) if counts is None else np.asarray(counts, dtype=np.float64)
        return self._plus(x, times, int(times.sum()))

    def merged(self, other: Self) -> Self:
        """Return the counts of both, which must be of different cases."""
        if self.bounds != other.bounds:
            raise ValueError("only counts within the same bounds can be merged")
        return self._plus(np.asarray(other.values), np.asarray(other.counts), other.n)

    @property
    def mean(self) -> float:
        """The mean payoff; NaN before the first case."""
        if not self.n:
            return float("nan")
        return float(np.asarray(self.values) @ np.asarray(self.counts)) / self.n

    def _plus(self, x: Floats, times: Floats, n: int) -> Self:
        x = np.concatenate([self.values, x])
        times = np.concatenate([self.counts, times])
        values, place = np.unique(x, return_inverse=True)
        if len(values) > _CELLS + 1:
            values, counts = _on_grid(x, times, self.bounds)
        else:
            counts = np.zeros(len(values))
            np.add.at(counts, place, times)
        return replace(
            self, values=tuple(values.tolist()), counts=tuple(counts.tolist()), n=self.n + n
        )


def _on_grid(x: Floats, times: Floats, bounds: tuple[float, float]) -> tuple[Floats, Floats]:
    edges = np.linspace(*bounds, _CELLS + 1)
    cell = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, _CELLS - 1)
    upper = (x - edges[cell]) / (edges[cell + 1] - edges[cell])
    counts: Floats = np.zeros(_CELLS + 1)
    np.add.at(counts, cell, times * (1 - upper))
    np.add.at(counts, cell + 1, times * upper)
    return edges, counts
