from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.monitor.ranking import ranked, shortfall
from assay.stats.estimate import Estimate

FINITE = st.floats(-1e6, 1e6)
HALF = st.floats(0, 1e5)


def _estimate(mean: float, half: float = 0.0, unit: str = "EUR per decision") -> Estimate:
    return Estimate(mean, mean - half, mean + half, 100, "", unit)


@given(st.lists(st.none() | FINITE, max_size=20))
def test_no_alert_is_hidden_and_the_unknown_come_last(costs: list[float | None]) -> None:
    told = list(enumerate(costs))
    order = ranked(told, lambda one: None if one[1] is None else _estimate(one[1]))
    assert sorted(order) == sorted(told, key=lambda one: one[0])
    known = [cost for _, cost in order if cost is not None]
    assert known == sorted(known, reverse=True)
    assert all(cost is None for _, cost in order[len(known) :])
    assert [n for n, cost in order if cost is None] == [n for n, cost in told if cost is None]


def test_pressing_alerts_lead_those_whose_loss_nobody_knows() -> None:
    assert ranked("abc", lambda _: None, lambda one: one == "c") == ("c", "a", "b")


@given(FINITE, HALF, FINITE, HALF)
def test_a_shortfall_is_a_difference_no_surer_than_either_side(
    before: float, half: float, now: float, half_now: float
) -> None:
    found = shortfall(_estimate(before, half), _estimate(now, half_now))
    assert found.mean == before - now
    width = (found.high - found.low) / 2
    assert width == pytest.approx(math.hypot(half, half_now), rel=1e-6, abs=1e-6)
