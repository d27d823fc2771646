"""Which units a canary is decided on, and in which batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from assay.charter.charter import Charter
from assay.evidence.states import Live, ReleaseState, ReleaseStep
from assay.lifecycle.agreed_rollout import rollout_plan
from assay.lifecycle.canary import decide_canary
from assay.lifecycle.canary_units import Unit, units_of
from assay.lifecycle.posting import Served

from .conftest import charter

START = datetime(2026, 3, 1, tzinfo=UTC)


def _state(*shares: tuple[float, float], champion: bool = True) -> ReleaseState:
    """A running release with (minutes after its start, share) for each step."""
    steps = [
        ReleaseStep(
            "stepped" if minute else "started",
            2,
            share,
            "",
            START + timedelta(minutes=minute),
            "canary",
        )
        for minute, share in shares
    ]
    before = ReleaseStep("started", 1, 0.0, "", START, "immediate")
    return ReleaseState(
        "calls",
        champion=Live(1, "a") if champion else None,
        challenger=Live(2, "b"),
        weight=shares[-1][1],
        history=(before, *steps),
    )


def _record(minute: float, arm: str = "champion", **more: Any) -> dict[str, Any]:
    at = (START + timedelta(minutes=minute)).isoformat()
    return {"id": f"u/{minute}", "at": at, "arm": arm, **more}


def _served(records: list[dict[str, Any]], payoffs: list[float]) -> Served:
    return Served(records, [None] * len(records), np.array(payoffs))


def _unit(challenger: bool, share: float, payoff: float) -> Unit:
    return Unit(challenger, share, payoff, payoff)


def _plan(given: Charter, state: ReleaseState) -> Any:
    return rollout_plan(given, state, START)


def _units(
    served: Served, state: ReleaseState, now: datetime = START, delay: str = "1 row"
) -> tuple[Unit, ...]:
    given = charter(data={"label_delay": delay})
    return units_of(served, state, given, now)


def test_the_plan_comes_from_the_charter() -> None:
    state = _state((0, 0.5))
    plain = _plan(charter(), state)
    assert plain.bounds == (-1, 9)
    assert plain.tolerance == pytest.approx(0.1 / 12), "a twelfth of a hundredth of the range"
    budget = _plan(charter(release={"loss_budget_per_year": 600, "alpha": 0.01}), state)
    assert budget.tolerance == pytest.approx(600 / 12_000 / 12)
    assert budget.alpha == 0.01


def test_only_this_release_and_its_arms_count() -> None:
    records = [
        _record(-5),
        _record(1),
        _record(2, "challenger"),
        _record(3, "pinned"),
        _record(4, "baseline"),
        _record(99),
    ]
    found = _units(_served(records, [9, 0, 9, 9, 9, 9]), _state((0, 0.5)))
    assert found == (
        _unit(challenger=False, share=0.5, payoff=0),
        _unit(challenger=True, share=0.5, payoff=9),
    )


def test_without_a_champion_the_baseline_is_the_other_arm() -> None:
    records = [_record(1), _record(2, "challenger"), _record(4, "baseline"), _record(99)]
    found = _units(_served(records, [9, 9, 0, 9]), _state((0, 0.5), champion=False))
    assert [(one.challenger, one.least) for one in found] == [(True, 9), (False, 0)]


def test_an_entity_counts_with_its_first_decision() -> None:
    records = [_record(1, entity="x"), _record(2, entity="y"), _record(3, entity="x"), _record(99)]
    found = _units(_served(records, [1, 2, 3, 4]), _state((0, 0.5)))
    assert [(one.least, one.most) for one in found] == [(1, 1), (2, 2)]


def test_a_payoff_that_never_came_stays_unknown() -> None:
    records = [_record(1), _record(2, "challenger"), _record(99)]
    found = _units(_served(records, [np.nan, 0, 0]), _state((0, 0.5)))
    assert [(one.least, one.most) for one in found] == [(-1, 9), (0, 0)]


def test_a_unit_has_the_share_that_the_gateway_captured() -> None:
    """A gateway that learned late of a step still assigned by the share before."""
    state = _state((0, 0.1), (10, 0.5))
    history = tuple(replace(step, revision=n) for n, step in enumerate(state.history, 1))
    records = [
        _record(9, revision=1, weight=0.0),
        _record(11, revision=2, weight=0.1),
        _record(12, revision=3, weight=0.5),
        _record(13, "challenger", revision=2, weight=0.1),
        _record(99),
    ]
    found = _units(_served(records, [0] * 5), replace(state, history=history))
    assert [one.share for one in found] == [0.1, 0.5, 0.1]


def test_a_unit_has_the_share_under_which_it_was_assigned() -> None:
    state = _state((0, 0.1), (10, 0.5))
    records = [_record(1), _record(9), _record(10), _record(20), _record(99)]
    found = _units(_served(records, [0] * 5), state)
    assert [one.share for one in found] == [0.1, 0.1, 0.5, 0.5]


@pytest.mark.parametrize(
    ("delay", "minutes_later", "ripe"),
    [("2 hours", 119, 0), ("2 hours", 121, 1), ("1 day", 1500, 3), ("1 day", 100, 0)],
)
def test_delays_in_time_are_counted_on_the_clock(delay: str, minutes_later: int, ripe: int) -> None:
    records = [_record(1), _record(2), _record(3)]
    given = charter(data={"label_delay": delay}, monitoring={"window": "1 day"})
    state = _state((0, 0.5))
    now = START + timedelta(minutes=minutes_later)
    found = units_of(_served(records, [0] * 3), state, given, now)
    assert len(found) == ripe


def test_a_delay_in_windows_of_days_is_counted_on_the_clock() -> None:
    """Two windows of seven days are two weeks, however many rows were served since."""
    records = [_record(minute) for minute in range(1, 30)]
    given = charter(data={"label_delay": "2 windows"}, monitoring={"window": "7 days"})
    state = _state((0, 0.5))
    for days, ripe in ((1, 0), (13.9, 0), (15, 29)):
        now = START + timedelta(days=days)
        found = units_of(_served(records, [0] * 29), state, given, now)
        assert len(found) == ripe


def test_nothing_runs_nothing_counts() -> None:
    served = _served([_record(1), _record(2)], [0, 0])
    assert _units(served, ReleaseState("calls")) == ()


def test_looking_again_repeats_every_earlier_look() -> None:
    plan = _plan(charter(), _state((0, 0.5)))
    random = np.random.default_rng(3)
    units = [
        _unit(bool(arm), 0.5, float(pay))
        for arm, pay in zip(random.random(900) < 0.5, random.choice([-1, 0, 9], 900), strict=True)
    ]
    looks = [decide_canary(plan, units[:n]) for n in range(0, 901, 50)]
    assert looks[0] is looks[1] is None, "no whole batch yet"
    verdicts = [None if one is None else one.verdict for one in looks]
    settled = [one for one in verdicts if one not in (None, "hold")]
    assert len(set(settled)) <= 1
    for early, late in pairwise(looks):
        if early is not None and late is not None and early.verdict != "hold":
            assert late.state.n == early.state.n, "what was decided stays decided"


def test_a_change_of_share_ends_a_batch() -> None:
    plan = _plan(charter(), _state((0, 0.5)))
    units = [_unit(challenger=False, share=0.1, payoff=0.0)] * 30 + [
        _unit(place % 2 == 0, 0.5, 0.0) for place in range(70)
    ]
    decision = decide_canary(plan, units)
    assert decision is not None
    assert decision.state.n == 30, "the 30 under the old share; 70 are no whole batch"


def test_a_split_that_did_not_happen_is_held() -> None:
    plan = _plan(charter(), _state((0, 0.5)))
    decision = decide_canary(plan, [_unit(challenger=True, share=0.5, payoff=9.0)] * 100)
    assert decision is not None
    assert decision.verdict == "hold"
    assert "sample ratio" in decision.reason
