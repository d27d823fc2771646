"""The cells into which scores are counted: fine enough to recalibrate, cut where blocks begin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ScoreCells", "crossed_cells", "plain_cells"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS = 64
"""Bins of the score within a block that does not follow from the score."""


@dataclass(frozen=True, eq=False)
class ScoreCells:
    """Which cell a score falls into, and which calibration block a cell belongs to.

    `edges` (E,) cut the one-dimensional score: the raw score of two outcomes and of amounts, the
    largest of the K scores of more. A score belongs to the bin with `edges[i-1] < s <= edges[i]`.
    `block` (C,) is the calibration block of each cell, `labelled` (B,) the labelled reference cases
    behind each block. Where blocks do not follow from the score (they hang on an amount at stake
    too, or on K scores), cells are `crossed`: a bin within a block.

    >>> cells = plain_cells(np.array([0.2, 0.4]), np.array([0.3]), np.array([70, 30]))
    >>> cells.size, cells.block.tolist(), cells.of(np.array([0.1, 0.25, 0.35, 0.9])).tolist()
    (4, [0, 0, 1, 1], [0, 1, 2, 3])
    """

    edges: Floats
    block: Ints
    labelled: Ints
    crossed: bool = False

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self.block)

    @property
    def rank(self) -> Ints:
        """The bin of the score (C,) that each cell lies in: cells of one bin are tied."""
        return np.arange(self.size) % (len(self.edges) + 1)

    def of(self, score: Floats, blocks: Ints | None = None) -> Ints:
        """Return the cell (n,) of each one-dimensional score; `blocks` (n,) where cells cross."""
        bins = np.searchsorted(self.edges, score, side="left").astype(np.int64)
        if not self.crossed:
            return bins
        if blocks is None:
            raise ValueError("these cells hang on each case's calibration block: give the blocks")
        return blocks * (len(self.edges) + 1) + bins


def plain_cells(reference: Floats, cuts: Floats, labelled: Ints) -> ScoreCells:
    """Return cells of a score alone, cut at reference quantiles and where blocks begin.

    `reference` are the edges of the reference's score axis, `cuts` (B - 1,) those of the blocks,
    `labelled` (B,) the cases behind each.
    """
    edges = np.unique(np.concatenate([reference, cuts]))
    # The cell above every edge belongs to the last block.
    block = np.append(np.searchsorted(cuts, edges, side="left"), len(labelled) - 1)
    return ScoreCells(edges, block.astype(np.int64), labelled)


def crossed_cells(reference: Floats, labelled: Ints, bins: int = _BINS) -> ScoreCells:
    """Return cells of a score within each block, `bins` of them at most.

    >>> cells = crossed_cells(np.array([0.2, 0.4]), np.array([70, 30]))
    >>> cells.size, cells.of(np.array([0.3, 0.3]), np.array([0, 1])).tolist()
    (6, [1, 4])
    """
    count = min(bins - 1, len(reference))
    places = np.unique(np.linspace(0, len(reference) - 1, count).round().astype(np.int64))
    edges = reference[places] if count else reference
    block = np.repeat(np.arange(len(labelled), dtype=np.int64), len(edges) + 1)
    return ScoreCells(edges, block, labelled, crossed=True)
