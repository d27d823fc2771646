"""An exploration share tells what any policy is worth, also where actions move outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.value.exploration import Logged, effective_cases, policy_value

CHANCE = np.array([[0.2, 0.3, 0.25], [0.5, 0.4, 0.9]])
"""Buying by group (rows) and action: each action changes the outcome."""
COST = np.array([0.0, 1.0, 4.0])
PAYS = 10 * CHANCE - COST
SHARE = 0.2


def _log(rng: np.random.Generator, n: int) -> tuple[Logged, NDArray[np.int64]]:
    """Take the worst action in each group but for a share of random ones."""
    group = rng.integers(0, 2, n)
    own = np.where(group == 0, 2, 1)
    drawn = rng.random(n) < SHARE
    action = np.where(drawn, rng.integers(0, 3, n), own)
    propensity = SHARE / 3 + (1 - SHARE) * (action == own)
    paid = 10.0 * (rng.random(n) < CHANCE[group, action]) - COST[action]
    return Logged(action, paid, propensity), group


@pytest.mark.parametrize("kind", ["ipw", "self_normalised", "doubly_robust"])
def test_unbiased_and_covering_where_the_naive_mean_is_wrong(kind: str) -> None:
    rng = np.random.default_rng(23)
    runs, inside, means, naive = 250, 0, [], []
    true = float((PAYS[0, 1] + PAYS[1, 2]) / 2)
    for run in range(runs):
        logged, group = _log(rng, 3000)
        policy = np.where(group == 0, 1, 2)
        # The forecast is wrong by far: doubly robust must not mind.
        expected = PAYS[group] * 0.5 + 1 if kind == "doubly_robust" else None
        found = policy_value(logged, policy, seed=run, expected=expected, kind=kind)  # type: ignore[arg-type]
        inside += found.low <= true <= found.high
        means.append(found.mean)
        naive.append(logged.payoffs.mean())
    error = np.std(means) / np.sqrt(runs)
    assert abs(np.mean(means) - true) < 3 * error
    assert inside / runs >= 0.93
    assert abs(np.mean(naive) - true) > 5 * np.std(means)


def test_a_good_forecast_makes_doubly_robust_less_noisy() -> None:
    rng = np.random.default_rng(29)
    spread: dict[str, list[float]] = {"ipw": [], "doubly_robust": []}
    for run in range(80):
        logged, group = _log(rng, 2000)
        far = Logged(logged.actions, logged.payoffs + 20, logged.propensity)
        policy = np.where(group == 0, 1, 2)
        for kind, found in spread.items():
            one = policy_value(far, policy, seed=run, expected=PAYS[group] + 20, kind=kind)  # type: ignore[arg-type]
            found.append(one.mean)
    assert np.std(spread["doubly_robust"]) < np.std(spread["ipw"]) / 3


def test_a_policy_given_by_chances_is_the_mixture_of_its_actions() -> None:
    logged, _ = _log(np.random.default_rng(31), 4000)
    single = [
        policy_value(logged, np.full(4000, action), seed=0, kind="ipw").mean for action in range(3)
    ]
    chances = np.tile([0.2, 0.5, 0.3], (4000, 1))
    mixed = policy_value(logged, chances, seed=0, kind="ipw").mean
    assert mixed == pytest.approx(float(np.dot([0.2, 0.5, 0.3], single)))
    robust = policy_value(logged, chances, seed=0, expected=np.zeros((4000, 3)))
    assert robust.mean == pytest.approx(mixed)


def test_self_normalised_does_not_mind_a_constant() -> None:
    logged, _ = _log(np.random.default_rng(37), 2000)
    moved = Logged(logged.actions, logged.payoffs + 100, logged.propensity)
    policy = np.zeros(2000, dtype=np.int64)
    one, other = (policy_value(log, policy, seed=0) for log in (logged, moved))
    assert other.mean == pytest.approx(one.mean + 100)


def test_payoffs_that_the_policy_never_reads_may_be_missing() -> None:
    actions = np.array([0, 1] * 100)
    paid = np.where(actions == 0, 2.0, np.nan)
    logged = Logged(actions, paid, np.full(200, 0.5), np.arange(200) // 2)
    found = policy_value(logged, np.zeros(200, dtype=np.int64), seed=0, kind="ipw")
    assert (found.mean, found.low, found.high) == (2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="not a number"):
        policy_value(logged, np.ones(200, dtype=np.int64), seed=0)


def test_a_log_without_overlap_is_refused() -> None:
    logged = Logged(np.zeros(10, dtype=np.int64), np.ones(10), np.ones(10))
    with pytest.raises(ValueError, match="might have decided so"):
        policy_value(logged, np.ones(10, dtype=np.int64), seed=0)
    assert effective_cases(logged, np.ones(10, dtype=np.int64)) == 0
    assert effective_cases(logged, np.zeros(10, dtype=np.int64)) == 10
    with pytest.raises(ValueError, match="propensity"):
        Logged(np.zeros(1, dtype=np.int64), np.ones(1), np.zeros(1))
    with pytest.raises(ValueError, match="doubly robust"):
        policy_value(logged, np.zeros(10, dtype=np.int64), seed=0, kind="doubly_robust")
