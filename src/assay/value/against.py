"""Cases with known outcomes, and what each way of deciding them was worth."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from assay.value.classification import ClassificationValuation
from assay.value.kept import kept_within
from assay.value.payoff import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["baseline_payoffs", "decided", "hindsight_payoffs", "per_decision", "policy_payoffs"]


def decided(valuation: Valuation, forecast: Floats, columns: Columns) -> NDArray[Any]:
    """Return the policy's decisions on cases in order of coming, no limit used beyond its windows.

    See `assay.value.kept`.
    """
    decisions = valuation.decide(forecast, columns)
    if isinstance(valuation, ClassificationValuation):
        return kept_within(valuation, decisions, forecast, columns)
    return decisions


def policy_payoffs(
    valuation: Valuation, forecast: Floats, outcomes: NDArray[Any], columns: Columns
) -> Floats:
    """Return what each case paid under the policy's decisions, in currency."""
    return valuation.realised(decided(valuation, forecast, columns), outcomes, columns)


def baseline_payoffs(
    valuation: Valuation, outcomes: NDArray[Any], columns: Columns, name: str | None = None
) -> Floats:
    """Return what each case would have paid under a baseline (the charter's where not named)."""
    decisions = valuation.baseline(columns, len(outcomes), name)
    return valuation.realised(decisions, outcomes, columns)


def hindsight_payoffs(valuation: Valuation, outcomes: NDArray[Any], columns: Columns) -> Floats:
    """Return what each case would have paid, decided by who knows outcomes, within the limits."""
    return valuation.realised(valuation.perfect(outcomes, columns), outcomes, columns)


def per_decision(valuation: Valuation) -> str:
    """Return the unit of a mean payoff, such as `EUR per decision`."""
    return f"{valuation.currency} per decision"
