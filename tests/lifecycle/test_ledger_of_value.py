"""The uplift of all windows together, with what they share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from assay.lifecycle.ledger_of_value import total_uplift
from assay.monitor.report import WindowReport
from assay.monitor.value import HALF_WIDTH, Realised
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.estimate import Estimate


def _window(
    uplift: Estimate | None, cases: int = 200, entities: Any = None, calibration: float = 0.0
) -> WindowReport:
    realised = None
    if uplift is not None:
        realised = Realised(uplift, 0.0, cases, cases, 0, 0, calibration)
    measured = SimpleNamespace(n=10 * cases, realised=realised, entities=entities)
    return cast("WindowReport", SimpleNamespace(measured=measured))


def _estimate(mean: float, half: float) -> Estimate:
    return Estimate(mean, mean - half, mean + half, 150, "", "EUR per decision")


def _year(seed: int, *, same: bool) -> list[WindowReport]:
    """Twelve windows of 200 entities: the same in each, or always others."""
    rng = np.random.default_rng(seed)
    regulars, windows = rng.normal(0, 1, 200), []
    for month in range(12):
        own = regulars if same else rng.normal(0, 1, 200)
        names = np.arange(200) + (0 if same else 200 * month)
        values = own + rng.normal(0, 0.5, 200)
        windows.append(_window(bootstrap_mean(values, seed=seed, resamples=200), 200, names))
    return windows


@pytest.mark.parametrize("same", [True, False])
def test_the_total_covers_whether_entities_come_back_or_not(same: bool) -> None:
    found = [total_uplift(_year(seed, same=same), "EUR", entities=True) for seed in range(90)]
    assert np.mean([one is not None and one.low <= 0 <= one.high for one in found]) >= 0.9


def test_half_widths_add_up_where_an_entity_comes_back() -> None:
    a, b = np.array(["x", "y"]), np.array(["y", "z"])
    parts = [_estimate(0.5, 0.3), _estimate(0.1, 0.4)]
    again = total_uplift(
        [_window(parts[0], 200, a), _window(parts[1], 200, b)], "EUR", entities=True
    )
    other = total_uplift(
        [_window(parts[0], 200, a), _window(parts[1], 200, b[1:])], "EUR", entities=True
    )
    assert again is not None
    assert other is not None
    assert again.mean == other.mean == pytest.approx(120)
    assert again.high - again.mean == pytest.approx(140)
    assert other.high - other.mean == pytest.approx(100)
    assert "entities come back" in again.method
    assert "independent" in other.method
    unnamed = total_uplift([_window(parts[0]), _window(parts[1])], "EUR", entities=True)
    assert unnamed is not None
    assert unnamed.high == again.high


def test_without_entities_windows_are_independent_and_hidden_cases_still_share_an_error() -> None:
    part, error = _estimate(0.5, 0.5), 0.3 / HALF_WIDTH
    alone = total_uplift([_window(part)] * 4, "EUR")
    shared = total_uplift([_window(part, calibration=error)] * 4, "EUR")
    assert alone is not None
    assert shared is not None
    assert alone.high - alone.mean == pytest.approx(200 * 0.5 * 2)
    # By hand: 0.4 of the half-width is the window's own (0.5^2 = 0.4^2 + 0.3^2), 0.3 is common.
    assert shared.high - shared.mean == pytest.approx(200 * np.hypot(0.4 * 2, 0.3 * 4))


def test_only_cases_that_count_are_added_up() -> None:
    found = total_uplift([_window(_estimate(0.5, 0.1), 50), _window(None)], "EUR")
    assert found is not None
    assert (found.mean, found.n, found.unit) == (25.0, 150, "EUR")
    assert total_uplift([_window(None)], "EUR") is None
