"""Guardrails that gather evidence beside value, and what follows when time is over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.deploy.batch import Batch
from assay.deploy.guardrail_condition import GuardrailCondition, Said
from assay.deploy.rollout import Decision, decide, out_of_time
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.rollout_state import RolloutState

ERRORS = GuardrailCondition("errors", 0.05)
SLOWER = GuardrailCondition("slower than the champion", 0.1, compared=True)
PLAN = RolloutPlan(
    "EUR", (-1.0, 9.0), tolerance=0.3, most_units=3000, shares=(0.5,), conditions=(ERRORS, SLOWER)
)


def _watch(plan: RolloutPlan, errors: float, slow: float, worth: float, seed: int) -> Decision:
    """Watch a challenger of known rates; the champion errs never and is slow in 1 % of cases."""
    rng = np.random.default_rng(seed)
    state = RolloutState.start(plan)
    while True:
        arm = rng.random(100) < 0.5
        erred, lagged = (
            rng.random(100) < np.where(arm, rate, other)
            for rate, other in ((errors, 0.0), (slow, 0.01))
        )
        said = {
            one.name: one.split(bad, arm, 0.5) for one, bad in ((ERRORS, erred), (SLOWER, lagged))
        }
        said = {name: values for name, values in said.items() if name in state.guardrails}
        paid = np.where(arm, worth, 0.0)
        decision = decide(state, Batch.split(plan.arms, paid, arm, 0.5, said=said))
        state = decision.state
        if decision.verdict != "hold":
            return decision


def test_a_promotion_waits_until_each_guardrail_is_surely_within() -> None:
    decision = _watch(PLAN, errors=0.0, slow=0.01, worth=1.0, seed=11)
    assert decision.verdict == "promote"
    assert decision.reason.endswith(", and within errors, slower than the champion")
    alone = _watch(replace(PLAN, conditions=()), 0.0, 0.01, 1.0, seed=11)
    assert alone.state.n < decision.state.n


def test_while_it_waits_it_says_for_what() -> None:
    state = RolloutState.start(PLAN)
    arm = np.arange(1000) % 2 == 0
    decision = decide(state, Batch.split(PLAN.arms, np.where(arm, 5.0, 0.0), arm, 0.5))
    assert decision.verdict == "hold"
    assert decision.reason.endswith("waiting for errors, slower than the champion")


@pytest.mark.parametrize(
    ("errors", "slow", "name"), [(0.3, 0.01, "errors"), (0.0, 0.6, "slower than the champion")]
)
def test_a_guardrail_surely_beyond_its_limit_rolls_back(
    errors: float, slow: float, name: str
) -> None:
    decision = _watch(PLAN, errors, slow, worth=0.2, seed=12)
    assert (decision.verdict, decision.reason) == ("roll_back", f"surely beyond its limit: {name}")


def test_alpha_is_shared_by_what_rolls_back_and_by_the_whole_release() -> None:
    assert PLAN.rollback_alpha == pytest.approx(0.05 / 3)
    three = tuple(GuardrailCondition(f"limit {place}", 0.1) for place in range(3))
    plan = replace(PLAN, conditions=three, tolerance=1e-9, alpha=0.2, shares=(0.2, 0.5))
    wrong = 0
    for rng in np.random.default_rng(13).spawn(120):
        state = RolloutState.start(plan)
        for look in range(10):
            share = plan.shares[look >= 4]  # a step of the release: no new alpha
            arm = rng.random(100) < share
            bad = rng.random((3, 100)) < 0.1
            said = {one.name: one.alone(row[arm]) for one, row in zip(three, bad, strict=True)}
            batch = Batch.split(plan.arms, np.zeros(100), arm, share, said=said)
            decision = decide(state, batch)
            state = decision.state
            if decision.verdict == "roll_back":
                wrong += 1
                break
    assert wrong / 120 <= 0.2 + 3 * np.sqrt(0.2 * 0.8 / 120)


def test_what_cases_say_has_the_rate_or_the_excess_for_its_mean() -> None:
    rng = np.random.default_rng(14)
    arm = rng.random(200_000) < 0.3
    bad = rng.random(200_000) < np.where(arm, 0.2, 0.05)
    assert ERRORS.split(bad, arm, 0.3).least.mean() == pytest.approx(0.2, abs=0.01)
    assert SLOWER.split(bad, arm, 0.3).most.mean() == pytest.approx(0.15, abs=0.01)
    assert SLOWER.paired(bad[:9], bad[:9]).least.tolist() == [0.0] * 9
    assert ERRORS.paired(bad[:9], ~bad[:9]).most.tolist() == (~bad[:9]).astype(float).tolist()
    assert (SLOWER.bounds(()), SLOWER.bounds((0.1, 0.5))) == ((-1, 1), (-2, 10))
    with pytest.raises(ValueError, match="needs cases of both arms"):
        SLOWER.alone(bad)


def test_conditions_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        RolloutState.start(replace(PLAN, conditions=(GuardrailCondition("never", 0.0),)))
    with pytest.raises(ValueError, match="have one name"):
        RolloutState.start(replace(PLAN, conditions=(ERRORS, ERRORS)))
    with pytest.raises(ValueError, match="no guardrail condition errrors"):
        RolloutState.start(PLAN).after(Batch(np.zeros(1), said={"errrors": Said.of([0.0])}))


def test_at_the_maximum_guardrails_alone_decide_where_it_was_agreed() -> None:
    plan = replace(PLAN, tolerance=1e-3, undecided="promote", most_units=2000)
    decision = _watch(plan, errors=0.0, slow=0.01, worth=0.0, seed=15)
    assert decision.verdict == "promote"
    assert "2000 units settle nothing within the agreed 2000" in decision.reason
    cost = -decision.difference.low
    assert f"guardrails hold, and alone decide: it may cost up to {cost:.4g} EUR" in decision.reason
    strict = replace(plan, undecided="roll_back")
    assert _watch(strict, 0.0, 0.01, 0.0, seed=15).verdict == "roll_back"


def test_a_guardrail_not_shown_by_the_end_is_not_passed_over() -> None:
    plan = replace(PLAN, undecided="promote", most_units=500)
    arm = np.arange(500) % 2 == 0
    for tolerance, words in (
        (0.3, "show value, but not that errors"),
        (1e-4, "show neither value"),
    ):
        state = RolloutState.start(replace(plan, tolerance=tolerance))
        decision = decide(state, Batch.split(plan.arms, np.zeros(500), arm, 0.5))
        assert decision.verdict == "roll_back"
        assert words in decision.reason


def test_days_that_are_over_end_what_is_still_held() -> None:
    state = RolloutState.start(replace(PLAN, conditions=(), undecided="promote"))
    held = decide(state, Batch(np.zeros(10)))
    over = out_of_time(held, 30)
    assert over.verdict == "promote"
    assert "10 units settle nothing in the agreed 30 days" in over.reason
    settled = Decision("promote", "surely", state)
    assert out_of_time(settled, 30) is settled
    broken = decide(state, Batch.split(PLAN.arms, np.zeros(900), np.ones(900, dtype=np.bool_), 0.5))
    assert broken.verdict == "hold"
    assert out_of_time(broken, 30).verdict == "roll_back"
    assert "sample ratio" in out_of_time(broken, 30).reason


def test_both_arms_scored_on_each_unit_need_no_known_payoff() -> None:
    plan = replace(PLAN, shares=(), conditions=())
    champion, challenger = np.array([1.0, np.nan, 9.0]), np.array([9.0, 0.0, np.nan])
    batch = Batch.paired(plan.arms, champion, challenger)
    assert batch.most is not None
    assert batch.differences.tolist() == [8.0, -9.0, -10.0]
    assert batch.most.tolist() == [8.0, 1.0, 0.0]
    with pytest.raises(ValueError, match="leave the bounds"):
        Batch.paired(plan.arms, champion, challenger - 3.0)
    with pytest.raises(ValueError, match="more at the least"):
        Batch.split(PLAN.arms, champion[:1], np.array([True]), 0.5, most=np.array([0.0]))
