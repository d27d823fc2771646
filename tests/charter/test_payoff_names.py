"""Names in payoffs that are also names of columns."""

from __future__ import annotations

import pytest

from assay.charter.value_model import value_model
from assay.errors import CharterError

SALE = """
currency: EUR
payoff: price * min(decision, outcome) - decision
caps: {price: [0, 10], outcome: [0, 100]}
baselines: {ten: 10}
decisions_per_month: 100
"""


def test_a_payoff_of_amounts_reads_the_outcome_whatever_its_column_is_called() -> None:
    assert value_model(SALE).payoff == "price * min(decision, outcome) - decision"


def test_a_payoff_between_actions_does_not_read_the_outcome() -> None:
    text = """
    currency: EUR
    actions: {call: outcome * 2, skip: {yes: 0, no: 1}}
    caps: {outcome: [0, 1]}
    baselines: {nobody: skip}
    decisions_per_month: 100
    """
    with pytest.raises(CharterError, match="reads the outcome column"):
        value_model(text, positive="yes")
