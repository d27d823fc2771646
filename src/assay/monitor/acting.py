"""Which action counts as taking a case for a positive one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.monitor.watched import Watched
from assay.stats.grid import CategoryAxis
from assay.stats.score_table import ScoreTable
from assay.value.classification import ClassificationValuation

__all__ = ["acting", "selected_pairs"]


def acting(watched: Watched) -> int:
    """Return the code of the action that takes a case for one of the positive outcome.

    It is the action of a threshold or top-k policy, else the one that pays best on the positive
    outcome: at the reference's mean of each number and its most frequent category, where payoffs
    read columns (1 for a column that it lacks). All other actions count as taking the case for a
    negative one, `refer` among them: precision and recall are then those of what the model selects
    by itself. Raises TypeError where amounts are decided.
    """
    valuation = watched.valuation
    if not isinstance(valuation, ClassificationValuation):
        raise TypeError("amounts are decided, which select nobody")
    row = {name: _typical(watched, name) for name in valuation.table.columns}
    return valuation.alternatives(valuation.payoffs(row, 1))[0]


def selected_pairs(watched: Watched, table: ScoreTable) -> NDArray[np.bool_]:
    """Return which pairs (D,) of actions of a table select a case.

    Of two outcomes those in which it is acted (see `acting`); of more, where no one outcome stands
    for the others, those whose action is not the baseline's.
    """
    if table.outcomes > 2:
        return np.array([own != base for own, base in table.pairs], dtype=np.bool_)
    act = acting(watched)
    return np.array([own == act for own, _ in table.pairs], dtype=np.bool_)


def _typical(watched: Watched, name: str) -> NDArray[Any]:
    axis = watched.reference.grid.axes.get(name)
    if axis is None:
        return np.ones(1)
    tally = watched.reference.pooled.features[name]
    if isinstance(axis, CategoryAxis):
        most = int(np.argmax(tally.counts[: len(axis.values)])) if axis.values else 0
        return np.array(axis.values[most : most + 1] or [""], dtype=object)
    return np.array([tally.mean(axis)])
