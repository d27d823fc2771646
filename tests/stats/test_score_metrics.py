from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as peer

from assay.stats import metrics as ours
from assay.stats.calibration import expected_calibration_error, fit_calibrator
from assay.stats.metric_intervals import (
    CalibrationBlocks,
    Measurement,
    calibration_error,
    expected_metrics,
    macro,
    mean_forecast,
    realised_metrics,
    share_interval,
)
from assay.stats.score_cells import plain_cells
from assay.stats.score_metrics import METRICS, ScoreCounts, roc_auc

CASES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1, 19).map(lambda i: i / 20), st.integers(0, 1)),
    min_size=4,
    max_size=100,
).filter(lambda cases: 0 < sum(y for y, _, _ in cases) < len(cases))
BLOCKS = CalibrationBlocks(np.arange(21) // 3, np.full(7, 500))
RANK = np.arange(21)
BLOCKS_OF_THREE = CalibrationBlocks(np.zeros(3, np.int64), np.array([10]))


def _counted(
    score: NDArray[np.float64], decided: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    place = np.rint(score * 20).astype(np.int64) + 21 * decided
    return np.bincount(place, weights, 42).astype(np.float64).reshape(2, 21)


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_labelled_cells_give_the_metrics_of_their_rows(cases: list[tuple[int, float, int]]) -> None:
    y, p, d = (np.array(column) for column in zip(*cases, strict=True))
    n, positive = _counted(p, d, np.ones(len(y))), _counted(p, d, y.astype(float))
    stated = mean_forecast(n, _counted(p, d, p))
    found = realised_metrics(positive, n - positive, stated, RANK)
    assert found["roc_auc"].value == pytest.approx(peer.roc_auc_score(y, p))
    assert found["average_precision"].value == pytest.approx(peer.average_precision_score(y, p))
    assert found["log_loss"].value == pytest.approx(peer.log_loss(y, p))
    assert found["brier"].value == pytest.approx(peer.brier_score_loss(y, p))
    assert found["accuracy"].value == pytest.approx(peer.accuracy_score(y, d))
    assert found["recall"].value == pytest.approx(peer.recall_score(y, d))
    assert found["f1"].value == pytest.approx(peer.f1_score(y, d))
    assert ("precision" in found) == bool(d.any())
    if d.any():
        assert found["precision"].value == pytest.approx(peer.precision_score(y, d))
    for one in found.values():
        estimate = one.estimate("")
        assert estimate.low <= estimate.mean <= estimate.high
        assert estimate.n == len(y)


@settings(max_examples=30, deadline=None)
@given(CASES, st.integers(0, 100))
def test_parts_add_up_to_the_metrics_of_the_whole(
    cases: list[tuple[int, float, int]], at: int
) -> None:
    _, p, d = (np.array(column) for column in zip(*cases, strict=True))
    whole = [_counted(p, d, np.ones(len(p))), _counted(p, d, p)]
    cut = at % len(p)
    parts = [
        [_counted(p[rows], d[rows], weight[rows]) for weight in (np.ones(len(p)), p)]
        for rows in (slice(0, cut), slice(cut, None))
    ]
    together = [one + two for one, two in zip(*parts, strict=True)]
    expected = expected_metrics(whole[0], whole[1], RANK, BLOCKS)
    merged = expected_metrics(together[0], together[1], RANK, BLOCKS)
    assert expected.keys() == merged.keys()
    for name, one in expected.items():
        assert merged[name].value == pytest.approx(one.value, rel=1e-9)
        assert merged[name].error == pytest.approx(one.error, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_slopes_are_those_of_the_metric(name: str) -> None:
    rng = np.random.default_rng(3)
    positive, negative = rng.uniform(0, 20, (2, 2, 30))
    stated, rank = rng.uniform(0.05, 0.95, (2, 30)), np.arange(30) // 2
    metric, step = METRICS[name], 1e-4
    base = metric(ScoreCounts(positive, negative, stated, rank))
    for place in [(0, 3), (1, 7), (1, 29)]:
        for which, slope in ((0, base.by_positive), (1, base.by_negative)):
            values = []
            for by in (step, -step):
                counts = [positive.copy(), negative.copy()]
                counts[which][place] += by
                values.append(metric(ScoreCounts(counts[0], counts[1], stated, rank)).value)
            assert (values[0] - values[1]) / (2 * step) == pytest.approx(slope[place], abs=1e-9)


def test_cells_of_one_rank_are_tied() -> None:
    apart = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    lower = np.array([[5.0, 4.0, 1.0], [0.0, 0.0, 0.0]])
    tied = ScoreCounts(apart, lower, np.zeros((2, 3)), np.array([0, 1, 1]))
    merged = ScoreCounts(
        np.array([[0.0, 5.0], [0, 0]]), np.array([[5.0, 5.0], [0, 0]]), np.zeros((2, 2)), RANK[:2]
    )
    assert roc_auc(tied).value == roc_auc(merged).value == 0.75


class _Traffic:
    """A calibrator learned from `labels` cases, and windows of n cases under a covariate shift."""

    def __init__(self, seed: int, labels: int = 5000) -> None:
        self.rng = np.random.default_rng(seed)
        z, y = self._draw(labels, 0.0, 0.0)
        score = 1 / (1 + np.exp(-z))
        self.calibrator = fit_calibrator(score, y, "isotonic")
        reference = np.unique(np.quantile(score, np.linspace(0, 1, 257)[1:-1]))
        self.cells = plain_cells(reference, self.calibrator.edges, self.calibrator.counts)

    def _draw(self, n: int, shift: float, drift: float) -> tuple[NDArray[np.float64], ...]:
        z = self.rng.normal(shift, 1.3, n)
        y = self.rng.random(n) < 1 / (1 + np.exp(1.2 - z - drift))
        return z, y.astype(np.float64)

    def window(self, n: int, shift: float, drift: float = 0.0) -> tuple[NDArray[np.float64], ...]:
        z, y = self._draw(n, shift, drift)
        score = 1 / (1 + np.exp(-z))
        p = self.calibrator.apply(score)
        place = self.cells.of(score) + (p > 0.3) * self.cells.size
        size = 2 * self.cells.size
        rows = (np.ones(n), p, y)
        sums = (np.bincount(place, one, size).astype(np.float64) for one in rows)
        return tuple(one.reshape(2, -1) for one in sums)

    def both(
        self, n: int, shift: float, drift: float = 0.0
    ) -> tuple[dict[str, Measurement], dict[str, Measurement]]:
        cases, chance, positive = self.window(n, shift, drift)
        rank = np.arange(self.cells.size)
        blocks = CalibrationBlocks(self.cells.block, self.cells.labelled)
        before = expected_metrics(cases, chance, rank, blocks)
        after = realised_metrics(positive, cases - positive, mean_forecast(cases, chance), rank)
        return dict(before), dict(after)


@pytest.mark.parametrize(("n", "shift"), [(1000, 0.0), (10_000, 0.0), (5000, 0.7)])
def test_intervals_before_labels_hold_what_labels_show(n: int, shift: float) -> None:
    hits = dict.fromkeys(METRICS, 0)
    rounds = 60
    for seed in range(rounds):
        before, after = _Traffic(seed).both(n, shift)
        for name in METRICS:
            estimate = before[name].estimate("")
            hits[name] += estimate.low <= after[name].value <= estimate.high
    # Three standard errors below 0.95 would be 0.87; isotonic blocks cost a little on top.
    assert min(hits.values()) >= 0.85 * rounds, hits
    assert max(hits.values()) <= rounds


def test_intervals_after_labels_hold_the_law() -> None:
    hits = dict.fromkeys(METRICS, 0)
    rounds = 60
    for seed in range(rounds):
        traffic = _Traffic(seed)
        _, truth = traffic.both(200_000, 0.3)
        _, seen = traffic.both(1000, 0.3)
        for name in METRICS:
            estimate = seen[name].estimate("")
            hits[name] += estimate.low <= truth[name].value <= estimate.high
    assert min(hits.values()) >= 0.85 * rounds, hits


def test_concept_drift_is_not_seen_before_labels() -> None:
    before, after = _Traffic(1).both(20_000, 0.0, drift=1.0)
    estimate = before["brier"].estimate("")
    assert after["brier"].value > estimate.high


def test_values_move_between_windows_as_far_as_stated() -> None:
    traffic = _Traffic(7)
    found = [traffic.both(2000, 0.0) for _ in range(60)]
    for side in (0, 1):
        for name in METRICS:
            moved = np.std([each[side][name].value for each in found], ddof=1)
            stated = np.mean([each[side][name].sampling for each in found])
            assert 0.7 < moved / stated < 1.4, (side, name)


def test_a_calibration_error_made_of_noise_includes_nothing() -> None:
    rng = np.random.default_rng(0)
    p = np.linspace(0.05, 0.95, 40)[None, :] * np.ones((2, 1))
    positive = rng.binomial(25, p).astype(float)
    found = calibration_error(positive, 25 - positive, p)
    assert found is not None
    assert found.value > 0
    assert found.estimate("").low == 0
    off = calibration_error(positive, 25 - positive, np.clip(p - 0.3, 0, 1))
    assert off is not None
    assert off.estimate("").low > 0.15
    assert calibration_error(0 * p, 0 * p, p) is None


def test_calibration_error_is_that_of_rows() -> None:
    rng = np.random.default_rng(1)
    p = np.sort(rng.random(1000))
    y = (rng.random(1000) < p**2).astype(float)
    found = calibration_error(np.stack([y, 0 * y]), np.stack([1 - y, 0 * y]), np.stack([p, p]))
    assert found is not None
    assert found.value == pytest.approx(expected_calibration_error(p, y))


def test_without_labels_behind_the_calibration_the_interval_is_wide() -> None:
    n = np.array([[500.0], [500.0]])
    bare = CalibrationBlocks(np.array([0]), np.array([0]))
    known = CalibrationBlocks(np.array([0]), np.array([10_000]))
    wide = expected_metrics(n, n / 2, np.array([0]), bare)["precision"].estimate("")
    narrow = expected_metrics(n, n / 2, np.array([0]), known)["precision"].estimate("")
    assert wide.high - wide.low > 0.6
    assert narrow.high - narrow.low < 0.15


def test_no_cases_give_no_metrics() -> None:
    none = np.zeros((2, 3))
    assert expected_metrics(none, none, np.arange(3), BLOCKS_OF_THREE) == {}
    assert realised_metrics(none, none, none, np.arange(3)) == {}
    assert macro([]) is None
    assert math.isnan(ours.accuracy(np.empty(0), np.empty(0)))


def test_shares_at_the_end_are_not_certain() -> None:
    low, high = share_interval(0.0, 0.0, 20)
    assert low == 0
    assert 0.15 < high < 0.2
