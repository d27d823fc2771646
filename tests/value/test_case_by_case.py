"""What is decided of a case hangs on that case alone, once a policy is tuned."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats
from assay.value.valuation import Valuation, valuation, valuation_from_document

POLICIES: dict[str, Any] = {
    "best": "best_action",
    "learned": {"kind": "threshold", "action": "call", "otherwise": "skip"},
    "agreed": {"kind": "threshold", "action": "call", "otherwise": "skip", "at": 0.4},
    "band": {
        "kind": "threshold",
        "action": "call",
        "otherwise": "skip",
        "at": 0.4,
        "refer_from": 0.1,
    },
    "low": {"kind": "threshold", "action": "call", "otherwise": "skip", "refer_from": 0.1},
    "top": {"kind": "top_k", "action": "call", "otherwise": "skip", "k": 2, "of": 10},
    "budget": {"kind": "budget", "amount": 40, "of": 100, "costs": {"call": "amount", "mail": 0.1}},
}
PERSONS: dict[str, Any] = {
    "nobody": None,
    "asked": {"cost": 0.2, "accuracy": 0.95},
    "short of time": {"cost": 0.1, "accuracy": 0.98, "capacity": {"k": 1, "of": 20}},
}
OUTCOMES: dict[int, Any] = {
    2: {"call": {"no": -1, "yes": 9}, "mail": {"no": -0.25, "yes": 3}, "skip": 0},
    3: {
        "call": {"no": -1, "later": 1, "yes": 9},
        "mail": {"no": -0.25, "later": 2, "yes": 3},
        "skip": 0,
    },
}
KEPT = ("amount", "fee")


def valued(policy: Any, person: Any, outcomes: int, *, by_row: bool) -> Valuation:
    actions = dict(OUTCOMES[outcomes])
    if by_row:
        actions["call"] = {**actions["call"], "yes": "9 * amount - fee"}
    model = ValueModel.model_validate(
        {
            "currency": "EUR",
            "actions": actions,
            "caps": {"amount": [0, 3], "fee": [0, 2]},
            "baselines": {"nobody": "skip"},
            "baseline": "nobody",
            "decisions_per_month": 3000,
            "policy": policy,
            **({} if person is None else {"refer": person}),
        }
    )
    return valuation(model, Data(source="bank.csv", outcome="y", positive="yes"))


def cases(seed: int, n: int, outcomes: int) -> tuple[Floats, Columns]:
    """Forecasts in steps, as calibration gives them, so that many cases tie."""
    random = np.random.default_rng(seed)
    forecast = np.round(random.dirichlet(np.r_[[4.0] * (outcomes - 1), 1.0], n) * 20) / 20
    forecast[:, 0] = 1 - forecast[:, 1:].sum(axis=1)
    return forecast, {name: np.round(random.uniform(0, 3, n), 1) for name in KEPT}


def some(columns: Columns, rows: Any) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


@pytest.mark.parametrize("by_row", [False, True], ids=["one table", "payoffs by row"])
@pytest.mark.parametrize("outcomes", OUTCOMES)
@pytest.mark.parametrize("person", PERSONS)
@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=4)
@given(seed=st.integers(0, 10_000))
def test_cases_decided_one_by_one_are_decided_as_together(
    policy: str, person: str, outcomes: int, by_row: bool, seed: int
) -> None:
    found = valued(POLICIES[policy], PERSONS[person], outcomes, by_row=by_row)
    forecast, columns = cases(seed, 400, outcomes)
    happened = np.random.default_rng(seed).integers(0, outcomes, 400)
    taught = found.tuned(forecast, happened, columns)
    assert taught.case_by_case
    served = valuation_from_document(json.loads(json.dumps(taught.document())))
    assert served == taught
    assert taught.untuned() == found
    forecast, columns = cases(seed + 1, 60, outcomes)
    together, worth = served.decide_and_value(forecast, columns)
    for cut in (1, 7):
        parts = [
            served.decide_and_value(forecast[at : at + cut], some(columns, slice(at, at + cut)))
            for at in range(0, 60, cut)
        ]
        np.testing.assert_array_equal(np.concatenate([codes for codes, _ in parts]), together)
        np.testing.assert_array_equal(np.concatenate([paid for _, paid in parts]), worth)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_amounts_decided_one_by_one_are_decided_as_together(seed: int) -> None:
    for payoff in (
        {"under": 3.0, "over": 1.0},
        {"payoff": "amount * min(decision, outcome) - fee"},
    ):
        model = ValueModel.model_validate(
            {
                "currency": "EUR",
                **payoff,
                "caps": {"decision": [0, 50], "outcome": [0, 50], "amount": [0, 3], "fee": [0, 2]},
                "baselines": {"ten": 10},
                "baseline": "ten",
                "decisions_per_month": 100,
            }
        )
        found = valuation(model, Data(source="bikes.csv", outcome="rented"))
        random = np.random.default_rng(seed)
        forecast = np.round(random.gamma(2.0, 6.0, (40, 99)), 1)
        columns = {name: random.uniform(0, 3, 40) for name in KEPT}
        together, worth = found.decide_and_value(forecast, columns)
        for row in range(40):
            alone = found.decide_and_value(forecast[row : row + 1], some(columns, [row]))
            assert (alone[0][0], alone[1][0]) == (together[row], worth[row])


def test_tuning_changes_nobodys_decision_among_the_cases_that_taught_where_to_refer() -> None:
    policy, person = POLICIES["agreed"], PERSONS["asked"]
    found = valued(policy, person, 2, by_row=True)
    forecast, columns = cases(3, 2000, 2)
    taught = found.tuned(forecast, np.zeros(2000, dtype=np.int64), columns)
    assert isinstance(taught, ClassificationValuation)
    assert taught.refers_from is not None
    np.testing.assert_array_equal(taught.decide(forecast, columns), found.decide(forecast, columns))
    assert 3 in taught.decide(forecast, columns), "somebody is referred"
    again = taught.tuned(forecast[:500], np.zeros(500, dtype=np.int64), some(columns, slice(500)))
    assert isinstance(again, ClassificationValuation)
    assert again.refers_from != taught.refers_from, "it is learned anew"
    assert replace(again, refers_from=None) == found
