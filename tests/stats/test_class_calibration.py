"""Calibration of three and more outcomes, against what made the outcomes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from assay.stats.class_calibration import ClassCalibrator, fit_class_calibrator
from assay.stats.forecaster import (
    forecast,
    forecaster_document,
    forecaster_from_document,
    learn_forecaster,
)

Floats = NDArray[np.float64]


def drawn(p: Floats, random: np.random.Generator) -> NDArray[np.int64]:
    """Draw an outcome for each row of probabilities."""
    return np.asarray(
        (random.random((len(p), 1)) > p.cumsum(axis=1)[:, :2]).sum(axis=1), dtype=np.int64
    )


def truth(n: int, random: np.random.Generator) -> Floats:
    odds = random.normal(size=(n, 3)) + np.array([1.0, 0.0, -1.0])
    powers = np.exp(odds)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_loss(p: Floats, outcomes: NDArray[np.int64]) -> float:
    return float(-np.log(p[np.arange(len(p)), outcomes]).mean())


def sharpened(p: Floats, power: float) -> Floats:
    return np.asarray(p**power / (p**power).sum(axis=1, keepdims=True))


def test_temperature_finds_the_power_that_sharpened_the_scores() -> None:
    random = np.random.default_rng(41)
    p = truth(6000, random)
    fitted = fit_class_calibrator(sharpened(p, 3.0), drawn(p, random), "temperature")
    assert fitted.slope == pytest.approx(1 / 3, abs=0.02)
    np.testing.assert_allclose(fitted.shifts, 0.0, atol=0.15)
    np.testing.assert_allclose(fitted.apply(sharpened(p, 3.0)), p, atol=0.06)


def test_temperature_is_where_its_gradient_vanishes() -> None:
    random = np.random.default_rng(42)
    p = truth(500, random)
    y = drawn(p, random)
    fitted = fit_class_calibrator(p, y, "temperature")
    x = np.vstack([np.log(p), np.tile(np.log(p).mean(axis=0), (3, 1))])
    happened = np.vstack([np.eye(3)[y], np.eye(3)])
    odds = fitted.slope * x + fitted.shifts
    off = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True) - happened
    assert abs((off * x).sum()) < 1e-5
    np.testing.assert_allclose(off.sum(axis=0), 0.0, atol=1e-5)


@pytest.mark.parametrize("method", ["auto", "temperature", "one_vs_rest"])
def test_any_map_mends_overconfident_scores_on_new_cases(method: Any) -> None:
    random = np.random.default_rng(43)
    p, new = truth(4000, random), truth(4000, random)
    fitted = fit_class_calibrator(sharpened(p, 3.0), drawn(p, random), method)
    y, raw = drawn(new, random), sharpened(new, 3.0)
    assert log_loss(fitted.apply(raw), y) < log_loss(raw, y) - 0.2
    assert log_loss(fitted.apply(raw), y) < log_loss(new, y) + 0.03


def test_auto_leaves_scores_alone_that_hold() -> None:
    random = np.random.default_rng(44)
    p = truth(3000, random)
    assert fit_class_calibrator(p, drawn(p, random)).kind == "identity"


def test_auto_bends_each_outcome_where_one_temperature_is_not_enough() -> None:
    random = np.random.default_rng(45)
    p = truth(8000, random)
    bent = np.column_stack([p[:, 0] ** 4, np.sqrt(p[:, 1]), p[:, 2]])
    bent /= bent.sum(axis=1, keepdims=True)
    steps = np.round(bent * 4) / 4 + 0.01  # few levels: no power of them gives the truth
    fitted = fit_class_calibrator(steps, drawn(p, random))
    assert fitted.kind == "one_vs_rest"
    assert len(fitted.maps) == 3


def test_margins_are_taken_as_margins() -> None:
    random = np.random.default_rng(46)
    p = truth(5000, random)
    margins = 2 * np.log(p) + 5
    fitted = fit_class_calibrator(margins, drawn(p, random))
    assert fitted.kind == "temperature_on_margin"
    np.testing.assert_allclose(fitted.apply(margins), p, atol=0.06)


def test_an_outcome_that_never_came_keeps_a_small_chance() -> None:
    random = np.random.default_rng(47)
    p = truth(200, random)
    y = np.minimum(drawn(p, random), 1)
    methods: tuple[Any, ...] = ("identity", "temperature", "one_vs_rest")
    for method in methods:
        out = fit_class_calibrator(np.column_stack([p[:, :2], np.zeros(200)]), y, method).apply(p)
        assert (out > 0.001).all()
        np.testing.assert_allclose(out.sum(axis=1), 1.0)


def test_scores_that_rank_wrongly_are_flattened() -> None:
    random = np.random.default_rng(48)
    p = truth(2000, random)
    fitted = fit_class_calibrator(sharpened(p, -1.0), drawn(p, random), "temperature")
    shares = np.bincount(drawn(p, random), minlength=3) / 2000
    assert fitted.slope == 0.0
    np.testing.assert_allclose(fitted.apply(p)[0], shares, atol=0.05)


def test_blocks_hold_every_labelled_case() -> None:
    random = np.random.default_rng(49)
    p = truth(3000, random)
    fitted = fit_class_calibrator(p, drawn(p, random))
    blocks = fitted.blocks(p)
    assert fitted.counts.sum() == 3000
    np.testing.assert_array_equal(np.bincount(blocks, minlength=len(fitted.counts)), fitted.counts)
    top = fitted.apply(p).argmax(axis=1)
    for block in np.unique(blocks):
        assert len(np.unique(top[blocks == block])) == 1


@given(
    st.integers(2, 6).flatmap(
        lambda k: st.lists(
            st.tuples(st.lists(st.floats(0, 1), min_size=k, max_size=k), st.integers(0, k - 1)),
            min_size=1,
            max_size=40,
        )
    ),
    st.sampled_from(["auto", "identity", "temperature", "one_vs_rest"]),
)
def test_probabilities_always_come_out(cases: list[tuple[list[float], int]], method: Any) -> None:
    scores = np.array([row for row, _ in cases])
    fitted = fit_class_calibrator(scores, np.array([code for _, code in cases]), method)
    out = fitted.apply(scores)
    assert (out > 0).all()
    np.testing.assert_allclose(out.sum(axis=1), 1.0)
    assert fitted.counts.sum() == len(cases)


@pytest.mark.parametrize("kind", ["identity", "temperature", "one_vs_rest"])
def test_class_forecasters_survive_their_documents(kind: Any) -> None:
    random = np.random.default_rng(50)
    p = truth(600, random)
    fitted = fit_class_calibrator(p, drawn(p, random), kind)
    again = forecaster_from_document(json.loads(json.dumps(forecaster_document(fitted))))
    assert isinstance(again, ClassCalibrator)
    np.testing.assert_array_equal(forecast(again, p), forecast(fitted, p))
    np.testing.assert_array_equal(again.blocks(p), fitted.blocks(p))


def test_scores_of_one_column_or_of_many_choose_the_map() -> None:
    random = np.random.default_rng(51)
    p = truth(300, random)
    assert isinstance(learn_forecaster("classification", p, drawn(p, random)), ClassCalibrator)


@pytest.mark.parametrize(
    ("scores", "outcomes"),
    [
        (np.zeros((0, 3)), np.zeros(0)),
        (np.zeros((2, 3)), np.zeros(3)),
        (np.zeros(3), np.zeros(3)),
        (np.full((1, 3), np.nan), np.zeros(1)),
        (np.ones((1, 3)), np.array([3])),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    scores: Floats, outcomes: NDArray[np.float64]
) -> None:
    with pytest.raises(ValueError, match=r"every score|one row each"):
        fit_class_calibrator(scores, outcomes)


def test_scores_of_another_number_of_outcomes_are_refused() -> None:
    with pytest.raises(ValueError, match="3 outcomes"):
        ClassCalibrator.identity(3).apply(np.zeros((2, 4)))


def test_a_calibration_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 9"):
        ClassCalibrator.from_document({"format": 9})
