"""Sums and products of payoff terms in each cell, and what linear forms of them add up to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.ports.engine import Floats
from assay.stats.score_table import ScoreTable

__all__ = ["Moments", "counted_moments", "whole"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Of the cases of each pair and cell: `first` (D, C, U) and `second` (D, C, U, U).

    With x = (1, terms) of a case they are the sums of x and of x x'. A form h, (D, C, U) or with a
    C of 1, stands for the amount h x of each case.
    """

    first: Floats
    second: Floats

    @property
    def count(self) -> Floats:
        """Cases, (D, C)."""
        count: Floats = self.first[..., 0]
        return count

    def total(self, form: Floats) -> Floats:
        """Return the sum of a form over the cases of each cell, (D, C)."""
        total: Floats = (form * self.first).sum(axis=-1)
        return total

    def squared(self, form: Floats) -> Floats:
        """Return the sum of its squares, (D, C)."""
        wide = np.broadcast_to(form, self.first.shape)
        squared: Floats = np.einsum("dcu,dcuv,dcv->dc", wide, self.second, wide)
        return np.maximum(squared, 0.0)

    def spread(self, form: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of a form within each cell, 0 where there is none."""
        count = np.maximum(self.count, 1.0)
        mean = self.total(form) / count
        square = self.squared(form) / count
        # Differences of like numbers: what is within rounding of nothing is nothing.
        variance = np.where(square - mean**2 > 1e-12 * square, square - mean**2, 0.0)
        return mean, np.sqrt(variance)

    def ends(self, form: Floats) -> tuple[Floats, Floats]:
        """Return the least and the most that a form can be for any case of a cell.

        No value lies further from the mean than `sd sqrt(n - 1)` (Samuelson, How deviant can you
        be?, JASA 63, 1968).
        """
        mean, deviation = self.spread(form)
        reach = deviation * np.sqrt(np.maximum(self.count - 1.0, 0.0))
        held = self.count > 0
        return np.where(held, mean - reach, 0.0), np.where(held, mean + reach, 0.0)

    def at(self, pairs: NDArray[np.bool_]) -> Moments:
        """Return the moments of some pairs, the others having no cases."""
        keep = pairs.astype(np.float64)
        return Moments(self.first * keep[:, None, None], self.second * keep[:, None, None, None])

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.first + other.first, self.second + other.second)


def counted_moments(n: Ints, sums: Floats, products: Floats, of: Ints | None = None) -> Moments:
    """Return moments from counts (D, C), sums (T, D, C) and products (P, D, C).

    `of` are the counts behind the products where those are of more cases: each cell's products are
    then taken in proportion.
    """
    t = len(sums)
    first = np.concatenate([n[None].astype(np.float64), sums])
    second = np.empty((1 + t, 1 + t, *n.shape))
    second[0], second[:, 0] = first, first
    share = np.ones(n.shape) if of is None else n / np.maximum(of, 1)
    place = 0
    for one in range(t):
        for other in range(one, t):
            second[1 + one, 1 + other] = second[1 + other, 1 + one] = products[place] * share
            place += 1
    return Moments(np.moveaxis(first, 0, -1), np.moveaxis(second, (0, 1), (-2, -1)))


def whole(table: ScoreTable) -> Moments:
    """Return the moments of all cases of a table of one segment."""
    return counted_moments(table.n[0], table.sums[:, 0], table.products[:, 0])
