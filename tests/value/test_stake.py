"""Forecasts that hold at each gain at stake, and what they save."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.errors import DataError
from assay.stats.calibration import Calibrator, fit_calibrator
from assay.stats.cell_calibration import CellCalibrator
from assay.stats.clusters import clustered_mean
from assay.stats.forecaster import Forecaster
from assay.value.against import policy_payoffs
from assay.value.assessment import Assessment, assess
from assay.value.in_force import paid_by
from assay.value.payoff import Columns
from assay.value.stake import forecast_cases, gain_at_stake, learn_from_cases
from assay.value.valuation import Valuation, valuation

Floats = NDArray[np.float64]
Drawn = tuple[Floats, NDArray[np.int64], Columns]


def lender(**changed: Any) -> Valuation:
    """Calling costs 6, and a sale brings a tenth of the amount."""
    given: dict[str, Any] = {
        "currency": "EUR",
        "actions": {"call": {"yes": "amount * 0.1 - 6", "no": -6}, "skip": 0},
        "caps": {"amount": [0, 5000], "price": [0, 100]},
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        "decisions_per_month": 1000,
    }
    model = ValueModel.model_validate({**given, **changed})
    return valuation(model, Data(source="l.csv", outcome="y", positive="yes"))


def _drawn(n: int, effect: float, seed: int) -> Drawn:
    """Draw cases whose log odds fall by `effect` for each log amount, given the score."""
    random = np.random.default_rng(seed)
    z = random.normal(-1.5, 1.0, n)
    amount = np.clip(random.lognormal(5.0, 1.0, n), 1.0, 5000.0)
    true = 1 / (1 + np.exp(-(z - effect * (np.log(amount) - 5.0))))
    outcomes = (random.random(n) < true).astype(np.int64)
    return 1 / (1 + np.exp(-(1.3 * z + 0.3))), outcomes, {"amount": amount}


def _assessed(learned: Forecaster, known: Drawn, valued: Valuation) -> Assessment:
    raw, outcomes, columns = known
    forecasts = forecast_cases(learned, valued, raw, columns)
    return assess(valued, forecasts, outcomes, columns, 1000, seed=8)


@pytest.mark.parametrize("seed", [61, 62, 63])
def test_cells_restore_value_and_promise_where_the_amount_tells(seed: int) -> None:
    valued = lender()
    taught, judged = _drawn(12_000, 0.7, seed), _drawn(20_000, 0.7, seed + 100)
    scores, outcomes, columns = taught
    cells = learn_from_cases(valued, scores, outcomes, columns)
    assert isinstance(cells, CellCalibrator)
    alone = fit_calibrator(scores, outcomes)
    before, after = _assessed(alone, judged, valued), _assessed(cells, judged, valued)
    assert before.shortfall.low > 1.5, "a score alone promises far too much"
    assert after.shortfall.low < 0.05
    assert abs(after.shortfall.mean) < before.shortfall.mean / 8
    gain = _paid(cells, judged, valued) - _paid(alone, judged, valued)
    assert clustered_mean(gain, None, seed=9, unit="EUR per decision").low > 0.05


def test_a_score_alone_can_lose_money_that_cells_keep() -> None:
    valued = lender(actions={"call": {"yes": "amount * 0.1 - 12", "no": -12}, "skip": 0})
    scores, outcomes, columns = _drawn(12_000, 1.0, 64)
    judged = _drawn(20_000, 1.0, 164)
    cells = learn_from_cases(valued, scores, outcomes, columns)
    alone = fit_calibrator(scores, outcomes)
    before, after = _assessed(alone, judged, valued), _assessed(cells, judged, valued)
    assert before.uplift_per_decision.high < 0 < before.shortfall.low
    assert after.uplift_per_decision.mean > -0.01
    assert after.uplift_per_decision.low > before.uplift_per_decision.high
    assert abs(after.shortfall.mean) < before.shortfall.mean / 8


def test_nothing_is_lost_where_the_amount_says_nothing() -> None:
    valued, kept = lender(), 0
    gains = []
    for seed in range(70, 82):
        scores, outcomes, columns = _drawn(4_000, 0.0, seed)
        judged = _drawn(8_000, 0.0, seed + 100)
        learned = learn_from_cases(valued, scores, outcomes, columns)
        alone = fit_calibrator(scores, outcomes)
        kept += isinstance(learned, Calibrator)
        gains.append(float((_paid(learned, judged, valued) - _paid(alone, judged, valued)).mean()))
    assert kept >= 9, "the one-standard-error rule keeps the score alone about five times in six"
    assert min(gains) > -0.03, "and where it does not, little is lost of some 2 EUR a decision"


def _paid(learned: Forecaster, known: Drawn, valued: Valuation) -> Floats:
    raw, outcomes, columns = known
    return policy_payoffs(valued, forecast_cases(learned, valued, raw, columns), outcomes, columns)


def test_the_stake_is_what_the_outcome_changes_of_the_gain() -> None:
    valued = lender(
        actions={
            "call": {"yes": "amount - price", "no": "0 - price"},
            "skip": {"yes": "0 - amount / 2", "no": 1},
        }
    )
    columns = {"amount": np.array([10.0, 9000.0]), "price": np.array([3.0, 4.0])}
    found = gain_at_stake(valued, columns, 2)
    assert found is not None
    np.testing.assert_allclose(found, [[16.0, -4.0], [7501.0, -5.0]])


def test_a_price_that_moves_alone_is_cut_too() -> None:
    valued = lender(actions={"call": {"yes": "40 - price", "no": "0 - price"}, "skip": 0})
    random = np.random.default_rng(83)
    price = random.uniform(2.0, 20.0, 9_000)
    y = (random.random(9_000) < np.where(price > 11, 0.1, 0.5)).astype(np.int64)
    learned = learn_from_cases(valued, np.full(9_000, 0.3), y, {"price": price})
    assert isinstance(learned, CellCalibrator)
    assert learned.axis == 1
    asked = {"price": np.array([4.0, 18.0])}
    p = forecast_cases(learned, valued, np.full(2, 0.3), asked)
    np.testing.assert_allclose(p[:, 1], [0.5, 0.1], atol=0.05)


def test_the_same_case_has_the_same_stake_in_any_company() -> None:
    three = {
        "call": {"yes": "amount * 0.1 - 6", "no": -6},
        "write": {"yes": "amount * 0.05 - 1", "no": -1},
        "skip": 0,
    }
    amount = np.array([3.0, 40.0, 800.0, 5000.0])
    for policy in ("best_action", {"kind": "threshold", "action": "write", "otherwise": "skip"}):
        valued = lender(actions=three, policy=policy)
        together = gain_at_stake(valued, {"amount": amount}, 4)
        assert together is not None
        for row, one in enumerate(amount):
            alone = gain_at_stake(valued, {"amount": np.array([one])}, 1)
            np.testing.assert_array_equal(alone, together[row : row + 1])
        wanted = 0.1 if policy == "best_action" else 0.05
        np.testing.assert_allclose(together[:, 0], amount * wanted)


def test_nothing_is_at_stake_by_row_where_payoffs_read_no_column() -> None:
    plain = lender(actions={"call": {"yes": 9, "no": -1}, "skip": 0})
    three = lender(actions={"call": {"yes": "amount", "no": -1, "later": 0}, "skip": 0})
    regression = lender(
        actions=None, under=3, over=1, baselines={"constant": "best_constant"}, baseline="constant"
    )
    for valued in (plain, three, regression):
        assert gain_at_stake(valued, {"amount": np.ones(2)}, 2) is None


def test_payoffs_without_columns_teach_the_same_calibrator_as_scores_alone() -> None:
    plain = lender(actions={"call": {"yes": 9, "no": -1}, "skip": 0})
    scores, outcomes, columns = _drawn(3_000, 0.7, 84)
    learned = learn_from_cases(plain, scores, outcomes, columns)
    assert isinstance(learned, Calibrator)
    assert learned.document() == fit_calibrator(scores, outcomes).document()


def test_a_case_without_its_amount_is_refused() -> None:
    valued = lender()
    learned = learn_from_cases(valued, *_drawn(6_000, 0.9, 85))
    assert isinstance(learned, CellCalibrator)
    with pytest.raises(DataError, match="'amount'"):
        forecast_cases(learned, valued, np.array([0.5]), {})
    with pytest.raises(DataError, match="1 missing value"):
        forecast_cases(learned, valued, np.array([0.5]), {"amount": np.array([np.nan])})


def test_payoffs_of_a_later_day_leave_forecasts_as_they_were_calibrated() -> None:
    then, later = (
        lender(),
        lender(actions={"call": {"yes": "amount * 0.2 - 6", "no": -6}, "skip": 0}),
    )
    raw, outcomes, columns = _drawn(4000, 1.5, 31)
    taught = learn_from_cases(then, raw, outcomes, columns)
    assert isinstance(taught, CellCalibrator)
    before = forecast_cases(taught, then, raw, columns)
    paid = paid_by(then, later)
    np.testing.assert_array_equal(forecast_cases(taught, paid, raw, columns), before)
    assert not np.array_equal(forecast_cases(taught, later, raw, columns), before)
