"""The value API as a new user meets it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

import assay
from assay.errors import CharterError, DataError
from assay.value.appraisal import Appraisal, appraise
from assay.value.given_scores import folds_of

VALUE = {
    "currency": "EUR",
    "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
    "baselines": {"nobody": "skip"},
    "decisions_per_month": 1400,
}


def calls(n: int = 3000, **named: Any) -> Appraisal:
    rng = np.random.default_rng(21)
    p = rng.beta(1, 7, n)
    return appraise(VALUE, p, np.where(rng.random(n) < p, "yes", "no"), positive="yes", **named)


def test_a_mean_per_prediction_is_the_mean_over_predictions() -> None:
    """Ten approvals and 990 rejections are worth -4.25 each, not +65.

    NannyML 0.13.1 reports +65.0 per prediction for these: it takes the mean within each decided
    class (+70 for approvals, -5 for rejections) and adds the two.
    """
    model = {
        "currency": "EUR",
        "actions": {"reject": {"0": 0, "1": -100}, "approve": {"0": -20, "1": 80}},
        "baselines": {"reject": "reject"},
        "policy": {"kind": "threshold", "action": "approve", "otherwise": "reject", "at": 0.5},
        "decisions_per_month": 1000,
    }
    scores = np.repeat([0.9, 0.05], [10, 990])
    found = appraise(model, scores, np.zeros(1000, dtype=int), positive=1)
    decided = found.valuation.decide(found.forecast, {})
    expected = found.valuation.expected(found.forecast, decided, {})
    assert expected.mean() == pytest.approx(-4.25)
    within_class = [expected[decided == code].mean() for code in (0, 1)]
    assert sum(within_class) == pytest.approx(65.0), "what adding the classes up would say"


def test_every_question_has_an_answer_and_a_picture() -> None:
    found = calls().under(build_cost=500, run_cost_per_month=50)
    later = calls(2000).under(policy={"kind": "threshold", "action": "call", "at": 0.4})
    answers = [
        found,
        found.assessment(),
        found.curve(),
        found.break_even(),
        found.business_case(),
        found.tornado(),
        found.bridge(later),
        found.ceiling(),
    ]
    for answer in answers:
        assert assay.plot(answer)._repr_png_().startswith(b"\x89PNG")
    assert found.ceiling().mean > found.assessment().uplift_per_month.mean > 0
    assert found.ceiling().unit == "EUR per month"
    assert found.cost_of(0.1).cost.mean == 0, "the policy's own threshold"
    assert found.cost_of(0.9).cost.low > 0
    assert set(found.decisions().tolist()) == {"call", "skip"}


def test_a_picture_is_written_where_one_says(tmp_path: Any) -> None:
    assert assay.plot(calls()).save(tmp_path / "curve.png").read_bytes()[1:4] == b"PNG"
    with pytest.raises(TypeError, match="no picture of a str"):
        assay.plot("value")


def test_another_policy_leaves_the_cases_as_they_are() -> None:
    found = calls()
    short = found.under(policy={"kind": "top_k", "action": "call", "k": 1, "of": 20})
    assert short.outcomes is found.outcomes
    assert short.assessment().decisions["call"] == 150
    with pytest.raises(CharterError, match="did you mean `call`"):
        found.under(policy={"kind": "top_k", "action": "cal", "k": 1, "of": 20})


def test_scores_of_any_scale_are_calibrated_on_other_cases() -> None:
    rng = np.random.default_rng(22)
    p = rng.beta(1, 4, 4000)
    outcomes = np.where(rng.random(4000) < p, "yes", "no")
    odd = 40 * p**3 - 7
    with pytest.raises(DataError, match="calibrate=True"):
        appraise(VALUE, odd, outcomes, positive="yes")
    found = appraise(VALUE, odd, outcomes, positive="yes", calibrate=True)
    assert found.assessment().shortfall.low < 0 < found.assessment().shortfall.high
    right = appraise(VALUE, p, outcomes, positive="yes").assessment().uplift_per_decision.mean
    assert found.assessment().uplift_per_decision.mean > 0.95 * right
    judged = np.flatnonzero(folds_of(4000, None, 0) == 2)
    changed = outcomes.copy()
    changed[judged] = "no"
    again = appraise(VALUE, odd, changed, positive="yes", calibrate=True)
    np.testing.assert_array_equal(again.forecast[judged], found.forecast[judged])
    ordered = np.argsort(outcomes, kind="stable")
    sorted_table = appraise(VALUE, odd[ordered], outcomes[ordered], positive="yes", calibrate=True)
    uplift = sorted_table.assessment().uplift_per_decision
    assert uplift.mean == pytest.approx(right, rel=0.05)


def test_named_columns_of_probabilities_are_put_in_order() -> None:
    rng = np.random.default_rng(27)
    p = rng.beta(1, 7, 500)
    outcomes = np.where(rng.random(500) < p, "yes", "no")
    plain = appraise(VALUE, p, outcomes, positive="yes")
    frame = pl.DataFrame({"yes": p, "no": 1 - p})
    for named in (frame, {"yes": p, "no": 1 - p}):
        found = appraise(VALUE, named, outcomes, positive="yes")
        np.testing.assert_allclose(found.forecast, plain.forecast)
    with pytest.raises(DataError, match="columns p1, p0, and the outcomes are no, yes"):
        appraise(VALUE, {"p1": p, "p0": 1 - p}, outcomes, positive="yes")


def test_payoffs_that_change_by_date_need_a_day() -> None:
    later = {"since": "2027-01-01", "actions": {"call": {"yes": 7, "no": -1}, "skip": 0}}
    model = {**VALUE, "changes": [later]}
    with pytest.raises(DataError, match=r"changes on 2027-01-01: say by `day=date"):
        appraise(model, [0.1], ["no"], positive="yes")
    found = appraise(model, [0.1], ["no"], positive="yes", day=date(2027, 2, 1))
    assert found.valuation.bounds() == (-1, 7)


def test_a_threshold_that_breaks_a_capacity_is_no_choice() -> None:
    found = calls().under(policy={"kind": "top_k", "action": "call", "k": 1, "of": 20})
    assert found.cost_of(0.1).text.startswith("0.1 is no choice: it uses 1,")
    assert found.cost_of(0.1).text.endswith("of the capacity of call, where 150 is agreed")
    assert "is no choice" not in found.cost_of(0.9).text


def test_three_outcomes_and_amounts() -> None:
    rng = np.random.default_rng(23)
    forecast = rng.dirichlet([2, 1, 1], 500)
    crews = {
        "currency": "EUR",
        "actions": {
            "one": {"quiet": 0, "normal": -5, "busy": -20},
            "two": {"quiet": -4, "normal": 0, "busy": -8},
            "three": {"quiet": -9, "normal": -4, "busy": 0},
        },
        "baselines": {"two": "two"},
        "decisions_per_month": 730,
    }
    names = np.array(["quiet", "normal", "busy"])
    outcomes = names[(forecast.cumsum(axis=1) < rng.random((500, 1))).sum(axis=1)]
    found = appraise(crews, forecast, outcomes)
    assert found.assessment().uplift_per_decision.low > 0
    assert assay.plot(found)._repr_png_()
    bikes = {"currency": "EUR", "under": 3, "over": 1, "baselines": {"same": "best_constant"}}
    level = rng.uniform(20, 200, 800)
    rented = rng.poisson(level).astype(float)
    valued = appraise({**bikes, "decisions_per_month": 730}, level, rented)
    assert valued.forecast.shape == (800, 99)
    decided = valued.valuation.decide(valued.forecast, {})
    assert valued.assessment().uplift_per_decision.low > 0
    assert valued.under(over=2).assessment().uplift_per_decision.mean > 0
    text = "3 * min(decision, outcome) - decision"
    sold = {k: v for k, v in bikes.items() if k not in ("under", "over")} | {"payoff": text}
    sold |= {"caps": {"outcome": [0, 400]}, "decisions_per_month": 730}
    assert appraise(sold, level, rented).assessment().uplift_per_decision.low > 0
    assert np.mean(rented <= decided) == pytest.approx(0.75, abs=0.05)


def test_forecasts_taught_by_older_cases_show_a_change_since_then() -> None:
    rng = np.random.default_rng(25)
    points = rng.uniform(50, 150, 1200)
    old, new = points + rng.normal(0, 10, 1200), points + 40 + rng.normal(0, 10, 1200)
    model = {"currency": "EUR", "under": 3, "over": 1, "baselines": {"hundred": 100}}
    model |= {"decisions_per_month": 730}
    hidden = appraise(model, points, new).assessment()
    shown = appraise(model, points, new, reference=(points, old)).assessment()
    assert hidden.shortfall.low < 0 < hidden.shortfall.high
    assert shown.shortfall.low > 80
    calls_before = rng.normal(0, 1, 3000)
    chance = 1 / (1 + np.exp(2 - calls_before))
    told = np.where(rng.random(3000) < chance, "yes", "no")
    found = appraise(
        VALUE, [0.0, 1.0], ["no", "yes"], positive="yes", reference=(calls_before, told)
    )
    assert found.forecast[:, 1] == pytest.approx([0.12, 0.27], abs=0.04)


def test_two_policies_are_compared_case_by_case() -> None:
    found = calls()
    cut = found.under(policy={"kind": "threshold", "action": "call", "at": 0.5})
    more = found.more_than(cut)
    assert more.mean == pytest.approx(found.cost_of(0.5).cost.mean)
    assert more.low > 0
    assert more.unit == "EUR per month"
    with pytest.raises(ValueError, match="the same cases"):
        found.more_than(calls(500))


def test_a_tuned_policy_carries_its_prices_to_other_cases() -> None:
    found = calls().under(policy={"kind": "top_k", "action": "call", "k": 1, "of": 10}).tuned()
    assert found.prices.keys() == {"capacity of call"}
    assert found.prices["capacity of call"] > 0
    assert calls().prices == {}
    later = calls(1000).on(found)
    assert 70 < later.assessment().decisions["call"] < 130


def test_another_policy_may_read_columns_that_the_first_did_not() -> None:
    rng = np.random.default_rng(26)
    columns = {"amount": rng.uniform(0, 50, 3000), "planned": np.repeat("skip", 3000)}
    found = calls(columns=columns)
    by_amount = found.under(
        actions={"call": {"yes": "amount", "no": -1}, "skip": 0}, caps={"amount": [0, 50]}
    )
    assert by_amount.valuation.bounds() == (-1, 50)
    planned = found.under(baselines={"plan": "column: planned"}, baseline="plan")
    assert planned.assessment().baselines["plan"].mean == 0
    with pytest.raises(DataError, match="does not have"):
        calls().under(baselines={"plan": "column: planned"}, baseline="plan")


def test_numbers_of_numpy_are_numbers() -> None:
    found = calls().under(decisions_per_month=np.float64(100), build_cost=np.int64(7))
    assert (found.model.decisions_per_month, found.model.build_cost) == (100, 7)


def test_columns_come_from_a_mapping_or_a_frame() -> None:
    model = {
        **VALUE,
        "actions": {"call": {"yes": "amount - 1", "no": -1}, "skip": 0},
        "caps": {"amount": [0, 50]},
    }
    frame = pl.DataFrame({"amount": [5.0, 40.0, 3.0], "other": ["a", "b", "c"]})
    scores, outcomes = [0.1, 0.1, 0.9], ["no", "yes", "yes"]
    for columns in (frame, frame.to_dict(as_series=False)):
        found = appraise(model, scores, outcomes, columns, positive="yes")
        assert found.decisions().tolist() == ["skip", "call", "call"]
    with pytest.raises(DataError, match=r"reads amount, which `columns` does not have \(it has o"):
        appraise(model, scores, outcomes, {"other": [1, 2, 3]}, positive="yes")
    with pytest.raises(DataError, match="shape"):
        appraise(model, scores, outcomes, {"amount": [1, 2]}, positive="yes")


@pytest.mark.parametrize(
    ("scores", "outcomes", "told"),
    [
        ([0.1, 0.2], ["yes"], "one of each for every case"),
        ([], [], "one of each"),
        ([0.1, np.nan], ["yes", "no"], "1 of 2 scores are missing"),
        ([[0.5, 0.5, 0.0]], ["yes"], "have 2 columns"),
        ([0.1, 1.2], ["yes", "no"], "probabilities"),
        ([0.1, 0.2], ["yes", "maybe"], "not in the payoff table"),
        (["high", "low"], ["yes", "no"], "in each other's place"),
        (None, ["yes"], "Scores are"),
        (0.3, ["yes"], "given has shape"),
        ([0.1, np.inf], ["yes", "no"], "missing or infinite"),
        ([0.1, 0.2], [["yes", "no"]], "`outcomes` is one for each case"),
    ],
)
def test_odd_input_gets_one_paragraph(scores: Any, outcomes: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        appraise(VALUE, scores, outcomes, positive="yes")


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"entity": [1]}, "`entity` is one for each of the 2 cases"),
        ({"entity": ["a", None]}, "1 of 2 cases have no entity"),
        ({"segments": [["a"], ["b"]]}, "`segments` is one for each"),
        ({"columns": [{"amount": 1}]}, "`columns` is a frame, or a mapping"),
        ({"calibrate": True, "entity": ["a", "a"]}, "alone teaches nothing"),
    ],
)
def test_odd_companions_get_one_paragraph(named: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        appraise(VALUE, [0.1, 0.2], ["yes", "no"], positive="yes", **named)


def test_a_date_is_no_number() -> None:
    model = {**VALUE, "actions": {"call": {"yes": "amount", "no": -1}, "skip": 0}}
    model["caps"] = {"amount": [0, 50]}
    when = np.array(["2026-01-01"], dtype="datetime64[D]")
    with pytest.raises(DataError, match="holds dates or times"):
        appraise(model, [0.1], ["yes"], {"amount": when}, positive="yes")


def test_faults_of_a_value_model_come_all_at_once() -> None:
    wrong = {**VALUE, "currency": "eur", "baselines": {"nobody": "skp"}}
    with pytest.raises(CharterError) as told:
        appraise(wrong, [0.1], ["no"])
    assert [fault.path for fault in told.value.faults] == [
        "value.currency",
        "positive",
        "value.baselines.nobody",
    ]


def test_entities_widen_intervals() -> None:
    rng = np.random.default_rng(24)
    p = np.repeat(rng.beta(1, 7, 150), 20)
    outcomes = np.where(np.repeat(rng.random(150), 20) < p, "yes", "no")
    alone = appraise(VALUE, p, outcomes, positive="yes").assessment().uplift_per_decision
    owners = np.repeat(np.arange(150), 20)
    grouped = appraise(VALUE, p, outcomes, positive="yes", entity=owners)
    wide = grouped.assessment().uplift_per_decision
    assert wide.high - wide.low > 3 * (alone.high - alone.low)
