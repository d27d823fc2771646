"""How well each column alone tells the outcome: a leak shows first as a column too good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.metrics import roc_auc

__all__ = ["SUSPICIOUS", "lone_power", "lone_power_over_outcomes"]

SUSPICIOUS = 0.95
"""The power alone from which on a column is mistrusted, whatever the task."""

_CELLS = 32
_BLOCKS = 10
_SHRINK = 5.0
_LEAST_CASES = 30

Floats = NDArray[np.float64]


def lone_power(
    columns: Mapping[str, NDArray[Any]], outcomes: NDArray[Any], *, binary: bool
) -> dict[str, float]:
    """Return each column's power over the outcome, on rows that the power was not learned from.

    A column (float64, or object arrays of text) is cut into cells: 32 quantiles or its values, a
    missing value being one of them. The mean outcome of each cell in every other block of rows,
    shrunk to the overall mean, predicts the rest. The power is the ROC AUC of that prediction
    where `outcomes` are 0 and 1 (0.5 where only one occurs), else R squared (not below 0).

    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 1000)
    >>> given = {"copy": y.astype(float), "noise": rng.random(1000)}
    >>> {name: round(power, 1) for name, power in lone_power(given, y, binary=True).items()}
    {'copy': 1.0, 'noise': 0.5}
    """
    known = np.asarray(outcomes, dtype=np.float64)
    half = (np.arange(len(known)) * _BLOCKS // max(len(known), 1)) % 2
    power = {}
    for name, values in columns.items():
        predicted = _predicted(_cells(values), known, half)
        power[name] = _area(known, predicted) if binary else _explained(predicted, known)
    return power


def lone_power_over_outcomes(
    columns: Mapping[str, NDArray[Any]], codes: NDArray[np.int64], outcomes: int
) -> dict[str, float]:
    """Return each column's power over K outcomes: the most that it has over one of them.

    `codes` are 0..K-1. For two outcomes it is the power over the second; for more the greatest ROC
    AUC of one outcome against all others, since a column that gives one outcome away is a leak.
    Outcomes of fewer than 30 cases are left aside: theirs is mostly chance.

    >>> y = np.arange(900) % 3
    >>> given = {"is two": (y == 2).astype(float), "nothing": np.zeros(900)}
    >>> {name: round(at, 1) for name, at in lone_power_over_outcomes(given, y, 3).items()}
    {'is two': 1.0, 'nothing': 0.5}
    """
    if outcomes == 2:
        return lone_power(columns, codes, binary=True)
    counts = np.bincount(codes, minlength=outcomes)
    each = [
        lone_power(columns, codes == code, binary=True)
        for code in np.flatnonzero(counts >= _LEAST_CASES)
    ]
    return {name: max((power[name] for power in each), default=0.5) for name in columns}


def _cells(values: NDArray[Any]) -> NDArray[np.int64]:
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


def _predicted(cells: NDArray[np.int64], outcomes: Floats, half: NDArray[np.int64]) -> Floats:
    """Predict each half of the blocks by the cell means of the other half.

    Centred on the mean of the rows learned from, so that a drift of the mean is no power.
    """
    predicted = np.zeros(len(outcomes))
    size = int(cells.max(initial=0)) + 1
    for part in (0, 1):
        learn, judge = half != part, half == part
        overall = outcomes[learn].mean() if learn.any() else outcomes.mean()
        counts = np.bincount(cells[learn], minlength=size)
        totals = np.bincount(cells[learn], weights=outcomes[learn], minlength=size)
        means = (totals + _SHRINK * overall) / (counts + _SHRINK)
        predicted[judge] = means[cells[judge]] - overall
    return predicted


def _area(outcomes: Floats, predicted: Floats) -> float:
    return 0.5 if np.ptp(outcomes) == 0 else roc_auc(outcomes, predicted)


def _explained(predicted: Floats, outcomes: Floats) -> float:
    spread = float(np.var(outcomes))
    left = float(np.mean((outcomes - outcomes.mean() - predicted) ** 2))
    return max(0.0, 1.0 - left / spread) if spread > 0 else 0.0
