"""Intervals of value from tables, in their short form; `make simulate` runs 100 of each.

Of 40 to 100 runs nine in ten must hold, as promised of 95 % intervals: of intervals that hold in 95
of a hundred runs, 40 fall short of that in 5 % of drawings and 100 in 1 %, and seeds are fixed.
"""

from __future__ import annotations

import numpy as np
import pytest
from bench.simulate.value_before_labels import (
    WORLDS,
    covered,
    realised_covered,
    stale_after,
)

NUMBERS, RARE, _, TELLING = WORLDS


@pytest.mark.parametrize("n", [1_000, 10_000])
@pytest.mark.parametrize("shift", [0.0, 0.7, -1.0])
def test_value_before_labels_covers_what_comes(n: int, shift: float) -> None:
    held, _ = covered(NUMBERS, n, 100, shift, labels=5_000)
    assert held >= 0.9


@pytest.mark.parametrize("shift", [0.0, 0.7, -1.0])
def test_a_large_window_still_owes_the_calibration_its_error(shift: float) -> None:
    held, _ = covered(NUMBERS, 50_000, 40, shift, labels=5_000)
    assert held >= 0.9


@pytest.mark.parametrize("n", [1_000, 50_000])
@pytest.mark.parametrize("shift", [0.0, 0.7, -1.0])
def test_value_before_labels_covers_what_comes_where_errors_hang_on_the_amount(
    n: int, shift: float
) -> None:
    held, _ = covered(TELLING, n, 40, shift, labels=5_000, models=16)
    assert held >= 0.9


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_value_before_labels_covers_rare_payoffs(shift: float) -> None:
    held, _ = covered(RARE, 2_000, 100, shift, labels=5_000, models=50)
    assert held >= 0.9


@pytest.mark.parametrize(("n", "labelled"), [(300, 1.0), (1_000, 0.4)])
def test_realised_value_covers_the_long_run_with_rare_payoffs(n: int, labelled: float) -> None:
    held, _ = realised_covered(RARE, n, 100, labelled, truth_cases=200_000)
    assert held >= 0.9


def test_good_estimates_are_seldom_called_stale_and_bad_ones_soon() -> None:
    wrongly = stale_after(NUMBERS, 1_000, 20, windows=30, labels=3_000)
    assert sum(at is not None for at in wrongly) <= 3
    drifted = stale_after(NUMBERS, 1_000, 8, windows=10, drift=-0.6, labels=3_000)
    assert all(at is not None for at in drifted)
    assert np.median([at for at in drifted if at is not None]) <= 6
