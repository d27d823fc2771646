"""A year's promotions share one loss budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assay.deploy.batch import Batch
from assay.deploy.rollout import decide
from assay.deploy.rollout_state import RolloutState
from assay.evidence.states import Live, ReleaseState, ReleaseStep
from assay.lifecycle.agreed_rollout import rollout_plan
from assay.lifecycle.loss_budget import LossBudget, loss_budget

from .conftest import charter

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _step(what: str, days_ago: float, spent: float = 0.0) -> ReleaseStep:
    at = NOW - timedelta(days=days_ago)
    return ReleaseStep(what, 1, 0.5, "", at, "canary", spent=spent)  # type: ignore[arg-type]


def _state(*steps: ReleaseStep, running: bool = False) -> ReleaseState:
    return ReleaseState("calls", challenger=Live(2, "b") if running else None, history=steps)


def test_the_default_is_a_hundredth_of_the_range_and_shared_by_twelve() -> None:
    budget = loss_budget(charter(), _state(), NOW)
    assert budget.total == pytest.approx(0.01 * 10 * 12_000)
    assert (budget.spent, budget.left) == (0, budget.total)
    assert budget.tolerance == pytest.approx(0.1 / 12)
    named = loss_budget(charter(release={"loss_budget_per_year": 600}), _state(), NOW)
    assert named.total == 600
    assert named.tolerance == pytest.approx(600 / 12 / 12_000)


def test_twelve_promotions_spend_a_year_s_budget_and_no_more() -> None:
    given = charter()
    steps: list[ReleaseStep] = []
    for _ in range(12):
        budget = loss_budget(given, _state(*steps), NOW)
        assert budget.tolerance > 0
        steps.append(_step("promoted", 30, budget.tolerance * budget.decisions))
    budget = loss_budget(given, _state(*steps), NOW)
    assert (budget.left, budget.tolerance) == (0, 0)
    assert "1,200 of 1,200 EUR of the loss budget are spent" in str(budget)


def test_the_last_promotion_takes_what_is_left() -> None:
    budget = loss_budget(charter(), _state(_step("promoted", 1, 1150)), NOW)
    assert budget.tolerance == pytest.approx(50 / 12_000)
    over = loss_budget(charter(), _state(_step("promoted", 1, 1300)), NOW)
    assert (over.left, over.tolerance) == (0, 0)


def test_promotions_older_than_a_year_are_over() -> None:
    steps = (_step("promoted", 366, 1200), _step("promoted", 364, 100))
    assert loss_budget(charter(), _state(*steps), NOW).spent == 100


def test_a_running_canary_keeps_the_tolerance_it_was_started_with() -> None:
    """Looking later must not move the goal, though an old promotion may have left the year."""
    steps = (_step("promoted", 370, 1150), _step("started", 10))
    state = _state(*steps, running=True)
    assert loss_budget(charter(), state, NOW).spent == 1150
    assert rollout_plan(charter(), state, NOW).tolerance == pytest.approx(50 / 12_000)
    assert loss_budget(charter(), replace(state, challenger=None), NOW).spent == 0


def test_rounding_is_not_a_budget() -> None:
    assert LossBudget("EUR", 1.0, 1.0 - 1e-12, 12.0).left == 0


def _verdict(state: ReleaseState, at: datetime, loss: float, rng: np.random.Generator) -> str:
    """Watch a paired rollout whose challenger truly loses so much on each decision."""
    plan = replace(rollout_plan(charter(**BUDGET), state, at), shares=(), most_units=60_000)
    rollout = RolloutState.start(plan)
    while True:
        moved = rng.choice([-0.5, 0.5], 5000, p=[0.5 + loss, 0.5 - loss])
        decision = decide(rollout, Batch(moved))
        if decision.verdict != "hold":
            return decision.verdict
        rollout = decision.state


BUDGET = {"release": {"loss_budget_per_year": 6000}}


def test_many_small_accepted_losses_cannot_ratchet() -> None:
    """Two years of three releases a month, each a little worse: no year loses more than agreed."""
    rng, refused = np.random.default_rng(41), 0
    steps: list[ReleaseStep] = []
    lost: list[tuple[datetime, float]] = []
    for release in range(72):
        at = NOW + timedelta(days=10 * release)
        budget = loss_budget(charter(**BUDGET), _state(*steps), at)
        if budget.left == 0:
            refused += 1
            continue
        loss = float(rng.uniform(0.2, 0.6)) * budget.tolerance
        if _verdict(_state(*steps), at, loss, rng) == "promote":
            spent = budget.tolerance * budget.decisions
            steps.append(ReleaseStep("promoted", 1, 1.0, "", at, "canary", spent=spent))
            lost.append((at, loss * budget.decisions))
    assert len(lost) >= 20
    assert refused >= 20
    for at, _ in lost:
        year = [cost for when, cost in lost if at <= when < at + timedelta(days=365)]
        assert sum(year) <= 6000
    unlimited = 72 * 0.4 * 6000 / 12 / 2
    assert sum(cost for _, cost in lost) / 2 < unlimited / 2, "a tolerance alone would have let"
