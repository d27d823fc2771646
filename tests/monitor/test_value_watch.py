"""Limits on value that are looked at after every window."""

import numpy as np
import pytest

from assay.charter.monitoring import Boundary
from assay.monitor.value_watch import ValueWatch, excesses, limits_per_decision
from assay.stats.estimate import Estimate


def _window(mean: float, error: float = 1.0) -> Estimate:
    reach = 1.959963984540054 * error
    return Estimate(mean, mean - reach, mean + reach, 1000, "", "EUR per decision")


def test_each_limit_is_asked_of_a_decision() -> None:
    boundary = Boundary(floor_per_month=700, max_loss_per_day=20)
    limits = limits_per_decision(boundary, 1400, 40, _window(3.0))
    assert limits == {"floor": 0.5, "loss": -0.5, "plan": pytest.approx(1.04, abs=0.001)}
    told = excesses(_window(0.0, 0.25), limits)
    assert told["floor"] == pytest.approx(2.0)
    assert told["loss"] == pytest.approx(-2.0)
    assert excesses(Estimate(0.0, -np.inf, np.inf, 3, ""), limits)["floor"] == 0.0


def test_a_limit_that_is_just_kept_raises_hardly_an_alarm() -> None:
    rng = np.random.default_rng(1)
    alarmed = 0
    for _ in range(60):
        watch, hit = ValueWatch(between=1000), False
        for z in rng.normal(0, 1, 100):
            watch = watch.after({"floor": float(z)})
            hit |= "floor" in watch.missed
        alarmed += hit
    # a tenth at most on average, where an interval of 95 % in each window gives nine in ten
    assert alarmed <= 10


def test_a_clear_breach_is_told_at_once_and_a_small_one_in_time() -> None:
    assert "floor" in ValueWatch(1000).after({"floor": 4.0}).missed
    rng = np.random.default_rng(2)
    delays = []
    for _ in range(40):
        watch, windows = ValueWatch(1000), 0
        while "floor" not in watch.missed:
            watch, windows = watch.after({"floor": float(rng.normal(1.0, 1.0))}), windows + 1
        delays.append(windows)
    assert np.median(delays) <= 20


def test_value_that_comes_back_ends_the_breach() -> None:
    watch = ValueWatch(1000)
    for _ in range(8):
        watch = watch.after({"floor": 2.0})
    assert watch.missed == {"floor"}
    for _ in range(20):
        watch = watch.after({"floor": -2.0})
    assert watch.missed == frozenset()
    assert watch.document()["floor"] < 10


def test_a_long_breach_ends_soon_after_value_came_back() -> None:
    watch = ValueWatch(1000)
    for _ in range(100):
        watch = watch.after({"floor": 3.0})
    rng = np.random.default_rng(5)
    missed = 0
    for z in rng.normal(-1, 1, 200):
        watch = watch.after({"floor": float(z)})
        missed += "floor" in watch.missed
    assert missed <= 6


def test_a_calibration_error_that_windows_share_does_not_add_up() -> None:
    rng = np.random.default_rng(6)
    alarmed = 0
    for _ in range(100):
        off, watch, hit = rng.normal(0, 0.7), ValueWatch(1000), False
        for mean in rng.normal(off, 0.7, 100):
            watch = watch.after(excesses(_window(float(mean)), {"floor": 0.0}, 0.7))
            hit |= "floor" in watch.missed
        alarmed += hit
    assert alarmed <= 6
