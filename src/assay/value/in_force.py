"""Payoffs that were agreed for a later day, under a policy that was learned before."""

from __future__ import annotations

from dataclasses import replace

from assay.value.classification import ClassificationValuation
from assay.value.regression import RegressionValuation
from assay.value.valuation import Valuation

__all__ = ["paid_by"]


def paid_by(deciding: Valuation, paying: Valuation) -> Valuation:
    """Return a valuation that decides as one does and pays as another.

    The two name the same actions and outcomes, as the versions of one charter do (ValueError
    otherwise). A threshold stays where it was; best actions follow the payoffs, and forecasts stay
    as they were calibrated.

    >>> from assay.charter.policy import Threshold
    >>> from assay.value.payoff import PayoffTable
    >>> def bank(yes):
    ...     table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, yes), (0.0, 0.0)))
    ...     policy = Threshold(action="call", otherwise="skip", at=0.1)
    ...     return ClassificationValuation("EUR", table, policy, {"nobody": "skip"}, "nobody")
    >>> paid_by(bank(9.0), bank(7.0)).bounds()
    (-1.0, 7.0)
    """
    if isinstance(deciding, ClassificationValuation) and isinstance(
        paying, ClassificationValuation
    ):
        same = (deciding.labels, deciding.actions) == (paying.labels, paying.actions)
        if same:
            under = deciding.calibrated_under or deciding
            return replace(
                deciding,
                table=paying.table,
                reviewer=paying.reviewer,
                calibrated_under=under.untuned(),
            )
    if isinstance(deciding, RegressionValuation) and isinstance(paying, RegressionValuation):
        return replace(deciding, payoff=paying.payoff)
    raise ValueError("the two valuations do not name the same actions and outcomes")
