"""Alike cases of two sides: the same segment, and a score in the same cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CellTable", "common_cells", "score_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CellTable:
    """The cell of each case of either side, and how many cases of either side each cell has.

    `of` are two arrays (n,) of codes, `counts` has shape (2, C); every cell has a case somewhere.
    """

    of: tuple[Ints, Ints]
    counts: Ints

    @property
    def shares(self) -> Floats:
        """The share of each side's cases in each cell, shape (2, C)."""
        shares: Floats = self.counts / self.counts.sum(axis=1, keepdims=True)
        return shares

    @property
    def unmatched(self) -> tuple[float, float]:
        """The share of each side's cases in cells that the other side does not have."""
        alone = np.where(self.counts[::-1] == 0, self.counts, 0).sum(axis=1)
        shares = alone / self.counts.sum(axis=1)
        return float(shares[0]), float(shares[1])


def score_of(forecast: Floats, task: str) -> tuple[Ints, Floats]:
    """Return what kind of case a forecast (n, K) makes, and its score within the kind.

    Two outcomes: one kind, and the probability of the positive one. More: the most probable
    outcome, and its probability. Amounts: one kind, and the median.

    >>> kind, score = score_of(np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]), "classification")
    >>> kind.tolist(), score.tolist()
    ([1, 0], [0.5, 0.6])
    """
    none = np.zeros(len(forecast), dtype=np.int64)
    if task == "regression":
        return none, np.median(forecast, axis=1)
    if forecast.shape[1] == 2:
        return none, forecast[:, 1]
    return np.argmax(forecast, axis=1).astype(np.int64), forecast.max(axis=1)


def common_cells(
    planned: tuple[Ints, Floats],
    realised: tuple[Ints, Floats],
    segments: tuple[NDArray[Any] | None, NDArray[Any] | None] = (None, None),
    *,
    cells: int = 10,
) -> CellTable:
    """Cut the cases of both sides into cells of segment, kind and score.

    Each kind has `cells` score cells, or fewer where scores repeat; their edges are quantiles of
    both sides' scores, either side weighing the same whatever its size. So the cells resolve
    the scores of both, and do not depend on which side comes first. Raises ValueError where
    only one side has segments.
    """
    if (segments[0] is None) != (segments[1] is None):
        raise ValueError("give the segments of both sides, or of neither")
    split = len(planned[0])
    kind = np.concatenate([planned[0], realised[0]])
    score = np.concatenate([planned[1], realised[1]])
    weight = np.repeat([len(realised[0]), split], [split, len(realised[0])]).astype(np.int64)
    code = np.zeros(len(kind), dtype=np.int64)
    for each in np.unique(kind):
        rows = kind == each
        edges = _edges(score[rows], weight[rows], cells)
        code[rows] = each * cells + np.searchsorted(edges, score[rows], side="left")
    if segments[0] is not None and segments[1] is not None:
        names = np.concatenate([segments[0].astype(str), segments[1].astype(str)])
        _, group = np.unique(names, return_inverse=True)
        code = code + group * (int(code.max()) + 1)
    _, code = np.unique(code, return_inverse=True)
    of = (code[:split], code[split:])
    count = int(code.max()) + 1
    return CellTable(of, np.array([np.bincount(one, minlength=count) for one in of]))


def _edges(score: Floats, weight: Ints, cells: int) -> Floats:
    """Return the inner edges: each the least score at or below which its share of weight lies.

    In whole numbers, so that the order of the sides cannot move an edge by rounding.
    """
    order = np.argsort(score, kind="stable")
    below = np.cumsum(weight[order])
    wanted = np.arange(1, cells, dtype=np.int64) * int(below[-1])
    places = np.searchsorted(below * cells, wanted, side="left")
    edges: Floats = np.unique(score[order][places])
    return edges
