"""The least and the most that decisions can pay, whatever the outcomes turn out to be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["Reach", "reach_of_difference", "reach_of_knowing", "reach_of_payoff"]

Reach = tuple[float, float] | None
"""Bounds of one case's amount; None where nothing bounds it."""


def reach_of_payoff(valuation: Valuation, decisions: NDArray[Any], columns: Columns) -> Reach:
    """Return the least and the most that any of these decisions can pay.

    In classification over every outcome, case by case. None in regression: what bounds amounts
    there (the caps) lies too far off to say anything.

    >>> from assay.charter.policy import BestAction
    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> reach_of_payoff(bank, np.array([1, 1]), {})
    (0.0, 0.0)
    """
    possible = _possible(valuation, decisions, columns)
    return None if possible is None else (float(possible.min()), float(possible.max()))


def reach_of_difference(
    valuation: Valuation, decisions: NDArray[Any], others: NDArray[Any], columns: Columns
) -> Reach:
    """Return the least and the most by which decisions can pay more than others, case by case.

    >>> from assay.charter.policy import BestAction
    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> reach_of_difference(bank, np.array([0, 1]), np.array([1, 1]), {})
    (-1.0, 9.0)
    """
    one = _possible(valuation, decisions, columns)
    other = _possible(valuation, others, columns)
    if one is None or other is None:
        return None
    return float((one - other).min()), float((one - other).max())


def reach_of_knowing(valuation: Valuation, n: int, columns: Columns) -> Reach:
    """Return the least and the most by which knowing the outcome can pay more than the baseline.

    None in regression, and where limits stand between: who goes without is not known beforehand.

    >>> from assay.charter.policy import BestAction
    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> reach_of_knowing(bank, 2, {})
    (0.0, 9.0)
    """
    if not isinstance(valuation, ClassificationValuation) or valuation.limits:
        return None
    instead = _possible(valuation, valuation.baseline(columns, n), columns)
    if instead is None:
        return None
    gain = valuation.payoffs(columns, n).max(axis=1) - instead
    return float(gain.min()), float(gain.max())


def _possible(valuation: Valuation, decisions: NDArray[Any], columns: Columns) -> Floats | None:
    """Return what each decision pays given each outcome, (n, K)."""
    if not isinstance(valuation, ClassificationValuation) or not len(decisions):
        return None
    payoffs = valuation.payoffs(columns, len(decisions))
    rows = np.arange(len(decisions)) if len(payoffs) > 1 else 0
    paid: Floats = payoffs[rows, decisions]
    return paid
