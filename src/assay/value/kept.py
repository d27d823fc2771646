"""Limits kept in the order in which cases come, as where somebody counts."""

from __future__ import annotations

import numpy as np

from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats, Ints
from assay.value.rule import expected_by_action

__all__ = ["kept_within"]


def kept_within(
    valuation: ClassificationValuation, decisions: Ints, forecast: Floats, columns: Columns
) -> Ints:
    """Return decisions of cases in the order in which they came, each limit kept in its window.

    A learned price keeps to a limit on average, while cases are like those that taught it. Here
    whoever comes when the window's places are gone gets what is best of what uses up nothing,
    as where somebody counts (places of a window of cases are kept for later ones, those of a
    day are not). Decisions that share a limit out among given cases keep it already.
    """
    if valuation.prices is None or not valuation.limits:
        return decisions
    n, kept = len(decisions), decisions.copy()
    by_action = expected_by_action(valuation.payoffs(columns, n), forecast)
    limits, caps = valuation.limits, valuation.table.caps
    uses = [np.broadcast_to(limit.use(columns, n, caps), by_action.shape) for limit in limits]
    # Who goes without one limit takes nothing of another either, so that each is kept.
    total = np.sum([use / max(float(use.max()), 1e-300) for use in uses], axis=0)
    least = total <= total.min(axis=1, keepdims=True) + 1e-9
    free = np.argmax(np.where(least, by_action, -np.inf), axis=1)
    for limit, use in zip(limits, uses, strict=True):
        late = limit.late(use[np.arange(n), kept])
        kept[late] = free[late]
    return kept
