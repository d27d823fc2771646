from __future__ import annotations

import json
import math
from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate
from assay.value.business_case import BusinessCase, business_case
from assay.value.three_point import triangular, two_piece_normal


def model(**changed: Any) -> ValueModel:
    given = {
        "currency": "EUR",
        "under": 3,
        "over": 1,
        "baselines": {"none": 0},
        "baseline": "none",
        "decisions_per_month": 1000,
        "build_cost": 3000,
        "run_cost_per_month": 200,
        "discount_rate": 0.08,
        "horizon_months": 12,
    }
    return ValueModel.model_validate({**given, **changed})


def uplift(mean: float, low: float, high: float) -> Estimate:
    return Estimate(mean, low, high, n=500, method="BCa bootstrap", unit="EUR per decision")


def test_present_value_is_the_discounted_cash_flow() -> None:
    case = business_case(uplift(0.7, 0.5, 0.8), model())
    flows = [-3000.0] + [500.0] * 12
    by_hand = sum(flow / 1.08 ** (month / 12) for month, flow in enumerate(flows))
    assert case.net_present_value.mean == pytest.approx(by_hand)
    assert case.net_present_value.unit == "EUR"
    assert case.uplift_per_month.mean == pytest.approx(700)
    assert case.uplift_per_month.unit == "EUR per month"
    assert case.net_per_month.low == pytest.approx(300)
    np.testing.assert_allclose(case.cash, np.cumsum(flows))
    assert case.return_on_investment is not None
    assert case.return_on_investment.mean == pytest.approx((12 * 700 - 5400) / 5400)
    assert (case.payback_month.mean, case.payback_month.low, case.payback_month.high) == (6, 5, 10)
    assert case.chance_of_payback > 0.99


def test_a_case_that_may_never_pay() -> None:
    case = business_case(uplift(0.5, 0.1, 0.9), model())
    assert case.payback_month.mean == 10
    assert math.isinf(case.payback_month.high)
    assert 0.5 < case.chance_of_payback < 0.9
    document = json.loads(json.dumps(case.document(), allow_nan=False))
    assert document["payback_month"]["high"] == "inf"


@given(
    st.floats(-1, 2), st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0, 5000), st.floats(0, 300)
)
def test_every_figure_agrees_with_every_other(
    mean: float, down: float, up: float, build: float, run: float
) -> None:
    case = business_case(
        uplift(mean, mean - down, mean + up),
        model(build_cost=build, run_cost_per_month=run, discount_rate=0),
    )
    value = case.net_present_value
    assert value.low <= value.mean <= value.high
    assert value.mean == pytest.approx(case.cash[-1], abs=1e-6)
    assert value.low == pytest.approx(case.cash_low[-1], abs=1e-6)
    assert 0 <= case.chance_of_payback <= 1
    paid = case.payback_month.mean
    if math.isfinite(paid):
        assert case.cash[int(paid)] >= -1e-4
        assert paid == 0 or case.cash[int(paid) - 1] < 1e-4
    elif case.net_per_month.mean != 0:
        assert case.cash[-1] < 1e-4
    assert case.payback_month.low <= paid <= case.payback_month.high


def test_nothing_spent_has_no_return_and_retraining_costs() -> None:
    free = model(build_cost=0, run_cost_per_month=0)
    case = business_case(uplift(0.5, 0.4, 0.6), free)
    assert case.return_on_investment is None
    assert case.payback_month.mean == 0
    assert case.document()["return_on_investment"] is None
    taught = business_case(
        uplift(0.5, 0.4, 0.6), model(retraining_cost=100), retrainings_per_month=2
    )
    assert taught.net_per_month.mean == pytest.approx(500 - 200 - 200)


def test_an_uplift_without_doubt() -> None:
    assert business_case(uplift(0.5, 0.5, 0.5), model()).chance_of_payback == 1
    assert business_case(uplift(0.1, 0.1, 0.1), model()).chance_of_payback == 0
    unknown = business_case(uplift(0.5, -math.inf, math.inf), model())
    assert unknown.chance_of_payback == pytest.approx(0.5)


RANGES = {
    "decisions_per_month": [600, 1300],
    "build_cost": [2500, 5000],
    "run_cost_per_month": [150, 300],
}


