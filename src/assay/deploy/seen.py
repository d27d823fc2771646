"""How often each value was seen: all that a mean and its interval need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.betting import BettingProcess

__all__ = ["Seen"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Seen:
    """Distinct values (k,) and how often each was seen (k,).

    >>> seen = Seen.of(np.array([1.0, 0.0, 0.0])).with_more(Seen.of(np.array([1.0])))
    >>> seen.n, seen.mean, seen.values.tolist(), seen.counts.tolist()
    (4, 0.5, [0.0, 1.0], [2, 2])
    """

    values: Floats = field(default_factory=lambda: np.empty(0))
    counts: Counts = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def n(self) -> int:
        """How many were seen."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """The mean; there must be one value at least."""
        return float(self.values @ self.counts) / self.n

    @classmethod
    def of(cls, values: Floats) -> Seen:
        """Return the counts of values (n,)."""
        distinct, counts = np.unique(values, return_counts=True)
        return cls(distinct, counts.astype(np.int64))

    def with_more(self, more: Seen) -> Seen:
        """Return both together."""
        both = np.concatenate([self.values, more.values])
        values, place = np.unique(both, return_inverse=True)
        times = np.concatenate([self.counts, more.counts])
        counts = np.bincount(place, weights=times, minlength=len(values)).astype(np.int64)
        return Seen(values, counts)

    def edge(self, end: float, bounds: tuple[float, float], alpha: float) -> float:
        """Return where the claim about the mean stops being refuted, between `end` and the mean.

        The money won is monotone in the claimed mean, so that halving finds the edge.
        """
        mean = self.mean
        refuted, open_, below = end, mean, end > mean
        for _ in range(40):
            middle = (refuted + open_) / 2
            if not min(end, mean) < middle < max(end, mean):
                break
            process = BettingProcess.against(middle, bounds, below=below)
            won = process.updated(self.values, self.counts).rejects(alpha)
            refuted, open_ = (middle, open_) if won else (refuted, middle)
        return refuted

    def document(self) -> dict[str, Any]:
        """Return the counts as a JSON document."""
        return {"values": self.values.tolist(), "counts": self.counts.tolist()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Seen:
        """Read counts back."""
        values = np.array(document["values"], dtype=np.float64)
        return cls(values, np.array(document["counts"], dtype=np.int64))
