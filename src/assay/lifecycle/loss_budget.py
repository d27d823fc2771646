"""What wrongly promoted versions may cost a year, and what is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.charter.charter import Charter
from assay.evidence.folds import ReleaseState
from assay.lifecycle.charter_then import charter_of_release
from assay.value.valuation import valuation

__all__ = ["PROMOTIONS_A_YEAR", "LossBudget", "loss_budget"]

PROMOTIONS_A_YEAR = 12
"""Into how many equal parts a year's budget is cut: one for each promotion."""

_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class LossBudget:
    """The charter's loss budget at a moment; amounts are in currency a year.

    A promoted version is surely at most a tolerance worse than the one before on each decision, so
    that it may cost that tolerance times the year's decisions. `spent` is the sum over promotions
    of the last 365 days; each was written down with what it took when it was made.

    >>> round(LossBudget(currency="EUR", total=1200.0, spent=1150.0, decisions=500).tolerance, 6)
    0.1
    """

    currency: str
    total: float
    spent: float
    decisions: float

    @property
    def left(self) -> float:
        """What later promotions may still take; 0 where that is no more than rounding."""
        left = self.total - self.spent
        return left if left > 1e-9 * self.total else 0.0

    @property
    def tolerance(self) -> float:
        """What the next promotion may take on each decision: a twelfth of the whole, or the rest.

        So each promotion has the same, and a busy year cannot take more than one budget.
        """
        return min(self.total / PROMOTIONS_A_YEAR, self.left) / self.decisions

    def __str__(self) -> str:
        return (
            f"{self.spent:,.0f} of {self.total:,.0f} {self.currency} of the loss budget are spent "
            "by promotions of the last 365 days"
        )


def loss_budget(charter: Charter, state: ReleaseState, now: datetime) -> LossBudget:
    """Return the budget at a moment; while a canary runs, as it stood when that was started.

    Where the charter names none, it is 1 % of the range of payoffs on each decision of a year.
    """
    charter = charter_of_release(charter, state)
    low, high = valuation(charter.value, charter.data).bounds()
    decisions = 12.0 * charter.value.decisions_per_month
    budget = charter.release.loss_budget_per_year
    started = [step.at for step in state.history if step.what == "started"]
    at = started[-1] if state.running and started else now
    return LossBudget(
        currency=charter.value.currency,
        total=0.01 * (high - low) * decisions if budget is None else budget,
        spent=sum(step.spent for step in state.history if at - _YEAR < step.at <= at),
        decisions=decisions,
    )
