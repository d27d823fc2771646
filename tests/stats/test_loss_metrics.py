from __future__ import annotations

import numpy as np
import pytest

from assay.stats.loss_metrics import expected_losses, fourth_moments, loss_table, realised_losses
from assay.stats.metric_intervals import CalibrationBlocks
from assay.stats.residuals import fit_predictive
from assay.stats.window_spread import usual


def test_losses_of_exact_predictions_are_nothing() -> None:
    at = np.zeros(5, np.int64)
    table = loss_table(at, np.full(5, 3.0), np.full((5, 2), 3.0), np.full(5, 3.0), size=1)
    blocks = CalibrationBlocks(np.array([0]), np.array([100]))
    found = realised_losses(table, blocks, np.array([3.0]))
    assert found["mae"].value == found["rmse"].value == 0
    assert "r2" not in found
    assert expected_losses(table, blocks, np.array([3.0]))["rmse"].error == 0


def test_tables_of_parts_give_the_losses_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, 900)
    y = x + rng.laplace(0, 1 + x)
    around = fit_predictive(x, y)
    cells = np.minimum(x.astype(np.int64), 9)
    blocks = CalibrationBlocks(np.arange(10) // 2, np.full(5, 50))

    def table(rows: slice):  # type: ignore[no-untyped-def]
        return loss_table(cells[rows], x[rows], around.apply(x[rows]), y[rows], size=10)

    heavy = np.full(5, 6.0)
    whole, parts = table(slice(None)), table(slice(0, 400)) + table(slice(400, None))
    for losses in (expected_losses, realised_losses):
        one, two = losses(whole, blocks, heavy), losses(parts, blocks, heavy)
        for name in one:
            assert two[name].value == pytest.approx(one[name].value)
            assert two[name].error == pytest.approx(one[name].error)
    assert realised_losses(whole, blocks, heavy)["mae"].value == pytest.approx(np.abs(y - x).mean())
    assert realised_losses(whole.unlabelled(), blocks, heavy) == {}


def test_heavy_tails_are_weighed_as_such() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 10, 20_000)
    light = fourth_moments(fit_predictive(x, x + rng.normal(0, 1, 20_000)))
    heavy = fourth_moments(fit_predictive(x, x + rng.standard_t(4, 20_000)))
    assert light == pytest.approx(3.0, abs=0.2)
    assert heavy.mean() > 3.5


def test_usual_windows_are_rarely_called_unusual_and_far_ones_are() -> None:
    rng = np.random.default_rng(2)
    for movement in (0.0, 0.01):
        p = []
        for _ in range(400):
            values = rng.normal(0.8, np.hypot(0.01, movement), 13)
            p.append(usual(values[:12], np.full(12, 0.01)).p_below(float(values[12]), 0.01))
        assert np.mean(np.array(p) < 0.05) <= 0.06
    known = usual(rng.normal(0.8, 0.01, 12), np.full(12, 0.01))
    assert known.p_below(0.72, 0.01) < 0.001
    assert known.p_above(0.72, 0.01) > 0.999
    assert known.p_below(0.72, 0.05) > 0.02, "a small window proves little"


def test_windows_without_any_noise() -> None:
    still = usual(np.full(10, 0.5), np.zeros(10))
    assert still.mean == 0.5
    assert still.p_below(0.5, 0.0) >= 0.5
    assert still.p_below(0.4, 0.0) < 1e-6
    with pytest.raises(ValueError, match="takes two windows"):
        usual(np.array([1.0]), np.array([0.1]))
