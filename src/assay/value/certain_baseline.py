"""Whether a baseline is paid one amount alone, whatever comes."""

from __future__ import annotations

from assay.expression import Expression
from assay.value.classification import ClassificationValuation
from assay.value.payoff import PayoffTable
from assay.value.valuation import Valuation

__all__ = ["baseline_varies"]


def baseline_varies(valuation: Valuation) -> bool:
    """Return False where the charter's baseline takes one action that always pays one amount.

    Then units of a control that all were paid alike say all there is to say. True wherever that
    cannot be told from the value model alone.

    >>> from assay.charter.policy import BestAction
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> ways = {"nobody": "skip", "everybody": "call"}
    >>> for name in ways:
    ...     print(baseline_varies(ClassificationValuation("EUR", table, BestAction(), ways, name)))
    False
    True
    """
    if not isinstance(valuation, ClassificationValuation):
        return True
    table, rule = valuation.table, valuation.baselines[valuation.baseline_name]
    if not isinstance(table, PayoffTable) or rule not in table.actions:
        return True
    row = table.terms[table.actions.index(rule)]
    amounts = {term for term in row if not isinstance(term, Expression)}
    return len(amounts) > 1 or any(isinstance(term, Expression) for term in row)
