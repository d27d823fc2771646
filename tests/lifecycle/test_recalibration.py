from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.lifecycle.recalibration import Recalibration, recalibrated


def _binary(p: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - p, p])


def test_it_finds_the_shift_that_outcomes_took() -> None:
    rng = np.random.default_rng(3)
    told = rng.uniform(0.02, 0.3, 20_000)
    odds = np.log(told / (1 - told)) + 1.0
    truth = 1 / (1 + np.exp(-odds))
    outcomes = (rng.random(20_000) < truth).astype(np.int64)
    found = recalibrated("classification", _binary(told), outcomes)
    assert found.apply(_binary(told))[:, 1] == pytest.approx(truth, abs=0.02)


def test_few_outcomes_move_little() -> None:
    told = _binary(np.full(3, 0.1))
    found = recalibrated("classification", told, np.array([1, 0, 0]))
    assert 0.1 < found.apply(told)[0, 1] < 0.33


def test_weights_stand_for_cases() -> None:
    told = _binary(np.array([0.2, 0.4, 0.4, 0.1]))
    outcomes = np.array([0, 1, 1, 0])
    once = recalibrated("classification", told, outcomes)
    places = [0, 1, 3]
    weighed = recalibrated(
        "classification", told[places], outcomes[places], np.array([1.0, 2.0, 1.0])
    )
    assert weighed.slope == pytest.approx(once.slope, abs=1e-4)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=50),
    st.integers(0, 2**32 - 1),
)
def test_forecasts_stay_probabilities_in_the_same_order(scores: list[float], seed: int) -> None:
    told = np.sort(np.array(scores))
    outcomes = np.random.default_rng(seed).integers(0, 2, len(told))
    bent = recalibrated("classification", _binary(told), outcomes).apply(_binary(told))
    assert bent.sum(axis=1) == pytest.approx(1)
    assert (np.diff(bent[:, 1]) >= -1e-12).all()


def test_three_outcomes() -> None:
    rng = np.random.default_rng(5)
    told = rng.dirichlet([5, 3, 2], 5000)
    outcomes = rng.choice(3, 5000, p=[0.2, 0.3, 0.5])
    bent = recalibrated("classification", told, outcomes).apply(told)
    assert bent.mean(axis=0) == pytest.approx([0.2, 0.3, 0.5], abs=0.03)


def test_regression_moves_level_and_spread() -> None:
    rng = np.random.default_rng(6)
    level = rng.uniform(100, 300, 3000)
    forecast = level[:, None] + np.linspace(-20, 20, 9)
    outcomes = 1.5 * level + rng.normal(0, 30, 3000)
    found = recalibrated("regression", forecast, outcomes)
    bent = found.apply(forecast)
    assert bent.mean(axis=1) == pytest.approx(1.5 * level, rel=0.03)
    assert found.spread == 2.0
    assert (np.diff(bent, axis=1) > 0).all()


def test_documents_come_back() -> None:
    for one in (
        Recalibration("classification", 0.9, (0.0, 0.3)),
        Recalibration("regression", 1.1, (4.0,), 1.2),
    ):
        assert Recalibration.from_document(one.document()) == one


@given(st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_no_other_map_has_a_smaller_penalised_loss(outcomes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    told = rng.dirichlet(np.full(outcomes, 1.5), 60)
    came = rng.integers(0, outcomes, 60)
    weights = rng.uniform(0.5, 3, 60)

    def loss(one: Recalibration) -> float:
        given = one.apply(told)[np.arange(60), came]
        penalty = ((one.slope - 1) / 0.5) ** 2 + float((np.array(one.shift) ** 2).sum())
        return float(-(weights * np.log(given)).sum()) + penalty / 2

    found = recalibrated("classification", told, came, weights)
    assert found.slope >= 0
    assert found.shift[0] == 0
    for _ in range(20):
        step = rng.normal(0, 0.05, outcomes)
        shift = (0.0, *(np.array(found.shift[1:]) + step[1:]).tolist())
        other = Recalibration("classification", max(0.0, found.slope + step[0]), shift)
        assert loss(found) <= loss(other) + 1e-6
