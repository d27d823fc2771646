from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate
from assay.value.business_case import business_case


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
    assert document["payback_month"]["high"] is None


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
