"""Cases are counted up, never down, and what has no mean is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.asymptotic_sequence import AsymptoticSequence, asymptotic_sequence
from assay.stats.betting import BettingProcess
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.deviating_cases import deviating_cases, deviating_so_far
from assay.stats.empirical_bernstein import EmpiricalBernsteinSequence
from assay.stats.hedged_betting import HedgedBettingSequence

STARTS: tuple[Callable[[], Any], ...] = (
    AsymptoticSequence,
    lambda: EmpiricalBernsteinSequence.start((-1.0, 9.0)),
    lambda: BettingProcess.against(0.0, (-1.0, 9.0)),
    lambda: HedgedBettingSequence.start((-1.0, 9.0)),
)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("counts", [[3, -1], [3.0, np.nan], [3.0, np.inf], [3]])
def test_cases_are_not_taken_back(start: Callable[[], Any], counts: list[float]) -> None:
    with pytest.raises(ValueError, match="counts"):
        start().updated([0.0, 5.0], counts=counts)
    assert start().updated([0.0, 5.0], counts=[3, 0]).n == 3


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_value_without_a_mean_is_named(wrong: float) -> None:
    with pytest.raises(ValueError, match="1 of 3 values are missing or infinite"):
        bootstrap_mean(np.array([1.0, wrong, 2.0]), seed=3)


def test_cases_that_are_all_alike_say_nothing_of_the_error() -> None:
    for constant in (0.0, 0.1, 1e9 + 0.3):
        same = np.full(700, constant)
        state = AsymptoticSequence().updated(same[:400]).updated(same[400:])
        assert state.interval() == (-np.inf, np.inf)
        low, high = asymptotic_sequence(same)
        assert np.isinf(low).all()
        assert np.isinf(high).all()
    seen = AsymptoticSequence().updated([0.0, 100.0], counts=[699, 1]).interval()
    assert np.isfinite(seen).all()


VALUES = st.lists(st.sampled_from([-2.0, 0.0, 0.5, 38.0, 40.0]), min_size=1, max_size=60)


@given(VALUES)
def test_deviating_cases_are_those_off_the_commonest_that_carry_the_spread(
    drawn: list[float],
) -> None:
    x = np.array(drawn)
    path = deviating_so_far(x)
    for n in range(1, len(x) + 1):
        part = x[:n]
        off = n - int(np.unique(part, return_counts=True)[1].max())
        apart = part - part.mean()
        fourth = float((apart**4).sum())
        carrying = float((apart**2).sum()) ** 2 / fourth if off else 0.0
        assert path[n - 1] == pytest.approx(min(off, carrying), abs=1e-6)
    assert deviating_cases(x + 1e6) == pytest.approx(path[-1], rel=1e-4, abs=1e-6)


def test_a_rare_payoff_stays_rare_where_the_others_differ_a_little() -> None:
    rng = np.random.default_rng(71)
    rare = 100.0 * (np.arange(2000) % 500 == 0)
    assert deviating_cases(rare) == 4
    assert deviating_cases(rare + rng.choice([0.0, 2.0], 2000)) < 5
    assert deviating_cases(rng.normal(0, 1, 3000)) == pytest.approx(1000, rel=0.15)
    assert len(deviating_so_far(np.zeros(0))) == 0
