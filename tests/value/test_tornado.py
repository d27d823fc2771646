from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate
from assay.value.business_case import business_case
from assay.value.tornado import KnownCases, Tornado, tornado
from assay.value.valuation import valuation


def model(**changed: Any) -> ValueModel:
    given = {
        "currency": "EUR",
        "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        "decisions_per_month": 1000,
        "build_cost": 3000,
        "run_cost_per_month": 200,
    }
    return ValueModel.model_validate({**given, **changed})


def uplift(mean: float = 0.7, low: float = 0.6, high: float = 0.8) -> Estimate:
    return Estimate(mean, low, high, n=500, method="BCa bootstrap", unit="EUR per decision")


def cases(given: ValueModel, **amount: Any) -> KnownCases:
    """Of 200 cases at 0.105 and 200 at 0.5, as many subscribe as the scores say."""
    data = Data(source="b.csv", outcome="y", positive="yes")
    p = np.repeat([0.105, 0.5], 200)
    outcomes = np.concatenate([np.arange(200) < 21, np.arange(200) < 100]).astype(np.int64)
    forecast = np.column_stack([1 - p, p])
    return KnownCases(valuation(given, data), forecast, outcomes, amount)


def named(found: Tornado) -> dict[str, tuple[float, float]]:
    return {bar.name: (bar.at_least, bar.at_most) for bar in found.bars}


def test_bars_are_business_cases_with_one_input_moved() -> None:
    given = model(
        discount_rate=0.1,
        cost_per_decision=0.05,
        retraining_cost=40,
        uncertainty={"build_cost": [2000, 9000], "uplift_kept_per_year": [0.5, 1]},
    )
    found = tornado(uplift(), given, retrainings_per_month=0.5)
    certain = given.model_copy(update={"uncertainty": type(given.uncertainty)()})

    def value(**changed: float) -> float:
        moved = certain.model_copy(update=changed)
        return business_case(uplift(), moved, retrainings_per_month=0.5).net_present_value.mean

    assert found.likeliest == pytest.approx(value())
    bars = named(found)
    assert bars["build cost"] == pytest.approx((value(build_cost=2000), value(build_cost=9000)))
    assert bars["uplift kept per year"] == pytest.approx((value(uplift_kept_per_year=0.5), value()))
    assert bars["discount rate"] == pytest.approx(
        (value(discount_rate=0.09), value(discount_rate=0.11))
    )
    assert bars["retraining cost"] == pytest.approx(
        (value(retraining_cost=36), value(retraining_cost=44))
    )
    case = business_case(uplift(), certain, retrainings_per_month=0.5).net_present_value
    assert bars["uplift per decision"] == pytest.approx((case.low, case.high))
    swings = [bar.swing for bar in found.bars]
    assert swings == sorted(swings, reverse=True)
    sources = {bar.name: bar.source for bar in found.bars}
    assert sources["build cost"] == "stated"
    assert sources["uplift per decision"] == "measured"
    assert sources["run cost per month"] == "not stated, ±10 %"


def test_what_is_nothing_does_not_move() -> None:
    found = tornado(uplift(), model(build_cost=0, run_cost_per_month=0))
    names = {bar.name for bar in found.bars}
    assert names == {"uplift per decision", "decisions per month", "uplift kept per year"}
    still = tornado(uplift(0, 0, 0), model(build_cost=0, run_cost_per_month=0))
    assert still.bars == ()
    assert "Nothing" in still.text


def test_payoffs_move_and_decisions_follow() -> None:
    """At a loss of 1.1 or a gain of 8.1 the cases at 0.105 no longer pay, and are left out."""
    given = model(build_cost=0, run_cost_per_month=0, horizon_months=1)
    known = cases(given)
    base = (0.5 * (0.105 * 10 - 1) + 0.5 * (0.5 * 10 - 1)) * 1000
    bars = named(tornado(uplift(base / 1000), given, cases=known))
    of_half = 0.5 * 1000
    assert bars["payoff: call if no"] == pytest.approx(
        (of_half * (0.105 * 9 - 0.895 * 0.9 + 4.5 - 0.45), of_half * (4.5 - 0.55))
    )
    assert bars["payoff: call if yes"] == pytest.approx(
        (of_half * (0.5 * 8.1 - 0.5), of_half * (0.105 * 9.9 - 0.895 + 0.5 * 9.9 - 0.5))
    )
    fixed = model(
        build_cost=0,
        run_cost_per_month=0,
        horizon_months=1,
        policy={"kind": "threshold", "action": "call", "at": 0.1},
    )
    kept = named(tornado(uplift(base / 1000), fixed, cases=cases(fixed)))
    assert kept["payoff: call if no"][1] == pytest.approx(
        of_half * (0.105 * 9 - 0.895 * 1.1 + 4.5 - 0.55)
    )


