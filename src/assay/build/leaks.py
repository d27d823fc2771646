"""How well one column alone predicts the outcome: a leak shows first as a column too good."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.ports.engine import Columns, Floats
from assay.stats.metrics import roc_auc

__all__ = ["alone"]

_CELLS = 32
_SHRINK = 5.0


def alone(columns: Columns, outcomes: NDArray[np.number], *, binary: bool) -> dict[str, float]:
    """Return each column's power over the outcome, on rows that the power was not learned from.

    A column is cut into cells (32 quantiles, or its categories; missing values are one); the mean
    outcome of each cell in every other row, shrunk to the overall mean, predicts the rest. The
    power is the ROC AUC of that prediction where `outcomes` are 0 and 1, else R squared (0 where
    worse than the mean).

    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 1000)
    >>> given = {"copy": y.astype(float), "noise": rng.random(1000)}
    >>> {name: round(power, 1) for name, power in alone(given, y, binary=True).items()}
    {'copy': 1.0, 'noise': 0.5}
    """
    known = np.asarray(outcomes, dtype=np.float64)
    power = {}
    for name, values in columns.items():
        predicted = _predicted(_cells(values), known)
        power[name] = roc_auc(known, predicted) if binary else _explained(predicted, known)
    return power


def _cells(values: NDArray[np.generic]) -> NDArray[np.int64]:
    if values.dtype == object:
        return np.unique(values.astype(str), return_inverse=True)[1].astype(np.int64)
    numbers = values.astype(np.float64)
    present = np.isfinite(numbers)
    if not present.any():
        return np.zeros(len(numbers), dtype=np.int64)
    edges = np.unique(np.quantile(numbers[present], np.linspace(0, 1, _CELLS + 1)[1:-1]))
    cells = np.searchsorted(edges, numbers)
    cells[~present] = len(edges) + 1
    return cells


def _predicted(cells: NDArray[np.int64], outcomes: Floats) -> Floats:
    """Predict each half of the rows (even and odd) by the cell means of the other half."""
    predicted = np.empty(len(outcomes))
    for half in (0, 1):
        learn, judge = slice(half, None, 2), slice(1 - half, None, 2)
        overall = outcomes[learn].mean()
        size = int(cells.max()) + 1
        counts = np.bincount(cells[learn], minlength=size)
        totals = np.bincount(cells[learn], weights=outcomes[learn], minlength=size)
        predicted[judge] = ((totals + _SHRINK * overall) / (counts + _SHRINK))[cells[judge]]
    return predicted


def _explained(predicted: Floats, outcomes: Floats) -> float:
    spread = float(np.var(outcomes))
    left = float(np.mean((outcomes - predicted) ** 2))
    return max(0.0, 1.0 - left / spread) if spread > 0 else 0.0
