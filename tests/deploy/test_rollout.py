"""Rollouts watched at every batch: wrong at most as often as agreed, and right in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from assay.deploy.batch import Batch
from assay.deploy.rollout import Decision, decide
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.rollout_state import RolloutState
from assay.stats.sample_ratio import sample_ratio_log_e

PAIRED = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.1, most_units=20_000)
SPLIT = replace(PAIRED, shares=(0.5,), tolerance=0.5)


def _run(plan: RolloutPlan, shift: float, seed: int, batch: int = 500) -> Decision:
    """Watch a rollout whose challenger wins or loses one unit of ten as `shift` has it."""
    random = np.random.default_rng(seed)
    state = RolloutState.start(plan)
    while True:
        champion = random.choice([-1.0, 0.0, 9.0], batch, p=[0.3, 0.6, 0.1])
        move = random.choice([-1.0, 1.0], batch, p=[0.5 - shift / 2, 0.5 + shift / 2])
        challenger = np.clip(champion + move, -1.0, 9.0)
        if plan.shares:
            to = random.random(batch) < plan.shares[0]
            cases = Batch.split(plan.arms, np.where(to, challenger, champion), to, plan.shares[0])
        else:
            cases = Batch.paired(plan.arms, champion, challenger)
        decision = decide(state, cases)
        state = decision.state
        if decision.verdict != "hold":
            return decision


def _never(plan: RolloutPlan, mean: float, seed: int) -> Decision:
    """Watch paired differences of a known mean to the end."""
    random = np.random.default_rng(seed)
    state = RolloutState.start(plan)
    for _ in range(20):
        values = random.choice([-1.0, 1.0], 200, p=[(1 - mean) / 2, (1 + mean) / 2])
        decision = decide(state, Batch(values))
        state = decision.state
        if decision.verdict != "hold":
            return decision
    return decision


def test_wrong_promotions_are_at_most_alpha_at_the_very_edge() -> None:
    plan = replace(PAIRED, alpha=0.1, most_units=10_000)
    runs = [_never(plan, -plan.tolerance, seed).verdict for seed in range(150)]
    assert runs.count("promote") / 150 <= 0.1 + 0.05


def test_wrong_rollbacks_are_at_most_alpha_where_the_arms_are_alike() -> None:
    plan = replace(PAIRED, alpha=0.1, tolerance=0.5, most_units=10_000)
    calm = replace(plan, tolerance=1e-6)
    runs = [_never(calm, 0.0, seed).verdict for seed in range(150)]
    assert runs.count("roll_back") / 150 <= 0.1 + 0.05


@pytest.mark.parametrize("plan", [PAIRED, SPLIT])
def test_a_clear_winner_is_promoted_and_a_clear_loser_rolled_back(plan: RolloutPlan) -> None:
    won, lost = _run(plan, 0.9, seed=1), _run(plan, -0.9, seed=2)
    assert (won.verdict, lost.verdict) == ("promote", "roll_back")
    assert won.difference.low > -plan.tolerance
    assert lost.difference.mean < 0
    assert won.difference.unit == "EUR per unit"
    assert "surely worse than the champion" in lost.reason


def test_a_paired_shadow_needs_far_fewer_units_than_a_split() -> None:
    plan = replace(PAIRED, tolerance=0.2)
    needed = [
        np.median([_run(one, 0.2, seed, batch=200).state.n for seed in range(11)])
        for one in (plan, replace(plan, shares=(0.5,), most_units=40_000))
    ]
    assert 5 * needed[0] < needed[1]


def test_a_failed_guardrail_rolls_back_at_once() -> None:
    batch = Batch(np.array([1.0]), failed_guardrails=("latency", "fairness"))
    decision = decide(RolloutState.start(PAIRED), batch)
    assert (decision.verdict, decision.reason) == ("roll_back", "failed: latency, fairness")


def test_a_split_that_did_not_happen_as_agreed_holds_whatever_it_shows() -> None:
    random = np.random.default_rng(5)
    to = random.random(4000) < 0.4
    payoffs = np.where(to, 9.0, -1.0)
    decision = decide(RolloutState.start(SPLIT), Batch.split(SPLIT.arms, payoffs, to, 0.5))
    assert decision.verdict == "hold"
    assert "sample ratio" in decision.reason


def test_an_honest_split_is_not_suspected() -> None:
    worst = []
    for seed in range(200):
        counts = np.random.default_rng(seed).binomial(100, 0.1, 50)
        on = np.cumsum(counts).tolist()
        worst.append(max(sample_ratio_log_e(n, 100 * k - n, 0.1) for k, n in enumerate(on, 1)))
    assert sum(one >= np.log(20) for one in worst) / 200 <= 0.05 + 0.03


@pytest.mark.parametrize(("agreed", "real"), [(0.5, 0.55), (0.1, 0.12), (0.1, 0.08)])
def test_a_split_that_is_a_little_off_is_found_however_small_the_batches(
    agreed: float, real: float
) -> None:
    """Evidence gathers over batches: what hides in each hundred shows in some thousands."""
    random = np.random.default_rng(7)
    state = RolloutState.start(replace(SPLIT, shares=(agreed,)))
    for _ in range(200):
        to = random.random(100) < real
        decision = decide(state, Batch.split(state.plan.arms, np.zeros(100), to, agreed))
        state = decision.state
        if "sample ratio" in decision.reason:
            break
    assert decision.verdict == ("hold" if state.n < 20_000 else "roll_back")
    assert "sample ratio" in decision.reason
    assert state.n < 15_000


def test_each_share_has_its_own_count() -> None:
    random = np.random.default_rng(8)
    state = RolloutState.start(replace(SPLIT, shares=(0.1, 0.5)))
    for share in (0.1, 0.5, 0.1):
        to = random.random(1000) < share
        state = state.after(Batch.split(state.plan.arms, np.zeros(1000), to, share))
    assert state.splits.keys() == {0.1, 0.5}
    assert sum(state.splits[0.1]) == 2000
    assert state.ratio_log_e < 0, "an honest split, twice"


@pytest.mark.parametrize("undecided", ["promote", "roll_back"])
def test_a_broken_split_ends_at_the_agreed_maximum(
    undecided: Literal["promote", "roll_back"],
) -> None:
    plan = replace(SPLIT, most_units=2000, undecided=undecided)
    batch = Batch.split(plan.arms, np.full(1000, 9.0), np.ones(1000, dtype=np.bool_), 0.5)
    first = decide(RolloutState.start(plan), batch)
    assert first.verdict == "hold"
    last = decide(first.state, batch)
    assert last.verdict == "roll_back"
    assert "not split as agreed" in last.reason


def test_a_payoff_that_is_not_known_counts_against_what_is_claimed() -> None:
    payoffs = np.array([9.0, np.nan, 0.0, np.nan])
    arm = np.array([True, True, False, False])
    batch = Batch.split(SPLIT.arms, payoffs, arm, 0.5)
    assert batch.differences.tolist() == [18, -2, 0, -18]
    assert batch.most is not None
    assert batch.most.tolist() == [18, 18, 0, 2]
    estimate = RolloutState.start(SPLIT).after(batch).difference()
    assert estimate.mean == pytest.approx((-0.5 + 9.5) / 2)


@pytest.mark.parametrize("centre", [0.0, 2.5])
def test_outcomes_that_come_later_only_add_evidence(centre: float) -> None:
    """With more known, each claim has at least the money that it had: nothing is taken back."""
    plan = replace(SPLIT, centre=centre)
    random = np.random.default_rng(9)
    arm = random.random(2000) < 0.5
    whole = random.choice([-1.0, 0.0, 9.0], 2000)
    paid = np.where(random.random(2000) < 0.7, np.nan, whole)
    before = RolloutState.start(plan).after(Batch.split(plan.arms, paid, arm, 0.5))
    for known in (0.3, 0.6, 1.0):
        paid = np.where(random.random(2000) < known, whole, paid)
        after = RolloutState.start(plan).after(Batch.split(plan.arms, paid, arm, 0.5))
        assert after.not_worse.log_e >= before.not_worse.log_e
        assert after.worse.log_e >= before.worse.log_e
        assert after.difference().low >= before.difference().low
        assert after.difference().high <= before.difference().high
        before = after


@pytest.mark.parametrize("undecided", ["promote", "roll_back"])
def test_the_agreed_maximum_ends_it_as_agreed(
    undecided: Literal["promote", "roll_back"],
) -> None:
    plan = replace(PAIRED, most_units=100, undecided=undecided)
    decision = decide(RolloutState.start(plan), Batch(np.zeros(99)))
    assert decision.verdict == "hold"
    decision = decide(RolloutState.start(plan), Batch(np.zeros(100)))
    assert decision.verdict == undecided
    assert "settle nothing" in decision.reason


def test_the_order_within_and_the_size_of_batches_change_nothing_in_the_money() -> None:
    values = np.random.default_rng(6).choice([-1.0, 0.0, 1.0], 300)
    whole = decide(RolloutState.start(PAIRED), Batch(values)).state
    parts = RolloutState.start(PAIRED)
    for part in np.array_split(values[::-1], 7):
        parts = decide(parts, Batch(part)).state
    assert whole.not_worse.log_e == pytest.approx(parts.not_worse.log_e)
    assert whole.difference().low == pytest.approx(parts.difference().low)


def test_an_empty_batch_changes_nothing() -> None:
    decision = decide(RolloutState.start(PAIRED), Batch(np.empty(0)))
    assert (decision.state.n, decision.verdict, decision.difference.n) == (0, "hold", 0)


def test_the_interval_covers_the_truth_at_every_look() -> None:
    missed = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        state = RolloutState.start(replace(PAIRED, alpha=0.1))
        for _ in range(6):
            state = state.after(Batch(random.choice([-1.0, 9.0], 100, p=[0.9, 0.1])))
            estimate = state.difference()
            if not estimate.low <= 0.0 <= estimate.high:
                missed += 1
                break
    assert missed <= 6


def test_a_plan_that_cannot_be_decided_is_refused() -> None:
    with pytest.raises(ValueError, match="tolerance above 0"):
        RolloutState.start(replace(PAIRED, tolerance=0.0))
    with pytest.raises(ValueError, match="gives one arm nothing"):
        RolloutState.start(replace(SPLIT, shares=(0.0,)))
    with pytest.raises(ValueError, match=r"assigned with shares \[0.3\], not \(0.5,\)"):
        Batch.split(SPLIT.arms, np.zeros(1), np.zeros(1, dtype=np.bool_), 0.3)
    with pytest.raises(ValueError, match=r"leave the bounds \(-1.0, 9.0\)"):
        Batch.split(SPLIT.arms, np.array([9.5]), np.ones(1, dtype=np.bool_), 0.5)


def test_reasons_name_what_the_challenger_is_tried_against() -> None:
    plan = replace(PAIRED, alpha=0.1, against="baseline")
    assert _never(plan, 0.5, 1).reason.endswith("EUR per unit worse than the baseline")
    assert _never(plan, -0.5, 1).reason == "surely worse than the baseline (EUR per unit)"
