"""What one feature did in one window: counts and sums that add up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assay.stats.grid import NumberAxis

__all__ = ["Tally"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tally:
    """What one feature did in one window.

    `counts` has one entry for each cell of the axis, missing values last. For numbers, `sums`
    holds the sum of deviations from the axis' centre in each cell (the missing cell's is 0),
    `squares` the sum of their squares, `least` and `most` the extremes (infinite where there
    is no value); for categories `sums` is empty.
    """

    counts: Ints
    sums: Floats
    squares: float = 0.0
    least: float = np.inf
    most: float = -np.inf

    @property
    def nulls(self) -> int:
        """How many values are missing."""
        return int(self.counts[-1])

    @cached_property
    def n(self) -> int:
        """How many values are present."""
        return int(self.counts[:-1].sum())

    def mean(self, axis: NumberAxis) -> float:
        """Return the mean of the present values; NaN where there is none."""
        return axis.centre + float(self.sums.sum()) / self.n if self.n else np.nan

    def variance(self) -> float:
        """Return the variance of the present values (divided by n); NaN where there is none."""
        if not self.n:
            return np.nan
        return max(0.0, self.squares / self.n - (float(self.sums.sum()) / self.n) ** 2)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.counts + other.counts,
            self.sums + other.sums,
            self.squares + other.squares,
            min(self.least, other.least),
            max(self.most, other.most),
        )
