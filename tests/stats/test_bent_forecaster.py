"""Every kind of forecaster, bent as its forecasts would be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.bent_forecaster import bent
from assay.stats.calibration import Calibrator, fit_calibrator
from assay.stats.cell_calibration import CellCalibrator
from assay.stats.cell_shifts import CellShifts
from assay.stats.class_calibration import fit_class_calibrator
from assay.stats.forecaster import forecast, forecaster_document, forecaster_from_document
from assay.stats.residuals import fit_predictive

RNG = np.random.default_rng(3)
_START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def _drawn_alike() -> None:
    """Let each test draw the same, whichever ran before it."""
    RNG.bit_generator.state = _START


SCORES = RNG.random(3000)
HAPPENED = (RNG.random(3000) < SCORES**2).astype(np.int64)
SLOPES, SHIFTS = st.floats(0.3, 2.0), st.floats(-1.5, 1.5)


def _odds(p: Any) -> Any:
    return np.log(p / (1 - p))


@pytest.mark.parametrize("method", ["identity", "platt"])
@given(slope=SLOPES, shift=SHIFTS)
def test_a_formula_is_bent_exactly(method: Any, slope: float, shift: float) -> None:
    learned = fit_calibrator(SCORES, HAPPENED, method)
    at = np.linspace(0.1, 0.9, 9)
    before, after = forecast(learned, at), forecast(bent(learned, slope, (0.0, shift)), at)
    assert _odds(after[:, 1]) == pytest.approx(slope * _odds(before[:, 1]) + shift, abs=1e-6)


def test_an_isotonic_map_is_bent_at_its_values_and_keeps_the_order() -> None:
    learned = fit_calibrator(SCORES, HAPPENED, "isotonic")
    moved = bent(learned, 0.8, (0.2, 0.7))
    inner = learned.centres[3:-3]
    expected = 0.8 * _odds(learned.apply(inner)) + 0.5
    assert isinstance(moved, Calibrator)
    assert _odds(moved.apply(inner)) == pytest.approx(expected, abs=0.02)
    assert (np.diff(moved.apply(np.linspace(0, 1, 500))) >= -1e-12).all()


@given(slope=SLOPES, shift=SHIFTS)
def test_cells_are_bent_in_each_cell(slope: float, shift: float) -> None:
    shifts = CellShifts(np.array([1.0, 9.0]), np.array([0.3, -0.4]), np.array([1.2, 0.7]), 0.5)
    edges = (np.array([0.4]), np.array([0.5]))
    own = CellCalibrator(
        Calibrator.identity(), shifts, 0, np.array([5.0]), edges, np.full(4, 10_000)
    )
    scores, amounts = np.linspace(0.2, 0.8, 7), np.linspace(0.0, 10.0, 7)[:, None]
    before, after = own.apply(scores, amounts), bent(own, slope, (0.0, shift))
    assert isinstance(after, CellCalibrator)
    moved = after.apply(scores, amounts)
    assert _odds(moved) == pytest.approx(slope * _odds(before) + shift, abs=1e-6)
    assert (after.blocks(scores, amounts) == own.blocks(scores, amounts)).all()


@pytest.mark.parametrize("method", ["identity", "temperature", "one_vs_rest"])
def test_classes_are_bent_by_their_shifts(method: Any) -> None:
    scores = RNG.dirichlet([2.0, 2.0, 2.0], 4000)
    outcomes = np.array([RNG.choice(3, p=row) for row in scores])
    learned = fit_class_calibrator(scores, outcomes, method)
    shift = np.array([0.0, 0.6, -0.3])
    before, after = forecast(learned, scores), forecast(bent(learned, 0.9, shift.tolist()), scores)
    powers = np.exp(0.9 * np.log(before) + shift)
    expected = powers / powers.sum(axis=1, keepdims=True)
    assert np.abs(after - expected).max() < (0.06 if method == "one_vs_rest" else 1e-3)


def test_quantiles_move_and_spread() -> None:
    level = RNG.uniform(1, 100, 4000)
    learned = fit_predictive(level, level + RNG.normal(0, 3 + level / 10))
    moved = bent(learned, 1.1, (-2.0,), spread=1.5)
    at = np.array([-40.0, 5.0, 50.0, 99.0, 300.0])
    before, after = learned.apply(at), forecast(moved, at)
    mean = before.mean(axis=1, keepdims=True)
    assert after == pytest.approx(-2.0 + 1.1 * mean + 1.5 * (before - mean), abs=1e-6)


def test_no_block_claims_more_cases_than_taught_the_bend() -> None:
    learned = fit_calibrator(SCORES, HAPPENED, "isotonic")
    moved = bent(learned, 1.0, (0.0, 0.1), labelled=300)
    assert isinstance(moved, Calibrator)
    assert moved.counts.sum() == pytest.approx(300, abs=len(moved.counts))
    again = forecaster_from_document(forecaster_document(moved))
    assert (forecast(again, SCORES) == forecast(moved, SCORES)).all()
