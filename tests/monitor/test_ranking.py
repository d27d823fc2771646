from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.monitor.ranking import lost_per_day, mix_cost, ranked, shortfall
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


def test_a_mix_whose_worth_is_not_known_costs_nobody_knows_what() -> None:
    assert lost_per_day(_estimate(1.0), None, 10) is None
    gain = lost_per_day(_estimate(1.0, 0.1), _estimate(2.0), 10)
    assert gain is not None
    assert (gain.mean, gain.unit) == (-10.0, "EUR per day")


def test_a_value_that_was_never_seen_has_no_known_worth() -> None:
    before = {"a": (10, _estimate(1.0)), "b": (0, _estimate(9.0))}
    assert mix_cost(before, {"a": 5, "c": 1}, 10) is None
    assert mix_cost(before, {"a": 5, "b": 1}, 10) is None
    assert mix_cost(before, {}, 10) is None
    same = mix_cost(before, {"a": 5}, 10)
    assert same is not None
    assert same.mean == 0.0


def test_the_cost_of_a_mix_is_covered_by_its_interval() -> None:
    rng = np.random.default_rng(3)
    repeats, n, old, new = 200, 400, np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.3, 0.4])
    worth = {"a": 1.0, "b": 2.0, "c": -3.0}
    cost = float((old - new) @ np.array(list(worth.values())))
    covered = 0
    for _ in range(repeats):
        counts = rng.multinomial(n, old), rng.multinomial(n, new)
        error = 0.1
        before = {
            name: (int(count), _estimate(mean + rng.normal(0, error), 1.96 * error))
            for (name, mean), count in zip(worth.items(), counts[0], strict=True)
        }
        found = mix_cost(before, dict(zip(worth, counts[1].tolist(), strict=True)), 1)
        assert found is not None
        covered += found.low <= cost <= found.high
    assert covered >= 0.9 * repeats
