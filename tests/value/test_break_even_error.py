from __future__ import annotations

import json
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.value.break_even_error import BreakEvenError, break_even_error, copula_forecast
from assay.value.ceiling import ceiling
from assay.value.valuation import Valuation, valuation

RIDES = np.random.default_rng(3).gamma(2, 20, 1200).round()


def bikes(**changed: Any) -> tuple[Valuation, ValueModel]:
    given: dict[str, Any] = {
        "currency": "EUR",
        "under": 3,
        "over": 1,
        "baselines": {"same": "best_constant", "warm": "2 * warmth"},
        "baseline": "same",
        "decisions_per_month": 100,
    }
    model = ValueModel.model_validate({**given, **changed})
    found = valuation(model, Data(source="b.csv", outcome="rides"))
    return found.tuned(np.zeros((len(RIDES), 1)), RIDES, {}), model


def solved(floor: float = 0.0, **changed: Any) -> BreakEvenError:
    valued, model = bikes(**changed)
    columns = {"warmth": RIDES / 2}
    return break_even_error(valued, model, RIDES, columns, seed=0, floor_per_month=floor)


def test_uplift_goes_from_the_best_constant_to_perfect_foresight() -> None:
    valued, _ = bikes()
    found = solved(floor=100)
    perfect = ceiling(valued, RIDES, {}, seed=0).mean * 100
    assert found.uplift[0] == pytest.approx(0, abs=0.02 * perfect)
    assert found.uplift[-1] == pytest.approx(perfect, rel=0.01)
    assert found.errors[0] == pytest.approx(1, abs=0.01)
    assert found.errors[-1] == 0
    assert (np.diff(found.errors) < 0).all()
    assert (np.diff(found.uplift) > 0).all()


def test_with_equal_costs_the_loss_is_the_error_itself() -> None:
    """Where both sides cost 1, uplift is the constant's error less the forecast's, by the case."""
    constant = float(np.abs(RIDES - np.median(RIDES)).mean())
    found = solved(floor=0.4 * constant * 100, under=1, over=1)
    assert found.constant == pytest.approx(constant, rel=0.01)
    assert found.error == pytest.approx(0.6, abs=0.01)
    assert found.largest == pytest.approx(0.6 * constant, rel=0.02)
    assert "60% of what one constant" in found.text
    assert "a forecast reaches the agreed floor of " in found.text
    json.dumps(found.document(), allow_nan=False)


def test_what_needs_no_forecast_and_what_none_can_bring() -> None:
    assert solved(floor=1e9).error is None
    assert "even perfect foresight" in solved(floor=1e9).text
    poor = solved(baselines={"none": 0}, baseline="none", run_cost_per_month=10)
    assert "No model is needed: one constant for every case covers the costs of 10" in poor.text
    free = solved(baselines={"none": 0}, baseline="none")
    assert "names no costs" in free.text
    knowing = solved(baseline="warm", run_cost_per_month=10)
    assert knowing.error is None, "the rule of thumb already knows the outcome"


def test_a_payoff_as_a_formula_and_few_cases() -> None:
    valued, model = bikes(
        under=None,
        over=None,
        payoff="5 * min(decision, outcome) - 2 * decision",
        run_cost_per_month=2000,
    )
    found = break_even_error(valued, model, RIDES[:40], {}, seed=0)
    assert found.error is not None
    assert 0 < found.error < 1


def test_imagined_forecasts_are_calibrated() -> None:
    rng = np.random.default_rng(8)
    y = np.sort(rng.gamma(2, 20, 4000))
    score = np.array([NormalDist().inv_cdf((i + 0.5) / 4000) for i in range(4000)])
    forecast = copula_forecast(y, score, rng.normal(size=4000), 0.8)
    levels = (np.arange(51) + 0.5) / 51
    below = (y[:, None] <= forecast).mean(axis=0)
    assert np.abs(below - levels).max() < 0.02
    narrow = np.ptp(forecast, axis=1).mean()
    assert narrow < np.ptp(np.quantile(y, levels))
    low, high = forecast[:, 25] < np.median(y), forecast[:, 25] >= np.median(y)
    for part in (low, high):  # calibrated given what was forecast, not in the mean alone
        assert np.abs((y[part, None] <= forecast[part]).mean(axis=0) - levels).max() < 0.03


def test_where_no_error_exists() -> None:
    valued, model = bikes()
    with pytest.raises(ValueError, match="differ"):
        break_even_error(valued, model, np.ones(5), {}, seed=0)
    table = {"call": {"yes": 1, "no": -1}, "skip": 0}
    bank = ValueModel.model_validate(
        {
            "currency": "EUR",
            "actions": table,
            "baselines": {"n": "skip"},
            "baseline": "n",
            "decisions_per_month": 1,
        }
    )
    valued = valuation(bank, Data(source="b.csv", outcome="y", positive="yes"))
    with pytest.raises(ValueError, match="regression"):
        break_even_error(valued, bank, np.array([0.0, 1.0]), {}, seed=0)
