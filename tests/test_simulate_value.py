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


def test_a_claim_draws_the_same_whichever_ran_before() -> None:
    first = covered(NUMBERS, 300, 2, labels=1_500)
    realised_covered(NUMBERS, 300, 2, truth_cases=2_000)
    stale_after(NUMBERS, 300, 2, windows=2, labels=1_500)
    assert covered(NUMBERS, 300, 2, labels=1_500) == first
    assert covered(NUMBERS, 300, 2, 0.1, labels=1_500) != first
    one, two = (covered(NUMBERS, 300, runs, labels=1_500, models=1) for runs in (1, 2))
    assert one[1] != two[1], "windows of one model differ"


def test_rare_payoffs_are_as_rare_as_they_are_called() -> None:
    _, _, outcomes = RARE.traffic(1, 5_000).drawn(1_000_000)
    rate = float(outcomes.mean())
    assert RARE.name == "rare: 1 in 408 pays 400"
    assert abs(rate - 1 / 408) < 4 * np.sqrt(rate / len(outcomes))


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
