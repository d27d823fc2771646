from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from assay.stats.calibration import (
    Calibrator,
    calibration_curve,
    expected_calibration_error,
    fit_calibrator,
    link,
)
from assay.stats.isotonic import pool_adjacent_violators

SAMPLES = st.integers(2, 120).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 40).map(lambda i: i / 40), min_size=n, max_size=n),
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
    )
)


def distorted(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.beta(1, 6, n)
    return true, np.sqrt(true), (rng.random(n) < true).astype(int)


@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(1, 9)), min_size=1, max_size=60))
@example([(0.99, 1), (0.99, 2), (0.99, 3)])
def test_pooling_agrees_with_sklearn(pairs: list[tuple[float, int]]) -> None:
    values, weights = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    blocks = pool_adjacent_violators(values, weights)
    means = np.bincount(blocks, values * weights) / np.bincount(blocks, weights)
    fitted = IsotonicRegression().fit(np.arange(len(values)), values, weights)
    np.testing.assert_allclose(means[blocks], fitted.predict(np.arange(len(values))), atol=1e-9)
    assert (np.diff(means) > 0).all()


@settings(max_examples=60)
@given(SAMPLES, st.sampled_from(["auto", "isotonic", "platt", "identity"]))
def test_maps_rise_and_stay_off_zero_and_one(
    sample: tuple[list[float], list[int]], method: str
) -> None:
    scores, outcomes = np.array(sample[0]), np.array(sample[1])
    fitted = fit_calibrator(scores, outcomes, method)  # type: ignore[arg-type]
    grid = np.linspace(-0.2, 1.2, 301) if method != "identity" else np.linspace(0, 1, 301)
    p = fitted.apply(grid)
    assert (np.diff(p) >= -1e-12).all()
    assert fitted.counts.sum() == len(scores)
    blocks = fitted.blocks(scores)
    np.testing.assert_array_equal(np.bincount(blocks, minlength=len(fitted.counts)), fitted.counts)
    if method == "isotonic":
        margin = 1 / (fitted.counts[fitted.blocks(grid)] + 2)
        assert ((p >= margin) & (p <= 1 - margin)).all()
    assert ((p > 0) & (p < 1)).all()


@pytest.mark.parametrize("method", ["isotonic", "auto"])
def test_distorted_scores_come_back_calibrated(method: str) -> None:
    _, score, y = distorted(20_000)
    true, fresh, y_fresh = distorted(20_000, seed=1)
    fitted = fit_calibrator(score, y, method)  # type: ignore[arg-type]
    p = fitted.apply(fresh)
    assert expected_calibration_error(p, y_fresh) < 0.015
    assert np.abs(p - true).mean() < 0.01
    assert expected_calibration_error(fresh, y_fresh) > 0.1


def test_auto_leaves_calibrated_scores_alone() -> None:
    true, _, y = distorted(2_000)
    assert fit_calibrator(true, y).kind == "identity"


def test_auto_finds_a_shifted_prior_by_platt() -> None:
    true, _, y = distorted(3_000)
    odds = link("platt", true) + 2
    assert fit_calibrator(1 / (1 + np.exp(-odds)), y).kind == "platt"


def test_platt_agrees_with_logistic_regression_and_takes_margins() -> None:
    rng = np.random.default_rng(3)
    margin = rng.normal(0, 2, 5_000)
    y = (rng.random(5_000) < 1 / (1 + np.exp(-(1.5 * margin - 1)))).astype(int)
    fitted = fit_calibrator(margin, y, "platt")
    assert fitted.kind == "platt_on_margin"
    peer = LogisticRegression(C=np.inf).fit(margin[:, None], y)
    np.testing.assert_allclose(fitted.logistic, [peer.coef_[0, 0], peer.intercept_[0]], rtol=5e-3)


def test_a_score_that_points_the_wrong_way_becomes_the_base_rate() -> None:
    scores = np.linspace(0.01, 0.99, 200)
    outcomes = (scores < 0.3).astype(int)
    for method in ("platt", "isotonic"):
        p = fit_calibrator(scores, outcomes, method).apply(scores)
        np.testing.assert_allclose(p, outcomes.mean(), atol=0.01)


@pytest.mark.parametrize("method", ["auto", "identity", "platt"])
@pytest.mark.parametrize(("n", "rate"), [(20_000, 0.001), (20_000, 0.002), (2_000, 0.002)])
def test_rare_outcomes_keep_their_base_rate(method: str, n: int, rate: float) -> None:
    rng = np.random.default_rng(0)
    score = rng.beta(0.5, 0.5 / rate, n)
    came = rng.permutation(n) < round(n * rate)
    fitted = fit_calibrator(score, came, method)  # type: ignore[arg-type]
    p = fitted.apply(score)
    assert p.min() >= 1 / (n + 2)
    assert p.mean() == pytest.approx(rate, rel=0.2)


def test_fraud_once_in_five_hundred_is_decided_well() -> None:
    rng = np.random.default_rng(4)
    true = rng.beta(0.3, 150, 2_000)
    fitted = fit_calibrator(true, rng.random(2_000) < true)
    fresh = rng.beta(0.3, 150, 100_000)
    gain = 300 * fresh - 1  # a check costs 1 and saves 300 where it finds fraud
    best = np.maximum(gain, 0).sum()
    assert gain[fitted.apply(fresh) > 1 / 300].sum() > 0.9 * best


def test_only_one_outcome_seen() -> None:
    for method in ("auto", "platt", "isotonic"):
        p = fit_calibrator(np.full(20, 0.3), np.zeros(20), method).apply(np.array([0.3]))
        assert 0 < p[0] < 0.3


def test_block_variance_covers_the_error_of_the_map() -> None:
    true_rate = 0.2
    errors = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = (rng.random(400) < true_rate).astype(int)
        fitted = fit_calibrator(np.full(400, 0.5), y, "isotonic")
        errors.append((fitted.values[0] - true_rate) / np.sqrt(fitted.variance()[0]))
    assert 0.9 < np.std(errors) < 1.1


def test_identity_without_labels_admits_that_it_knows_nothing() -> None:
    np.testing.assert_array_equal(Calibrator.identity().variance(), [0.25])


@pytest.mark.parametrize("method", ["isotonic", "platt", "identity"])
def test_documents_come_back_as_they_were(method: str) -> None:
    _, score, y = distorted(500)
    fitted = fit_calibrator(score, y, method)  # type: ignore[arg-type]
    again = Calibrator.from_document(json.loads(json.dumps(fitted.document())))
    grid = np.linspace(0, 1, 101)
    np.testing.assert_array_equal(again.apply(grid), fitted.apply(grid))
    np.testing.assert_array_equal(again.blocks(grid), fitted.blocks(grid))


@pytest.mark.parametrize(
    ("scores", "outcomes"),
    [([], []), ([0.1], [0, 1]), ([np.nan, 0.1], [0, 1]), ([0.1, 0.2], [0, 2])],
)
def test_bad_samples_are_refused(scores: list[float], outcomes: list[int]) -> None:
    with pytest.raises(ValueError, match=r"scores|every"):
        fit_calibrator(np.array(scores), np.array(outcomes))


def test_curve_counts_every_case_once() -> None:
    true, _, y = distorted(1_003)
    forecast, observed, counts = calibration_curve(true, y)
    assert counts.sum() == 1_003
    np.testing.assert_allclose((observed * counts).sum(), y.sum())
    assert (np.diff(forecast) >= 0).all()
    assert np.isnan(expected_calibration_error(np.array([]), np.array([])))
