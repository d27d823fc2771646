"""How many units are planned, and how many it takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.deploy.units_needed import units_needed
from assay.stats.betting import BettingProcess

PLAN = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.3, most_units=20_000)
VALUES = np.array([-1.0, 0.0, 9.0])


def _skewed(p: float, low: float = 0.3) -> Spread:
    return Spread(VALUES, np.array([low, 1 - low - p, p]))


PAIRED = Spread(np.array([-1.0, 0.0, 1.0]), np.array([0.2, 0.5, 0.3]))
BOTH = replace(PLAN, shares=(0.1, 0.5)).arms
HALF = Spread.split(BOTH, _skewed(0.2), _skewed(0.15), 0.5)
TENTH = Spread.split(BOTH, _skewed(0.2), Spread.around(0.0, 0.0, (-1, 9)), 0.1)


@pytest.mark.parametrize(
    ("shares", "said", "step"),
    [((), PAIRED, 10), ((0.5,), HALF, 50), ((0.1,), TENTH, 50), ((0.1, 0.5), HALF, 50)],
)
def test_the_plan_is_what_simulated_promotions_take(
    shares: tuple[float, ...], said: Spread, step: int
) -> None:
    plan = replace(PLAN, shares=shares)
    needed = units_needed(plan, said)
    taken = []
    for rng in np.random.default_rng(21).spawn(60):
        process = BettingProcess.against(-plan.tolerance, plan.difference_bounds)
        while not process.rejects(plan.alpha):
            process = process.updated(said.values, rng.multinomial(step, said.chances))
        taken.append(process.n)
    assert 0.75 < np.mean(taken) / needed.expected < 1.25
    assert 0.65 < np.quantile(taken, 0.8) / needed.mostly < 1.35


def test_a_z_test_of_a_fixed_number_has_its_power() -> None:
    """By hand: (1.6449 + 0.8416)^2 deviations of 1 over a gap of 0.3."""
    said = Spread.around(0.0, 1.0, (-10.0, 10.0))
    assert units_needed(PLAN, said).fixed == pytest.approx(6.1826 / 0.09, rel=1e-4)


def test_what_is_no_better_than_the_tolerance_is_never_promoted() -> None:
    needed = units_needed(PLAN, Spread.around(-0.3, 1.0, (-10.0, 10.0)))
    assert (needed.expected, needed.mostly, needed.fixed, needed.within) == (*[np.inf] * 3, 0.0)


def test_a_smaller_gap_a_wider_spread_and_a_smaller_share_take_more() -> None:
    base = units_needed(PLAN, Spread.around(0.1, 1.0, PLAN.difference_bounds))
    smaller = units_needed(PLAN, Spread.around(0.0, 1.0, PLAN.difference_bounds))
    wider = units_needed(PLAN, Spread.around(0.1, 2.0, PLAN.difference_bounds))
    assert base.expected < smaller.expected
    assert base.expected < wider.expected
    plans = [replace(PLAN, shares=(p,)) for p in (0.5, 0.2, 0.05)]
    shares = [
        units_needed(plan, Spread.split(plan.arms, _skewed(0.2), _skewed(0.15), *plan.shares))
        for plan in plans
    ]
    assert [one.expected for one in shares] == sorted(one.expected for one in shares)


def test_the_chance_within_the_agreed_units_is_that_of_simulated_releases() -> None:
    plan = replace(PLAN, most_units=140)
    needed = units_needed(plan, PAIRED)
    won = 0
    for rng in np.random.default_rng(22).spawn(200):
        process = BettingProcess.against(-plan.tolerance, plan.difference_bounds)
        for _ in range(14):
            process = process.updated(PAIRED.values, rng.multinomial(10, PAIRED.chances))
        won += process.rejects(plan.alpha)
    assert 0.05 < needed.within < 0.95
    assert won / 200 == pytest.approx(needed.within, abs=0.12)


def test_a_difference_that_never_varies_is_planned_too() -> None:
    sure = units_needed(PLAN, Spread.around(0.5, 0.0, PLAN.difference_bounds))
    assert 1 < sure.expected < 100
    assert sure.mostly == pytest.approx(sure.expected, rel=0.2)
    assert sure.fixed == 0.0


def test_two_values_have_the_mean_and_the_deviation_asked_for() -> None:
    for mean, deviation in ((0.0, 1.0), (-0.9, 0.9), (8.0, 2.0), (4.0, 4.9)):
        spread = Spread.around(mean, deviation, (-1.0, 9.0))
        assert spread.mean == pytest.approx(mean)
        assert spread.deviation == pytest.approx(deviation)
        assert -1.0 <= spread.values.min() <= spread.values.max() <= 9.0


def test_a_split_spreads_as_its_formula_says() -> None:
    one, other, p = _skewed(0.2), _skewed(0.15), 0.1
    said = Spread.split(BOTH, one, other, p)
    squares = [float(each.values**2 @ each.chances) for each in (one, other)]
    assert said.mean == pytest.approx(one.mean - other.mean)
    variance = squares[0] / p + squares[1] / (1 - p) - said.mean**2
    assert said.deviation == pytest.approx(np.sqrt(variance))


def test_a_deviation_that_bounds_do_not_allow_leaves_the_mean_where_it_is() -> None:
    """Intervals of cases that hang together ask for more than payoffs within bounds can spread."""
    for mean, deviation in ((0.0, 7.0), (8.9, 5.0), (4.0, np.inf)):
        spread = Spread.around(mean, deviation, (-1.0, 9.0))
        assert spread.mean == pytest.approx(mean)
        assert spread.deviation == pytest.approx(np.sqrt((mean + 1) * (9 - mean)))
        assert spread.values == pytest.approx([-1.0, 9.0])


def test_a_part_that_is_unknown_takes_its_value_whatever_it_paid() -> None:
    paid = Spread.around(1.0, 3.0, (-1.0, 9.0))
    part = paid.partly(0.2, -1.0)
    assert part.mean == pytest.approx(0.8 * 1 + 0.2 * -1)
    assert part.chances.sum() == pytest.approx(1)
    assert paid.partly(0.0, -1.0) is paid
    assert paid.partly(1.0, -1.0).values.tolist() == [-1.0]
