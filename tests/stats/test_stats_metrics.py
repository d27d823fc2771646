from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from sklearn import metrics as peer

from assay.stats import metrics as ours
from assay.stats.multiple_testing import benjamini_hochberg, e_benjamini_hochberg

CASES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 20).map(lambda i: i / 20), st.integers(0, 1)),
    min_size=2,
    max_size=100,
).filter(lambda cases: 0 < sum(y for y, _, _ in cases) < len(cases))


@settings(max_examples=60)
@given(CASES)
def test_classification_agrees_with_sklearn(cases: list[tuple[int, float, int]]) -> None:
    y, p, d = (np.array(column) for column in zip(*cases, strict=True))
    assert ours.roc_auc(y, p) == pytest.approx(peer.roc_auc_score(y, p))
    assert ours.average_precision(y, p) == pytest.approx(peer.average_precision_score(y, p))
    inside = np.clip(p, 0.01, 0.99)
    assert ours.log_loss(y, inside) == pytest.approx(peer.log_loss(y, inside))
    assert ours.brier(y, p) == pytest.approx(peer.brier_score_loss(y, p))
    assert ours.accuracy(y, d) == pytest.approx(peer.accuracy_score(y, d))
    assert ours.recall(y, d) == pytest.approx(peer.recall_score(y, d))
    assert ours.f1(y, d) == pytest.approx(peer.f1_score(y, d))
    if d.any():
        assert ours.precision(y, d) == pytest.approx(peer.precision_score(y, d))
    false_rate, true_rate, _ = peer.roc_curve(y, p, drop_intermediate=False)
    np.testing.assert_allclose(ours.roc_curve(y, p), (false_rate, true_rate))


def test_regression_agrees_with_sklearn() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(3, 2, 200)
    z = y + rng.normal(0, 1, 200)
    assert ours.mae(y, z) == pytest.approx(peer.mean_absolute_error(y, z))
    assert ours.rmse(y, z) == pytest.approx(peer.root_mean_squared_error(y, z))
    assert ours.r2(y, z) == pytest.approx(peer.r2_score(y, z))


def test_what_cannot_be_measured_is_nan() -> None:
    nobody = np.zeros(3)
    p = np.array([0.1, 0.2, 0.3])
    for value in (
        ours.roc_auc(nobody, p),
        ours.average_precision(nobody, p),
        ours.recall(nobody, nobody),
        ours.precision(nobody, nobody),
        ours.f1(nobody, nobody),
        ours.r2(nobody, p),
        ours.mae(np.array([]), np.array([])),
    ):
        assert np.isnan(value)


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.01, 0.4))
def test_false_discovery_agrees_with_scipy(p: list[float], rate: float) -> None:
    adjusted = false_discovery_control(p, method="bh")
    clear = np.abs(adjusted - rate) > 1e-9
    believed = benjamini_hochberg(np.array(p), rate)
    np.testing.assert_array_equal(believed[clear], (adjusted <= rate)[clear])


def test_tests_that_were_not_made_do_not_count() -> None:
    p = np.array([np.nan, 0.04, np.nan])
    np.testing.assert_array_equal(benjamini_hochberg(p, 0.05), [False, True, False])
    assert not benjamini_hochberg(np.array([]), 0.05).any()
    np.testing.assert_array_equal(e_benjamini_hochberg(np.array([0.0, 30.0]), 0.1), [False, True])