def test_each_decision_costs_and_the_uplift_wears_off() -> None:
    """By hand: 1,000 decisions a month bring 0.7 less 0.1 each, and half as much a year later."""
    given = model(cost_per_decision=0.1, uplift_kept_per_year=0.5, discount_rate=0)
    case = business_case(uplift(0.7, 0.5, 0.8), given)
    flows = [700 * 0.5 ** (month / 12) - 300 for month in range(12)]
    np.testing.assert_allclose(case.cash, np.cumsum([-3000.0, *flows]))
    assert case.uplift_per_month.mean == pytest.approx(700)
    assert case.net_per_month.mean == pytest.approx(np.mean(flows))
    assert case.net_present_value.mean == pytest.approx(sum(flows) - 3000)
    assert case.net_present_value.low == pytest.approx(
        sum(500 * 0.5 ** (month / 12) - 300 for month in range(12)) - 3000
    )
    gone = business_case(uplift(0.7, 0.5, 0.8), model(uplift_kept_per_year=0))
    assert gone.cash[1:3] == (-2500, -2700)


def test_costs_that_change_on_a_date_count_from_their_month_on() -> None:
    changes = [
        {"since": "2027-03-31", "run_cost_per_month": 300},
        {"since": "2027-06-01", "cost_per_decision": 0.05, "retraining_cost": 10},
    ]
    given = model(changes=changes, horizon_months=6, discount_rate=0)
    case = business_case(
        uplift(0.7, 0.5, 0.8), given, start=date(2027, 1, 31), retrainings_per_month=1
    )
    # months end on 27 Feb, 30 Mar, 29 Apr, 30 May, 29 Jun, 30 Jul
    np.testing.assert_allclose(np.diff(case.cash), [500, 500, 400, 400, 340, 340])
    undated = business_case(uplift(0.7, 0.5, 0.8), given)
    np.testing.assert_allclose(np.diff(undated.cash), [500] * 6)


def test_a_cost_before_the_first_month_delays_payback() -> None:
    given = model(
        build_cost=0,
        run_cost_per_month=1000,
        discount_rate=0,
        changes=[{"since": "2027-02-01", "run_cost_per_month": 0}],
    )
    case = business_case(uplift(0.7, 0.7, 0.7), given, start=date(2027, 1, 1))
    assert case.cash[:3] == pytest.approx((0, -300, 400))
    assert case.payback_month.mean == 2
    assert case.chance_of_payback == 1


def simulated(seed: int = 1, *, draws: int = 10_000, **changed: Any) -> BusinessCase:
    given = model(**{"uncertainty": RANGES, **changed})
    return business_case(uplift(0.7, 0.5, 0.8), given, seed=seed, draws=draws)


def test_the_simulation_centres_on_the_expected_cash_flow() -> None:
    case = simulated(discount_rate=0)
    volume, build, run = 2900 / 3, 10_500 / 3, 650 / 3
    assert case.net_present_value.mean == pytest.approx(12 * (0.7 * volume - run) - build, rel=1e-4)
    assert case.likeliest == pytest.approx(3000)
    assert case.net_present_value.low < 600
    assert case.net_present_value.high > 4200
    assert "10,000 cash flows" in case.net_present_value.method
    assert "build cost" in case.text
    assert 0.8 < case.chance_of_payback < 0.9
    payback = case.payback_month
    assert payback.low <= payback.mean <= payback.high
    for low, cash, high in zip(case.cash_low, case.cash, case.cash_high, strict=True):
        assert low <= cash <= high
    assert case.document()["simulated"] == 10_000


def test_the_same_seed_gives_the_same_figures_and_another_nearly_the_same() -> None:
    one, again, other = simulated(1), simulated(1), simulated(2)
    assert one == again
    assert one.net_present_value.mean == pytest.approx(other.net_present_value.mean, rel=1e-3)
    width = one.net_present_value.high - one.net_present_value.low
    assert abs(one.net_present_value.low - other.net_present_value.low) < 0.05 * width
    assert abs(one.chance_of_payback - other.chance_of_payback) < 0.02


