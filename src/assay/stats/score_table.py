"""What was decided at which score, and what it was worth: sums that add up over windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ScoreTable", "score_table"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Sums for each decision (row) and score cell (column) of a binary outcome.

    A case is worth `fixed + slope * y` for the outcome y in {0, 1}. `n`, `fixed`, `slope`
    and `slope_squared` are known when the decision is made; `labelled`, `labelled_fixed`,
    `positive` and `positive_slope` are added when its outcome arrives. Where the cells are
    the blocks of a calibrator, this is all that the value before and after labels needs.
    """

    n: Ints
    fixed: Floats
    slope: Floats
    slope_squared: Floats
    labelled: Ints
    labelled_fixed: Floats
    positive: Ints
    positive_slope: Floats

    def __add__(self, other: ScoreTable) -> ScoreTable:
        names = [field.name for field in fields(self)]
        added: list[Any] = [getattr(self, name) + getattr(other, name) for name in names]
        return ScoreTable(*added)

    def realised(self) -> float:
        """Return the worth of the labelled cases."""
        return float(self.labelled_fixed.sum() + self.positive_slope.sum())

    def expected(self, probability: Floats) -> float:
        """Return the worth of all cases to be expected under P(y = 1) in each score cell."""
        return float(self.fixed.sum() + (self.slope * probability).sum())

    def document(self) -> dict[str, Any]:
        """Return the table as a JSON document."""
        return {field.name: getattr(self, field.name).tolist() for field in fields(self)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ScoreTable:
        """Read a table back."""
        counts = {"n", "labelled", "positive"}
        arrays: list[Any] = [
            np.asarray(document[field.name], np.int64 if field.name in counts else np.float64)
            for field in fields(cls)
        ]
        return cls(*arrays)


def score_table(
    decisions: Ints,
    cells: Ints,
    fixed: Floats,
    slope: Floats,
    *,
    shape: tuple[int, int],
    outcomes: Ints | None = None,
) -> ScoreTable:
    """Add up one window's cases; `shape` is (decisions, score cells), an outcome of -1 is unknown.

    >>> table = score_table(np.array([0, 1]), np.array([0, 0]), np.array([0.0, -1.0]),
    ...                     np.array([0.0, 10.0]), shape=(2, 1), outcomes=np.array([-1, 1]))
    >>> table.realised(), table.expected(np.array([0.3]))
    (9.0, 2.0)
    """
    known = np.full(len(cells), -1, dtype=np.int64) if outcomes is None else outcomes
    where = decisions * shape[1] + cells

    def summed(weights: Floats, among: NDArray[np.bool_] | None = None) -> Floats:
        weighted = weights if among is None else np.where(among, weights, 0.0)
        added = np.bincount(where, weighted, minlength=shape[0] * shape[1])
        return added.astype(np.float64).reshape(shape)

    ones = np.ones(len(cells))
    labelled, positive = known >= 0, known == 1
    return ScoreTable(
        summed(ones).astype(np.int64),
        summed(fixed),
        summed(slope),
        summed(slope * slope),
        summed(ones, labelled).astype(np.int64),
        summed(fixed, labelled),
        summed(ones, positive).astype(np.int64),
        summed(slope, positive),
    )
