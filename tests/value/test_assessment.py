from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.stats.clusters import Clusters
from assay.value.assessment import assess
from assay.value.ceiling import ceiling
from assay.value.valuation import Valuation, valuation


def bank(**changed: Any) -> Valuation:
    given: dict[str, Any] = {
        "currency": "EUR",
        "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
        "baselines": {"nobody": "skip", "everybody": "call"},
        "baseline": "nobody",
        "decisions_per_month": 1000,
    }
    model = ValueModel.model_validate({**given, **changed})
    return valuation(model, Data(source="b.csv", outcome="y", positive="yes"))


def cases(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 6, n)
    return np.column_stack([1 - p, p]), (rng.random(n) < p).astype(np.int64)


def test_the_parts_agree() -> None:
    valued, (forecast, y) = bank(), cases()
    found = assess(valued, forecast, y, {}, 1000, seed=0)
    paid = valued.realised(valued.decide(forecast, {}), y, {})
    assert found.n == 4000
    assert found.total.mean == pytest.approx(paid.sum())
    assert found.total.unit == "EUR"
    assert found.value.mean == pytest.approx(paid.mean())
    assert found.value.unit == "EUR per decision"
    assert found.uplift_per_decision == found.uplift_over["nobody"]
    assert found.uplift_per_month.mean == pytest.approx(1000 * paid.mean())
    assert found.baselines["everybody"].mean == pytest.approx(10 * y.mean() - 1)
    assert found.ceiling == ceiling(valued, y, {}, seed=0)
    assert found.share_of_ceiling is not None
    assert found.share_of_ceiling.mean == pytest.approx(paid.mean() / (9 * y.mean()))
    assert 0 < found.share_of_ceiling.low < found.share_of_ceiling.high < 1
    assert found.shortfall.low < 0 < found.shortfall.high  # calibrated: no more than promised
    assert found.expected - found.value.mean == pytest.approx(found.shortfall.mean)
    assert sum(found.decisions.values()) == 4000
    json.dumps(found.document(), allow_nan=False)


def test_entities_widen_the_interval() -> None:
    valued, (forecast, y) = bank(), cases(2000)
    twice = (np.repeat(forecast, 2, axis=0), np.repeat(y, 2))
    alone = assess(valued, *twice, {}, 1000, seed=0)
    owned = assess(
        valued, *twice, {}, 1000, seed=0, clusters=Clusters(np.repeat(np.arange(2000), 2), "entity")
    )
    once = assess(valued, forecast, y, {}, 1000, seed=0)

    def width(found: Any) -> float:
        return float(found.uplift_per_decision.high - found.uplift_per_decision.low)

    assert width(owned) == pytest.approx(width(once), rel=0.1)
    assert width(owned) > 1.3 * width(alone)


def test_scores_that_do_not_know_the_amount_promise_too_much() -> None:
    """Calibrated overall, but large amounts fail more often than the score says."""
    rng = np.random.default_rng(0)
    amount = rng.uniform(0, 40, 8000)
    y = (rng.random(8000) < 0.4 * (1 - amount / 50)).astype(np.int64)
    forecast = np.tile([1 - y.mean(), y.mean()], (8000, 1))
    actions = {"call": {"yes": "amount", "no": -5}, "skip": 0}
    valued = bank(actions=actions, caps={"amount": [0, 40]})
    found = assess(valued, forecast, y, {"amount": amount}, 1000, seed=0)
    assert found.shortfall.low > 0.5


def test_nothing_to_reach_has_no_share() -> None:
    valued, (forecast, y) = bank(actions={"call": {"yes": 0, "no": 0}, "skip": 0}), cases(50)
    assert assess(valued, forecast, y, {}, 10, seed=0).share_of_ceiling is None


def test_regression() -> None:
    model = ValueModel.model_validate(
        {
            "currency": "EUR",
            "under": 3,
            "over": 1,
            "baselines": {"constant": "best_constant", "ten": 10},
            "baseline": "constant",
            "decisions_per_month": 720,
        }
    )
    valued = valuation(model, Data(source="bikes.csv", outcome="cnt"))
    rng = np.random.default_rng(0)
    level = rng.uniform(5, 100, 1000)
    y = rng.normal(level, 3)
    forecast = level[:, None] + np.linspace(-6, 6, 99)
    found = assess(valued.tuned(forecast, y, {}), forecast, y, {}, 720, seed=0)
    assert found.uplift_per_decision.low > 10
    assert found.decisions == {}
    assert found.share_of_ceiling is not None
    assert found.share_of_ceiling.low > 0.8
