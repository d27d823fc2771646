"""How many cases a test takes, beside what simulation finds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.stats.betting import BettingProcess, bets_and_stakes
from assay.stats.power import (
    betting_sample_size,
    betting_sample_size_from_moments,
    fixed_sample_size,
)

LAWS = {
    "won at 14 %": ([-1.0, 9.0], [0.86, 0.14], 0.0, (-1.0, 9.0)),
    "won at 5 %, within 0.4": ([-1.0, 9.0], [0.95, 0.05], -0.9, (-1.0, 9.0)),
    "paired": ([-10.0, 0.0, 10.0], [0.05, 0.87, 0.08], -0.3, (-10.0, 10.0)),
    "at the largest bet": ([-1.0, 0.0, 1.0], [0.0, 0.98, 0.02], -1.0, (-10.0, 10.0)),
}


def _stopped(law: str, runs: int, seed: int) -> np.ndarray:
    values, chances, null, bounds = LAWS[law]
    bets, stakes = bets_and_stakes()
    won = np.log1p(np.outer(bets / (null - bounds[0]), np.asarray(values) - null))
    most = int(8 * betting_sample_size(values, chances, null, bounds))
    random = np.random.default_rng(seed)
    stops = []
    for _ in range(runs):
        drawn = random.choice(len(values), most, p=chances)
        money = np.cumsum(won[:, drawn], axis=1)
        top = money.max(axis=0)
        log_e = top + np.log(stakes @ np.exp(money - top))
        stops.append(int(np.argmax(log_e >= np.log(20))) + 1)
    return np.array(stops)


@pytest.mark.parametrize("law", LAWS)
def test_the_plan_is_near_what_simulation_finds(law: str) -> None:
    values, chances, null, bounds = LAWS[law]
    stops = _stopped(law, 300, seed=401)
    expected = betting_sample_size(values, chances, null, bounds)
    assert expected == pytest.approx(stops.mean(), rel=0.2)
    likely = betting_sample_size(values, chances, null, bounds, power=0.8)
    assert likely == pytest.approx(np.quantile(stops, 0.8), rel=0.25)


def test_the_simulated_stop_is_that_of_the_process() -> None:
    values, chances, null, bounds = LAWS["won at 14 %"]
    x = np.random.default_rng(402).choice(values, 3000, p=chances)
    process, n = BettingProcess.against(null, bounds), 0
    while not process.rejects(0.05):
        process, n = process.updated(x[n : n + 1]), n + 1
    assert 1 < n < 3000
    assert process.log_e >= math.log(20)


def test_looking_all_the_time_costs_less_than_twice_a_fixed_test_on_average() -> None:
    for law in ("won at 14 %", "paired"):
        values, chances, null, bounds = LAWS[law]
        mean = float(np.dot(values, chances))
        deviation = math.sqrt(float(np.dot(np.square(values), chances)) - mean**2)
        fixed = fixed_sample_size(mean - null, deviation)
        assert betting_sample_size(values, chances, null, bounds) < 2 * fixed


def test_the_fixed_test_has_the_power_that_it_was_planned_for() -> None:
    n = math.ceil(fixed_sample_size(0.2, 1.5, alpha=0.05, power=0.9))
    x = np.random.default_rng(403).normal(0.2, 1.5, (2000, n))
    found = (x.mean(axis=1) * math.sqrt(n) / 1.5 > 1.6449).mean()
    assert found == pytest.approx(0.9, abs=0.02)


def test_moments_alone_give_the_order_of_the_number() -> None:
    law = ([-0.9, 1.1], [0.5, 0.5], 0.0, (-10.0, 10.0))
    known = betting_sample_size(*law)
    guessed = betting_sample_size_from_moments(0.1, 1.0, worst=10.0)
    assert guessed == pytest.approx(known, rel=0.05)


def test_mirrored_claims_take_the_same_cases() -> None:
    up = betting_sample_size([-1.0, 9.0], [0.8, 0.2], 0.0, (-1.0, 9.0), power=0.8)
    down = betting_sample_size([1.0, -9.0], [0.8, 0.2], 0.0, (-9.0, 1.0), below=True, power=0.8)
    assert up == pytest.approx(down)
    assert betting_sample_size([0.5], [1.0], 0.0, (-1.0, 1.0), power=0.8) < 20


def test_what_cannot_be_shown_takes_for_ever_and_nonsense_is_refused() -> None:
    assert fixed_sample_size(0.0, 1.0) == math.inf
    assert betting_sample_size([-1.0, 9.0], [0.9, 0.1], 0.0, (-1.0, 9.0)) == math.inf
    assert betting_sample_size_from_moments(-0.1, 1.0, worst=1.0) == math.inf
    with pytest.raises(ValueError, match="alpha is a chance"):
        fixed_sample_size(1.0, 1.0, alpha=0.0)
    with pytest.raises(ValueError, match="power is a chance"):
        betting_sample_size_from_moments(1.0, 1.0, 10.0, power=1.0)
    with pytest.raises(ValueError, match="deviation of -1"):
        fixed_sample_size(1.0, -1.0)
    with pytest.raises(ValueError, match="add up to 1"):
        betting_sample_size([0.0, 1.0], [0.5, 0.4], 0.2, (0.0, 1.0))
    with pytest.raises(ValueError, match="leave the bounds"):
        betting_sample_size([0.0, 2.0], [0.5, 0.5], 0.2, (0.0, 1.0))