def test_as_ranges_close_the_simulation_becomes_the_exact_case() -> None:
    """Quantiles over draws of the uplift alone are the figures at its interval's ends."""
    exact = business_case(uplift(0.7, 0.5, 0.8), model(build_cost=2900))
    ranges = {"build_cost": [2900, 2900]}
    drawn = simulated(build_cost=2900, uncertainty=ranges, draws=50_000)
    assert exact.simulated == 0
    for name in ("uplift_per_month", "net_per_month", "net_present_value", "return_on_investment"):
        one, other = getattr(exact, name), getattr(drawn, name)
        assert other.mean == pytest.approx(one.mean)
        assert other.low == pytest.approx(one.low, rel=2e-3)
        assert other.high == pytest.approx(one.high, rel=2e-3)
    assert drawn.payback_month.mean == exact.payback_month.mean
    assert drawn.payback_month.low == exact.payback_month.low
    assert drawn.payback_month.high == exact.payback_month.high
    assert drawn.chance_of_payback == pytest.approx(exact.chance_of_payback, abs=1e-3)
    np.testing.assert_allclose(drawn.cash_low, exact.cash_low, rtol=2e-3)


def test_the_interval_of_a_sum_of_normals_and_triangles_has_its_coverage() -> None:
    """An independent simulation, drawn with other tools, falls inside 95 times in a hundred."""
    case = simulated(discount_rate=0)
    rng = np.random.default_rng(99)
    z = rng.normal(size=200_000)
    worth = 0.7 + z / 1.959964 * np.where(z < 0, 0.2, 0.1)
    volume = rng.triangular(600, 1000, 1300, len(z))
    value = 12 * (worth * volume - rng.triangular(150, 200, 300, len(z)))
    value -= rng.triangular(2500, 3000, 5000, len(z))
    inside = (value > case.net_present_value.low) & (value < case.net_present_value.high)
    assert inside.mean() == pytest.approx(0.95, abs=0.006)
    assert case.chance_of_payback == pytest.approx((value >= 0).mean(), abs=0.006)


def test_bootstrap_means_can_stand_in_for_the_interval() -> None:
    rng = np.random.default_rng(5)
    means = 0.9 + 0.05 * rng.normal(size=4000)  # off centre: only their spread counts
    given = model(uncertainty={"build_cost": [3000, 3000]}, discount_rate=0)
    case = business_case(uplift(0.7, 0.5, 0.8), given, resampled=means)
    assert case.net_present_value.mean == pytest.approx(3000)
    assert case.net_present_value.low == pytest.approx(3000 - 12_000 * 0.05 * 1.96, rel=0.05)


def test_an_unknown_uplift_stays_unknown_in_a_simulation() -> None:
    unknown = uplift(0.5, -math.inf, math.inf)
    case = business_case(unknown, model(uncertainty=RANGES, uplift_kept_per_year=0))
    assert math.isinf(case.net_present_value.low)
    assert math.isinf(case.net_present_value.high)
    assert 0.4 < case.chance_of_payback < 0.6
    json.dumps(case.document(), allow_nan=False)


@given(st.floats(0, 10), st.floats(0, 10), st.floats(0.1, 10))
def test_triangular_quantiles(low: float, up: float, down: float) -> None:
    levels = (np.arange(2000) + 0.5) / 2000
    drawn = triangular(levels, low, low + up, low + up + down)
    assert (np.diff(drawn) >= 0).all()
    assert low <= drawn[0]
    assert drawn[-1] <= low + up + down
    assert drawn.mean() == pytest.approx(low + (2 * up + down) / 3, rel=1e-3, abs=1e-3)


def test_a_range_must_hold_its_likeliest_value() -> None:
    with pytest.raises(ValueError, match="does not hold"):
        triangular(np.array([0.5]), 2, 1, 3)
    assert triangular(np.array([0.5]), 1, 1, 1) == [1.0]


def test_the_two_piece_normal_keeps_the_interval() -> None:
    levels = np.array([0.025, 0.25, 0.5, 0.975])
    drawn = two_piece_normal(levels, uplift(0.7, 0.5, 0.8))
    quarter = 0.7 + NormalDist().inv_cdf(0.25) * 0.2 / NormalDist().inv_cdf(0.975)
    np.testing.assert_allclose(drawn, [0.5, quarter, 0.7, 0.8])
