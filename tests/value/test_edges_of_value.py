"""Edges of the value layer that would otherwise claim too much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.value.allocation import priced, shadow_prices
from assay.value.appraisal import Appraisal, appraise
from assay.value.cash_flow import cash_flow, likeliest, terms_of
from assay.value.valuation import valuation

VALUE = {
    "currency": "EUR",
    "actions": {"call": {"yes": 99, "no": -1}, "skip": 0},
    "baselines": {"nobody": "skip"},
    "decisions_per_month": 1000,
}


def rare(rng: np.random.Generator, n: int, **named: Any) -> Appraisal:
    """One case in fifty is acted on, and one in fifty of those pays 99: worth 0.02 a decision."""
    p = np.where(np.arange(n) % 50 == 0, 0.02, 0.0001)
    outcomes = np.where(rng.random(n) < p, "yes", "no")
    return appraise({**VALUE, **named}, p, outcomes, positive="yes")


def test_few_hits_do_not_make_a_loss_sure() -> None:
    held = 0
    for seed in range(150):
        found = rare(np.random.default_rng([81, seed]), 2000).assessment().uplift_per_decision
        held += found.low <= 0.02 <= found.high
    assert held / 150 >= 0.93


def test_a_price_of_nothing_spends_nothing_for_nothing() -> None:
    expected = np.tile([0.0, 1.0, 1.0], (10, 1))
    use = np.array([[0.0, 4.0, 0.3]])
    prices = shadow_prices(expected, [use], [5.0])
    assert priced(expected, [use], prices).tolist() == [2] * 10


def test_a_loss_does_not_fade_with_time() -> None:
    given: dict[str, Any] = {"currency": "EUR", "under": 3, "over": 1, "baselines": {"none": 0}}
    model = ValueModel.model_validate({**given, "decisions_per_month": 1000, "horizon_months": 36})
    fading = model.model_copy(update={"uplift_kept_per_year": 0.25})
    lost = [cash_flow(likeliest(-1.0, one), terms_of(one)).present_value for one in (model, fading)]
    assert lost[0] == lost[1] == -36_000
    assert cash_flow(likeliest(1.0, fading), terms_of(fading)).present_value < 36_000


def test_the_price_of_a_reviewers_place_in_a_band_is_money() -> None:
    rng = np.random.default_rng(82)
    p = rng.uniform(0, 1, 4000)
    outcomes = np.where(rng.random(4000) < p, "yes", "no")
    model = {**VALUE, "actions": {"call": {"yes": 9, "no": -9}, "skip": 0}}
    model["policy"] = {"kind": "threshold", "action": "call", "at": 0.6, "refer_from": 0.2}

    def with_places(k: int) -> Appraisal:
        refer = {"cost": 0.2, "accuracy": 0.95, "capacity": {"k": k, "of": 1000}}
        return appraise({**model, "refer": refer}, p, outcomes, positive="yes")

    def expected(found: Appraisal) -> float:
        decided = found.valuation.decide(found.forecast, {})
        return float(found.valuation.expected(found.forecast, decided, {}).sum())

    (price,) = with_places(20).prices.values()
    more = (expected(with_places(21)) - expected(with_places(20))) / 4
    assert price == pytest.approx(more, rel=0.05)


@pytest.mark.parametrize("pay", [(-1, -2), (5, 5), (0, 0)])
def test_a_curve_where_nothing_hangs_on_acting_is_flat_and_whole(pay: tuple[int, int]) -> None:
    model = {**VALUE, "actions": {"call": {"yes": pay[1], "no": pay[0]}, "skip": 0}}
    p = np.random.default_rng(83).uniform(0, 1, 300)
    outcomes = np.where(np.arange(300) % 3, "no", "yes")
    curve = appraise(model, p, outcomes, positive="yes").curve()
    assert np.isfinite([curve.low, curve.mean, curve.high]).all()


def test_cases_that_are_sure_act_at_the_last_threshold() -> None:
    p = np.repeat([0.05, 1.0], [140, 60])
    outcomes = np.where(np.arange(200) % 7 == 0, "no", "yes")
    curve = appraise(VALUE, p, outcomes, positive="yes").curve()
    assert curve.high[-1] > curve.low[-1]


def test_perfect_information_finds_decisions_far_from_outcomes() -> None:
    model = ValueModel.model_validate(
        {
            "currency": "EUR",
            "payoff": "0 - max(1.5 * outcome - decision, decision - 1.5 * outcome)",
            "caps": {"outcome": [0, 200], "decision": [0, 300]},
            "baselines": {"none": 0},
            "decisions_per_month": 1,
        }
    )
    valued = valuation(model, Data(source="-", outcome="y"))
    outcomes = np.random.default_rng(84).uniform(0, 200, 500)
    paid = valued.realised(valued.perfect(outcomes, {}), outcomes, {})
    assert paid.min() > -0.1


def test_who_is_not_referred_takes_no_place_of_the_called() -> None:
    rng = np.random.default_rng(86)
    model = {**VALUE, "actions": {"call": {"yes": 9, "no": -1}, "skip": 0}}
    model["refer"] = {"cost": 0.5, "accuracy": 0.9, "capacity": {"k": 5, "per": "day"}}
    model["policy"] = {"kind": "top_k", "action": "call", "k": 150, "of": 1000}
    p = rng.beta(1, 9, 5000)
    taught = appraise(model, p, np.where(rng.random(5000) < p, "yes", "no"), positive="yes").tuned()
    q = rng.beta(3, 5, 5000)
    later = appraise(model, q, np.where(rng.random(5000) < q, "yes", "no"), positive="yes").on(
        taught
    )
    found = later.assessment()
    assert 600 < found.decisions["call"] <= 750
    assert 300 < found.decisions["refer"] <= 5000 * 5 / (12_000 / 365.25) + 5
    assert found.share_of_ceiling is not None
    assert found.share_of_ceiling.mean < 1


def test_a_tuned_policy_earns_no_more_than_its_places_allow() -> None:
    rng = np.random.default_rng(85)
    taught = rare(rng, 4000, policy={"kind": "top_k", "action": "call", "k": 5, "of": 1000}).tuned()
    p = rng.uniform(0.2, 0.9, 2000)
    later = appraise(VALUE, p, np.where(rng.random(2000) < p, "yes", "no"), positive="yes")
    served = later.on(taught)
    found = served.assessment()
    assert np.sum(served.decisions() == "call") > 1000, "what the price alone would do"
    assert found.decisions["call"] == 10
    assert found.share_of_ceiling is not None
    assert found.share_of_ceiling.mean <= 1