def test_what_was_learned_is_learned_anew() -> None:
    given = model(policy={"kind": "threshold", "action": "call"})
    known = cases(given)
    learned = known.valuation.tuned(known.forecast, known.outcomes, {})
    tuned = KnownCases(learned, known.forecast, known.outcomes, {})
    bars = named(tornado(uplift(), given, cases=tuned))
    low, high = bars["payoff: call if yes"]
    assert low < tornado(uplift(), given).likeliest < high


def test_payoffs_of_rows_reviewers_and_flat_actions() -> None:
    given = model(
        actions={"call": {"yes": "amount", "no": -1}, "skip": -0.2},
        caps={"amount": [0, 20]},
        refer={"cost": 0.1, "accuracy": 0.9},
    )
    found = tornado(uplift(), given, cases=cases(given, amount=np.full(400, 9.0)))
    bars = {bar.name: bar for bar in found.bars}
    assert bars["payoff: call if yes"].least is None
    assert (bars["payoff: skip"].least, bars["payoff: skip"].most) == (-0.18, -0.22)
    assert bars["payoff: cost of referring"].at_least > bars["payoff: cost of referring"].at_most
    right = bars["accuracy of the reviewer"]
    assert (right.least, right.most, right.source) == (0.8, 1.0, "not stated, ±0.1")
    assert right.at_least < found.likeliest < right.at_most


def test_a_reviewer_s_accuracy_stays_a_share_and_moves_by_hand() -> None:
    """All go to the reviewer, who is right in 0.95 of cases: right pays 9 or 0, wrong 0 or -1."""
    given = model(
        build_cost=0,
        run_cost_per_month=0,
        horizon_months=1,
        refer={"cost": 0, "accuracy": 0.95},
    )
    known = cases(given)
    yes = (21 + 100) / 400
    base = 0.95 * 9 * yes - 0.05 * (1 - yes)
    found = {bar.name: bar for bar in tornado(uplift(base), given, cases=known).bars}
    right = found["accuracy of the reviewer"]
    assert (right.least, right.most) == (0.85, 1.0)
    assert right.at_most == pytest.approx(1000 * 9 * yes)
    assert "payoff: cost of referring" not in found
    told = model(
        refer={"cost": 0.1, "confusion": {"no": {"skip": 1.0}, "yes": {"call": 1.0}}},
    )
    moved = {bar.name for bar in tornado(uplift(), told, cases=cases(told)).bars}
    assert "accuracy of the reviewer" not in moved
    assert "payoff: cost of referring" in moved


def test_unit_costs_of_a_regression() -> None:
    given = ValueModel.model_validate(
        {
            "currency": "EUR",
            "under": 3,
            "over": 1,
            "baselines": {"ten": 10},
            "baseline": "ten",
            "decisions_per_month": 1000,
            "horizon_months": 1,
        }
    )
    valued = valuation(given, Data(source="b.csv", outcome="cnt"))
    outcomes = np.array([8.0, 12.0, 20.0])
    forecast = np.tile(outcomes[:, None], (1, 4))  # perfect
    found = tornado(
        uplift((2 + 6 + 30) / 3), given, cases=KnownCases(valued, forecast, outcomes, {})
    )
    bars = named(found)
    assert bars["payoff: cost of each unit under"] == pytest.approx(
        ((2 + 0.9 * 36) / 3 * 1000, (2 + 1.1 * 36) / 3 * 1000)
    )
    assert bars["payoff: cost of each unit over"] == pytest.approx(
        ((1.8 + 36) / 3 * 1000, (2.2 + 36) / 3 * 1000)
    )


def test_the_document_and_the_sentence() -> None:
    found = tornado(uplift(), model(uncertainty={"decisions_per_month": [100, 2000]}))
    assert found.text.startswith("What moves the net present value most is decisions per month: ")
    assert "EUR" in found.text
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document["bars"][0]["least"] == 100
    unknown = tornado(uplift(0.5, -math.inf, math.inf), model())
    assert unknown.bars[0].name == "uplift per decision"
    json.dumps(unknown.document(), allow_nan=False)
