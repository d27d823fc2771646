"""Calibration over score and amount: right in each cell, shrunk where cases are few."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from assay.stats.calibration import Calibrator, expected_calibration_error, fit_calibrator
from assay.stats.cell_calibration import CellCalibrator, fit_cell_calibrator
from assay.stats.cell_shifts import CellShifts, fit_cell_shifts
from assay.stats.forecaster import (
    forecast,
    forecaster_document,
    forecaster_from_document,
    learn_forecaster,
)

Floats = NDArray[np.float64]


def _sigmoid(z: Floats) -> Floats:
    p: Floats = 1 / (1 + np.exp(-z))
    return p


def _drawn(n: int, effect: float, seed: int) -> tuple[Floats, NDArray[Any], Floats, Floats]:
    """Return scores, outcomes, amounts and the true chances; `effect` per log amount."""
    random = np.random.default_rng(seed)
    z = random.normal(-1.0, 1.0, n)
    amount = random.lognormal(4.0, 1.0, n)
    true = _sigmoid(z - effect * (np.log(amount) - 4.0))
    return _sigmoid(1.3 * z), random.random(n) < true, amount[:, None], true


@pytest.fixture(scope="module")
def bent() -> CellCalibrator:
    scores, outcomes, amounts, _ = _drawn(8_000, 0.8, 41)
    fitted = fit_cell_calibrator(scores, outcomes, amounts)
    assert isinstance(fitted, CellCalibrator)
    return fitted


def test_cells_know_the_chance_given_score_and_amount(bent: CellCalibrator) -> None:
    scores, _, amounts, true = _drawn(20_000, 0.8, 42)
    plain = fit_calibrator(*_drawn(8_000, 0.8, 41)[:2])
    assert np.abs(bent.apply(scores, amounts) - true).mean() < 0.03
    assert np.abs(plain.apply(scores) - true).mean() > 0.1


def test_calibrated_within_each_cell_and_over_all(bent: CellCalibrator) -> None:
    scores, outcomes, amounts, _ = _drawn(40_000, 0.8, 43)
    p = bent.apply(scores, amounts)
    assert expected_calibration_error(p, outcomes) < 0.02
    cells = np.searchsorted(bent.cuts, amounts[:, 0])
    for cell in np.unique(cells):
        inside = cells == cell
        error = np.sqrt((p * (1 - p))[inside].mean() / inside.sum() + 0.25 / 800)
        assert abs((p - outcomes)[inside].mean()) < 4 * error


@settings(max_examples=30)
@given(st.floats(0.1, 5_000), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=20))
def test_order_of_scores_is_kept_within_an_amount(amount: float, scores: list[float]) -> None:
    given_scores, outcomes, amounts, _ = _drawn(1_500, -1.0, 44)
    fitted = fit_cell_calibrator(given_scores, outcomes, amounts)
    assert isinstance(fitted, CellCalibrator)
    p = fitted.apply(np.sort(scores), np.full((len(scores), 1), amount))
    assert (np.diff(p) >= -1e-12).all()
    assert ((p > 0) & (p < 1)).all()


def test_slopes_that_would_fall_are_held() -> None:
    random = np.random.default_rng(45)
    z, amount = random.normal(0, 1, 4_000), np.repeat([1.0, 2.0], 2_000)
    y = random.random(4_000) < _sigmoid(np.where(amount == 1.0, z, -z))
    fitted = fit_cell_shifts(z, y.astype(np.float64), amount, np.array([1.0, 2.0]))
    assert fitted.slopes[1] == pytest.approx(0.0, abs=1e-9)
    assert fitted.slopes[0] == pytest.approx(1.0, abs=0.15)
    free = fitted.shifts[1] + (fitted.slopes[1] - 1) * (0.0 - fitted.pivot)
    assert abs(free) < 0.2, "the other weights are still at their best"


def test_a_thin_cell_stays_near_the_whole() -> None:
    random = np.random.default_rng(46)
    amount = np.r_[np.tile([1.0, 2.0, 3.0], 3_000), np.full(8, 4.0)]
    lifted = np.array([0.0, 0.4, -0.4, 0.0])[amount.astype(int) - 1]
    y = (random.random(len(amount)) < _sigmoid(lifted)).astype(np.float64)
    y[-8:] = 1.0  # eight of eight: alone they would say that it always happens
    centres = np.arange(1.0, 5.0)
    fitted = fit_cell_shifts(np.zeros(len(amount)), y, amount, centres)
    np.testing.assert_allclose(fitted.shifts[:3], [0.0, 0.4, -0.4], atol=0.1)
    assert 0 < fitted.shifts[3] < 1.5
    assert _sigmoid(fitted.shifts[3:])[0] < 0.82


def test_weights_are_the_penalised_optimum() -> None:
    scores, outcomes, amounts, _ = _drawn(1_000, 0.5, 47)
    z, y = np.log(scores / (1 - scores)), outcomes.astype(np.float64)
    centres, spreads = np.array([30.0, 60.0, 200.0]), (0.3, 0.2)
    fitted = fit_cell_shifts(z, y, amounts[:, 0], centres, spreads)

    def loss(shifts: Floats, slopes: Floats) -> float:
        p = CellShifts(centres, shifts, slopes, fitted.pivot).apply(z, amounts[:, 0])
        fit = -np.log(np.where(y == 1, p, 1 - p)).sum()
        bends = (shifts / spreads[0]) ** 2, ((slopes - 1) * z.std() / spreads[1]) ** 2
        return float(fit + sum(bend.sum() for bend in bends) / 2)

    least = loss(fitted.shifts, fitted.slopes)
    for k in range(3):
        for step in (-0.01, 0.01):
            moved = np.where(np.arange(3) == k, step, 0.0)
            assert loss(fitted.shifts + moved, fitted.slopes) > least
            assert loss(fitted.shifts, fitted.slopes + moved) > least


def test_scores_alone_are_kept_where_the_amount_says_nothing() -> None:
    kept = 0
    for seed in range(300, 312):
        scores, outcomes, amounts, true = _drawn(3_000, 0.0, seed)
        fitted = fit_cell_calibrator(scores, outcomes, amounts)
        kept += isinstance(fitted, Calibrator)
        p = forecast(fitted, scores, amounts)[:, 1]
        alone = fit_calibrator(scores, outcomes).apply(scores)
        assert np.mean((p - true) ** 2) < np.mean((alone - true) ** 2) + 0.001
    assert kept >= 9, "one standard error keeps about five in six"


def test_the_column_that_tells_is_the_one_cut() -> None:
    scores, outcomes, amounts, _ = _drawn(4_000, 0.8, 48)
    noise = np.random.default_rng(49).normal(size=(4_000, 1))
    fitted = fit_cell_calibrator(scores, outcomes, np.hstack([noise, amounts]))
    assert isinstance(fitted, CellCalibrator)
    assert fitted.axis == 1


@pytest.mark.parametrize("amount", [np.full(900, 3.0), np.r_[np.zeros(1), np.ones(899)]])
def test_amounts_that_hardly_vary_leave_the_calibrator_as_it_was(amount: Floats) -> None:
    scores, outcomes, _, _ = _drawn(900, 0.5, 50)
    fitted = fit_cell_calibrator(scores, outcomes, amount[:, None])
    assert isinstance(fitted, Calibrator)
    assert fitted.document() == fit_calibrator(scores, outcomes).document()


def test_few_cases_leave_scores_alone() -> None:
    scores, outcomes, amounts, _ = _drawn(300, 2.0, 51)
    assert isinstance(fit_cell_calibrator(scores, outcomes, amounts), Calibrator)


def test_amounts_in_another_unit_change_nothing(bent: CellCalibrator) -> None:
    scores, outcomes, amounts, _ = _drawn(8_000, 0.8, 41)
    cents = fit_cell_calibrator(scores, outcomes, amounts * -100)
    p = forecast(cents, scores, amounts * -100)[:, 1]
    np.testing.assert_allclose(p, bent.apply(scores, amounts), atol=0.005)


def test_blocks_count_the_labelled_cases(bent: CellCalibrator) -> None:
    scores, _, amounts, _ = _drawn(8_000, 0.8, 41)
    blocks = bent.blocks(scores, amounts)
    np.testing.assert_array_equal(np.bincount(blocks, minlength=len(bent.counts)), bent.counts)
    assert bent.counts.sum() == 8_000
    assert len(bent.counts) <= 20


def test_cells_survive_their_document(bent: CellCalibrator) -> None:
    document = json.loads(json.dumps(forecaster_document(bent)))
    assert (document["format"], document["kind"]) == (2, "cells")
    again = forecaster_from_document(document)
    scores, _, amounts, _ = _drawn(500, 0.8, 52)
    np.testing.assert_array_equal(forecast(again, scores, amounts), forecast(bent, scores, amounts))
    assert isinstance(again, CellCalibrator)
    np.testing.assert_array_equal(again.blocks(scores, amounts), bent.blocks(scores, amounts))


def test_scores_alone_are_written_as_ever() -> None:
    scores, outcomes, _, _ = _drawn(500, 0.0, 53)
    document = forecaster_document(learn_forecaster("classification", scores, outcomes))
    assert (document["format"], document["kind"]) == (1, "calibrator")


def test_documents_and_amounts_that_do_not_fit_are_refused(bent: CellCalibrator) -> None:
    with pytest.raises(ValueError, match="gain at stake"):
        forecast(bent, np.array([0.5]))
    with pytest.raises(ValueError, match="format 3"):
        forecaster_from_document({"format": 3, "kind": "cells", "cells": {}})
    with pytest.raises(ValueError, match="format 9"):
        CellCalibrator.from_document({"format": 9})
    for amounts in (np.ones((3, 1)), np.ones(4), np.full((4, 1), np.nan)):
        with pytest.raises(ValueError, match="must be finite, one row for each of 4"):
            fit_cell_calibrator(np.full(4, 0.5), np.array([0, 1, 0, 1]), amounts)
