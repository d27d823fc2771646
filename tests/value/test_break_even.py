from __future__ import annotations

from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.stats.metrics import roc_auc
from assay.value.break_even import BreakEven, binormal_forecast, break_even, needed_per_month
from assay.value.ceiling import ceiling
from assay.value.valuation import Valuation, valuation


def bank(**changed: Any) -> tuple[Valuation, ValueModel]:
    given: dict[str, Any] = {
        "currency": "EUR",
        "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
        "baselines": {"nobody": "skip", "everybody": "call"},
        "baseline": "nobody",
        "decisions_per_month": 1000,
        "build_cost": 1200,
        "run_cost_per_month": 100,
    }
    model = ValueModel.model_validate({**given, **changed})
    return valuation(model, Data(source="b.csv", outcome="y", positive="yes")), model


def outcomes(rate: float, n: int = 1000) -> np.ndarray:
    return (np.arange(n) < rate * n).astype(np.int64)


def solved(rate: float = 0.1, floor: float = 0.0, **changed: Any) -> BreakEven:
    valued, model = bank(**changed)
    columns = {"amount": np.full(1000, 10.0)}
    return break_even(valued, model, outcomes(rate), columns, seed=0, floor_per_month=floor)


def test_agrees_with_the_closed_form() -> None:
    """At a rate of 0.1 the cut is where both densities meet, so both rates are known."""
    half = NormalDist().inv_cdf((200 / 1000 / 0.9 + 1) / 2)
    closed = NormalDist().cdf(2 * half / np.sqrt(2))
    found = solved()
    assert found.auc == pytest.approx(closed, abs=1e-3)
    assert found.needed == 200
    assert found.precision == pytest.approx(0.1)
    assert found.text.startswith("The break-even is a ROC AUC of 0.655: ")


def test_uplift_rises_with_auc_from_the_base_rate_to_the_ceiling() -> None:
    valued, _ = bank(baseline="everybody")
    found = solved(baseline="everybody", rate=0.05)
    assert (np.diff(found.uplift) > -1).all()
    assert found.uplift[0] == pytest.approx(500)  # calling nobody needs no model
    perfect = ceiling(valued, outcomes(0.05), {}, seed=0)
    assert found.uplift[-1] == pytest.approx(perfect.mean * 1000, rel=0.01)
    assert found.auc == 0.5
    assert found.text == (
        "No model is needed: acting on the base rate alone covers the costs of 200 EUR per month."
    )


def test_what_no_model_can_bring() -> None:
    found = solved(floor=10_000)
    assert found.auc is None
    assert "even a nearly perfect one" in found.text
    assert "No model reaches the agreed floor of 10,000 EUR per month" in found.text


def test_a_floor_is_told_apart_from_costs_and_nothing_from_both() -> None:
    assert "covers the costs of 200 EUR per month" in solved(floor=150).text
    assert "reaches the agreed floor of 250 EUR per month" in solved(floor=250).text
    free = solved(build_cost=0, run_cost_per_month=0)
    assert free.needed == 0
    assert "names no costs" in free.text
    assert "0 EUR" not in free.text


def test_capacity_asks_for_a_better_model() -> None:
    free = solved().auc
    short = solved(policy={"kind": "top_k", "action": "call", "k": 3, "of": 100}).auc
    assert free is not None
    assert short is not None
    assert short > free + 0.02


def test_a_bad_fixed_threshold_asks_for_a_better_model() -> None:
    cut = solved(policy={"kind": "threshold", "action": "call", "at": 0.4}).auc
    assert cut is not None
    assert cut > 0.7


def test_payoffs_that_read_the_row() -> None:
    actions = {"call": {"yes": "amount - 1", "no": -1}, "skip": 0}
    found = solved(actions=actions, caps={"amount": [0, 100]})
    assert found.auc == pytest.approx(solved().auc, abs=1e-6)


def test_the_imagined_forecast_has_the_auc_it_says_and_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(100_000) < 0.2).astype(np.int64)
    p = binormal_forecast(y, rng.normal(size=100_000), 0.8)[:, 1]
    assert roc_auc(y, p) == pytest.approx(0.8, abs=0.005)
    for low, high in ((0.05, 0.1), (0.2, 0.3), (0.5, 0.7)):
        cell = (p > low) & (p < high)
        assert y[cell].mean() == pytest.approx(p[cell].mean(), abs=0.015)


def test_needed_covers_costs_or_the_floor() -> None:
    _, model = bank()
    assert needed_per_month(model) == 200
    assert needed_per_month(model, floor_per_month=350) == 350


def test_needed_counts_each_decision_and_what_the_uplift_loses() -> None:
    _, model = bank(cost_per_decision=0.2, retraining_cost=30)
    assert needed_per_month(model, retrainings_per_month=2) == pytest.approx(460)
    _, fading = bank(uplift_kept_per_year=0.5)
    lasting = sum(0.5 ** (month / 12) for month in range(12))
    assert needed_per_month(fading) == pytest.approx(2400 / lasting)
    _, dearer = bank(changes=[{"since": "2027-07-01", "run_cost_per_month": 300}])
    assert needed_per_month(dearer, start=date(2027, 1, 1)) == pytest.approx(300)
    costly = solved(cost_per_decision=0.2).auc
    cheap = solved().auc
    assert cheap is not None
    assert costly is not None
    assert costly > cheap + 0.05


def test_the_precision_is_the_same_whatever_the_baseline_does() -> None:
    """Acting on a group with one in ten costs nothing and brings nothing: by hand 0.1 x 9 = 0.9."""
    assert solved(baseline="everybody").precision == pytest.approx(0.1)
    assert solved(rate=0.3).precision == pytest.approx(0.1)


def test_the_precision_where_the_positive_cases_pay_more() -> None:
    """Positives bring 20 less 1, negatives cost 1: one in twenty covers the other nineteen."""
    valued, model = bank(
        actions={"call": {"yes": "amount - 1", "no": -1}, "skip": 0}, caps={"amount": [0, 100]}
    )
    known = outcomes(0.1)
    amount = np.where(known == 1, 20.0, 5.0)
    found = break_even(valued, model, known, {"amount": amount}, seed=0)
    assert found.precision == pytest.approx(1 / 20)
    group = np.repeat([1, 0], [1, 19])
    paid = np.where(group == 1, 19.0, -1.0)
    assert paid.sum() == 0


def test_what_the_least_auc_looks_like_in_use() -> None:
    found = solved()
    assert found.acted is not None
    assert found.precision_there is not None
    brought = found.acted * (10 * found.precision_there - 1) * 1000
    assert brought == pytest.approx(found.needed, rel=0.01)
    assert found.document()["precision_there"] == found.precision_there
    never = solved(floor=10_000)
    assert never.acted is None


def test_refusals() -> None:
    valued, model = bank()
    with pytest.raises(ValueError, match="both outcomes"):
        break_even(valued, model, np.zeros(5, dtype=np.int64), {}, seed=0)
    regression = ValueModel.model_validate(
        {
            "currency": "EUR",
            "under": 3,
            "over": 1,
            "baselines": {"ten": 10},
            "baseline": "ten",
            "decisions_per_month": 10,
        }
    )
    bikes = valuation(regression, Data(source="b.csv", outcome="cnt"))
    with pytest.raises(ValueError, match="ROC AUC"):
        break_even(bikes, regression, np.ones(3), {}, seed=0)
