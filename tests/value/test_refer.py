"""Cases referred to a person, capacities in windows of time, budgets."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.value.ceiling import ceiling
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Floats
from assay.value.valuation import valuation, valuation_from_document

PERSON = {"cost": 0.5, "accuracy": 0.9}


def bank(**changed: Any) -> ClassificationValuation:
    given: dict[str, Any] = {
        "currency": "EUR",
        "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
        "baselines": {"nobody": "skip", "everybody": "call"},
        "baseline": "nobody",
        "decisions_per_month": 3043.75,
    }
    model = ValueModel.model_validate({**given, **changed})
    found = valuation(model, Data(source="bank.csv", outcome="y", positive="yes"))
    assert isinstance(found, ClassificationValuation)
    return found


def chances(p: Any) -> Floats:
    given = np.asarray(p, dtype=float)
    return np.column_stack([1 - given, given])


def test_a_reviewer_who_errs_takes_the_worst_other_action() -> None:
    asked = bank(refer=PERSON)
    assert asked.actions == ("call", "skip", "refer")
    np.testing.assert_allclose(asked.payoffs({}, 1)[0, 2], [0.9 * 0 - 0.1 - 0.5, 0.9 * 9 - 0.5])
    low, high = asked.bounds()
    assert (low, high) == (-1.5, 9)


def test_a_table_of_decisions_takes_the_place_of_an_accuracy() -> None:
    table = {"yes": {"call": 0.8, "skip": 0.2}, "no": {"skip": 1.0}}
    asked = bank(refer={"cost": 0.5, "confusion": table})
    np.testing.assert_allclose(asked.payoffs({}, 1)[0, 2], [-0.5, 7.2 - 0.5])
    assert valuation_from_document(json.loads(json.dumps(asked.document()))) == asked


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.floats(0, 3),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_no_band_beats_the_best_action_under_calibrated_probabilities(
    p: list[float], cost: float, accuracy: float, low: float, high: float
) -> None:
    person = {"cost": cost, "accuracy": accuracy}
    policy = {"kind": "threshold", "action": "call", "at": max(low, high)}
    banded = bank(refer=person, policy={**policy, "refer_from": min(low, high)})
    best, forecast = bank(refer=person), chances(p)
    assert (
        best.expected(forecast, best.decide(forecast, {}), {}).sum() + 1e-9
        >= banded.expected(forecast, banded.decide(forecast, {}), {}).sum()
    )


def test_a_band_in_theory_is_where_the_best_action_refers() -> None:
    p = np.linspace(0.0005, 0.9995, 1000)
    refer = {"cost": 0.2, "accuracy": 0.98}
    best = bank(refer=refer).decide(chances(p), {})
    policy = {"kind": "threshold", "action": "call"}
    banded = bank(refer=refer, policy=policy).decide(chances(p), {})
    np.testing.assert_array_equal(best, banded)
    assert set(best.tolist()) == {0, 1, 2}


def test_nobody_is_referred_to_where_that_never_pays() -> None:
    p = chances(np.linspace(0, 1, 101))
    for policy in ("best_action", {"kind": "threshold", "action": "call"}):
        decided = bank(refer={"cost": 8, "accuracy": 0.9}, policy=policy).decide(p, {})
        assert 2 not in decided
        np.testing.assert_array_equal(decided, bank(policy=policy).decide(p, {}))


@pytest.mark.parametrize(
    "policy", ["best_action", {"kind": "threshold", "action": "call", "at": 0.6, "refer_from": 0}]
)
def test_a_reviewer_short_of_time_gets_the_cases_where_asking_brings_most(policy: Any) -> None:
    forecast = chances(np.linspace(0.01, 0.59, 200))
    refer = {"cost": 0.2, "accuracy": 0.98, "capacity": {"k": 1, "of": 20}}
    valued = bank(refer=refer, policy=policy)
    decided = valued.decide(forecast, {})
    referred = decided == 2
    assert referred.sum() == 10
    rows = np.arange(200)
    instead = bank(policy=policy).decide(forecast, {})
    if policy != "best_action":
        assert (decided[~referred] == 1).all(), "who is not referred below the cut is skipped"
        instead = np.ones(200, dtype=np.int64)
    by_action = np.stack([valued.expected(forecast, np.full(200, a), {}) for a in range(3)], axis=1)
    gain = by_action[:, 2] - by_action[rows, instead]
    assert gain[referred].min() >= gain[~referred].max() - 1e-9


def test_a_learned_price_decides_single_cases_as_the_batch_did() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(1, 6, 5000)
    y = (rng.random(5000) < p).astype(np.int64)
    refer = {"cost": 0.2, "accuracy": 0.98, "capacity": {"k": 1, "of": 20}}
    top = {"kind": "top_k", "action": "call", "k": 1, "of": 10}
    for policy in ("best_action", top, {"kind": "threshold", "action": "call"}):
        valued = bank(refer=refer, policy=policy)
        taught = valued.tuned(chances(p), y, {})
        assert taught.prices is not None
        assert valuation_from_document(json.loads(json.dumps(taught.document()))) == taught
        alone = np.concatenate([taught.decide(chances(p[i : i + 1]), {}) for i in range(500)])
        np.testing.assert_array_equal(alone, taught.decide(chances(p[:500]), {}))
        share = np.bincount(taught.decide(chances(p), {}), minlength=3) / 5000
        assert share[2] <= 0.05 + 1e-9
        assert share[2] > 0.045
        if policy == top:
            assert 0.095 < share[0] <= 0.1 + 1e-9


def test_so_many_calls_a_day_hold_on_every_day_however_many_cases_come() -> None:
    policy = {"kind": "top_k", "action": "call", "k": 5, "per": "day"}
    valued = bank(policy=policy)
    days = np.repeat(["mon", "tue", "wed"], [300, 20, 3])
    p = np.random.default_rng(4).beta(2, 6, 323)
    decided = valued.decide_within(chances(p), {}, days)
    for day, calls in (("mon", 5), ("tue", 5), ("wed", 3)):
        called = decided[days == day] == 0
        assert called.sum() == min(calls, int((p[days == day] > 0.1).sum()))
        if called.any() and not called.all():
            ranked = p[days == day]
            assert ranked[called].min() >= ranked[~called].max()
    assert (valued.decide(chances(p), {}) == 0).sum() == 16, "5 of 100 cases on a mean day"
    with pytest.raises(ValueError, match="per"):
        bank(policy={**policy, "per": None, "of": 9}).decide_within(chances(p), {}, days)


def test_a_budget_is_spent_where_it_brings_most() -> None:
    actions = {
        "call": {"yes": "amount - 5", "no": -5},
        "letter": {"yes": "0.5 * amount - 1", "no": -1},
        "skip": 0,
    }
    costs = {"call": "5 + 0 * amount", "letter": 1}
    valued = bank(
        actions=actions,
        caps={"amount": [0, 500]},
        policy={"kind": "budget", "amount": 100, "of": 400, "costs": costs},
    )
    rng = np.random.default_rng(6)
    columns = {"amount": rng.uniform(0, 200, 400)}
    forecast = chances(rng.beta(1, 5, 400))
    decided = valued.decide(forecast, columns)
    assert set(decided.tolist()) == {0, 1, 2}
    spent = np.array([5.0, 1.0, 0.0])[decided].sum()
    assert 95 < spent <= 100
    expected = valued.expected(forecast, decided, columns).sum()
    by_call = bank(actions=actions, caps={"amount": [0, 500]})
    gain = by_call.expected(forecast, np.zeros(400, dtype=np.int64), columns)
    assert expected > np.sort(gain)[-20:].sum(), "letters for many beat calls for few"
    taught = valued.tuned(forecast, np.zeros(400, dtype=np.int64), columns)
    alone = taught.decide(forecast, columns)
    assert np.array([5.0, 1.0, 0.0])[alone].sum() <= 100


def test_perfect_information_has_no_more_places_than_the_policy() -> None:
    y = bank().encode(np.repeat(["no", "yes"], [900, 100]))
    free = ceiling(bank(), y, {}, seed=5)
    short = bank(policy={"kind": "top_k", "action": "call", "k": 3, "of": 100})
    assert free.mean == pytest.approx(0.9)
    assert ceiling(short, y, {}, seed=5).mean == pytest.approx(0.27)


def test_everything_to_a_person_can_be_the_baseline() -> None:
    valued = bank(refer=PERSON, baselines={"person": "refer"}, baseline="person")
    assert valued.names(valued.baseline({}, 2)) == ["refer", "refer"]


def test_a_policy_of_the_first_format_is_read() -> None:
    old = bank(policy={"kind": "top_k", "action": "call", "k": 1, "of": 4}).document()
    for key in ("prices", "reviewer", "capacity", "volume"):
        del old[key]
    read = valuation_from_document({**old, "format": 1, "learned": 1.25})
    assert isinstance(read, ClassificationValuation)
    assert (read.prices, read.learned) == ((1.25,), None)
    assert read.names(read.decide(chances([0.2, 0.3]), {})) == ["skip", "call"]
