"""What a share costs, and that it shows an uplift as soon as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.policy import BestAction
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.estimate import Estimate
from assay.value.classification import ClassificationValuation
from assay.value.control import Split, control_uplift
from assay.value.control_sequence import Watch, control_sequence
from assay.value.payoff import PayoffTable
from assay.value.regression import RegressionValuation
from assay.value.share_cost import (
    Resolution,
    Spread,
    control_cost,
    exploration_cost,
    least_control_share,
)

UPLIFT, DEVIATION, SHARE = 0.5, 3.0, 0.1


def test_the_promised_decisions_resolve_the_uplift_four_times_in_five() -> None:
    spread = Spread(DEVIATION, DEVIATION)
    planned = Resolution.of(spread.under_control(SHARE), UPLIFT, 1000)
    rng = np.random.default_rng(41)
    runs, once, watched = 120, 0, 0
    for run in range(runs):
        n = math.ceil(planned.watched)
        control = rng.random(n) < SHARE
        paid = rng.normal(np.where(control, 1.0, 1.0 + UPLIFT), DEVIATION)
        split = Split(paid, control, np.full(n, SHARE))
        _, low, _ = control_sequence(split, Watch(tightest_at=round(planned.watched)))
        watched += bool((low > 0).any())
        first = split.at(np.arange(n) < planned.fixed)
        found = control_uplift(first, seed=run)
        once += found is not None and found.low > 0
    assert 0.72 <= once / runs <= 0.9
    assert watched / runs >= 0.8
    assert 1.8 < planned.watched / planned.fixed < 2


def test_months_follow_the_volume_and_nothing_resolves_no_uplift() -> None:
    slow, fast = (Resolution.of(50.0, 0.2, volume) for volume in (500, 5000))
    assert slow.fixed == fast.fixed
    assert slow.months_fixed == pytest.approx(10 * fast.months_fixed)
    never = Resolution.of(50.0, 0.0, 500)
    assert math.isinf(never.months_watched)
    assert never.document()["months_watched"] is None


def test_a_control_costs_its_share_of_the_uplift() -> None:
    uplift = Estimate(-0.5, -0.7, -0.3, 100, "BCa bootstrap", "EUR per decision")
    cost = control_cost(uplift, 0.1, 1000)
    assert (cost.mean, cost.low, cost.high, cost.unit) == (-50, -70, -30, "EUR per month")
    with pytest.raises(ValueError, match="between 0 and 1"):
        control_cost(uplift, 1.1, 1000)


def test_exploring_costs_nothing_where_actions_pay_alike() -> None:
    table = PayoffTable(("a", "b"), ("no", "yes"), ((1.0, 2.0), (1.0, 2.0)))
    alike = ClassificationValuation("EUR", table, BestAction(), {"a": "a"}, "a")
    forecast = np.tile([0.5, 0.5], (50, 1))
    assert exploration_cost(alike, forecast, {}, 0.5, 1000, seed=0).mean == 0
    amounts = RegressionValuation.__new__(RegressionValuation)
    with pytest.raises(ValueError, match="amounts are not explored"):
        exploration_cost(amounts, forecast, {}, 0.5, 1000, seed=0)


def test_deviations_are_read_back_from_intervals() -> None:
    values = np.random.default_rng(43).normal(2, 3, 20_000)
    found = Spread.of(bootstrap_mean(values, seed=0), bootstrap_mean(values, seed=1))
    assert found.policy == pytest.approx(3, rel=0.05)
    assert found.baseline == pytest.approx(3, rel=0.05)


@given(
    policy=st.floats(0.1, 20),
    baseline=st.floats(0.1, 20),
    uplift=st.floats(0.01, 2),
    volume=st.floats(100, 1e6),
    months=st.floats(1, 60),
)
def test_the_least_share_resolves_in_time_and_a_smaller_one_does_not(
    policy: float, baseline: float, uplift: float, volume: float, months: float
) -> None:
    spread = Spread(policy, baseline)
    share = least_control_share(spread, uplift, volume, months)
    if share is None:
        half = Resolution.of(spread.under_control(0.5), uplift, volume)
        peak = min(spread.under_control(c) for c in np.linspace(0.001, 0.5, 500))
        best = Resolution.of(peak, uplift, volume)
        assert half.months_watched > months * 0.999 or best.months_watched > months * 0.98
        return
    assert 0 < share <= 0.5
    assert share * volume * months >= 30 - 1e-6
    found = Resolution.of(spread.under_control(share), uplift, volume)
    assert found.months_watched <= months * (1 + 1e-9)
    less = share - 0.001
    if less > 0 and less * volume * months >= 30:
        smaller = Resolution.of(spread.under_control(less), uplift, volume)
        assert smaller.months_watched > months * (1 - 1e-9)


def test_exploration_says_nothing_of_cases_where_policies_agree() -> None:
    spread = Spread(3.0, 3.0)
    assert spread.under_exploration(0.1, 2, 0.0) == 0
    full = spread.under_exploration(1.0, 2, 1.0)
    assert full == pytest.approx(2 * 9 + 2 * 9)
