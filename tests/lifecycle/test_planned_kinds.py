"""Plans of shadows and staged releases, and of the guardrails of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.charter.charter import Charter
from assay.deploy.release_plan import ReleasePlan
from assay.errors import CheckFailed
from assay.evidence.release_state import Live, ReleaseState
from assay.lifecycle.planned_release import planned_release

from .conftest import charter
from .test_centre import BEFORE, LATER, _known

GUARDRAILS = [
    {"metric": "latency", "limit": 0.02, "above_ms": 50},
    {"metric": "action", "limit": 0.4, "action": "call", "column": "group", "group": "a"},
]


def _given(strategy: str, *, data: dict[str, Any] | None = None, **release: Any) -> Charter:
    stages = {"stages": [{"region": "north"}]} if strategy == "staged" else {}
    return charter(
        value={"actions": {"call": {"yes": 12, "no": 8}, "skip": 10}},
        data={"label_delay": "100 rows", "revealed_by": [], **(data or {})},
        release={
            "strategy": strategy,
            "steps": [0.5],
            "loss_budget_per_year": 36_000,
            "guardrails": GUARDRAILS,
            **stages,
            **release,
        },
    )


def _plan(given: Charter) -> ReleasePlan:
    state = ReleaseState("calls", champion=Live(1, "b"))
    return planned_release(given, state, *_known(*BEFORE), 2, LATER)


def test_a_shadow_is_planned_on_pairs_and_takes_fewer_units_than_a_canary() -> None:
    canary, shadow = _plan(_given("canary")), _plan(_given("shadow"))
    assert {one.share for one in shadow.prospects} == {None}
    assert shadow.rollout.shares == ()
    assert shadow.best.units.expected < canary.best.units.expected
    assert shadow.resolvable
    assert "units on which both versions decide" in shadow.line
    assert "(paired shadow)" not in " ".join(shadow.words)
    assert canary.times_fewer is not None, "a canary says what a shadow would take"


def test_a_share_of_copies_takes_as_many_units_and_more_days() -> None:
    whole, half = _plan(_given("shadow")), _plan(_given("shadow", shadow_share=0.5))
    assert half.best.units == whole.best.units
    waits = whole.pace.waiting_days
    assert half.pace.waiting_days == pytest.approx(waits)
    assert half.best.days - waits == pytest.approx(2 * (whole.best.days - waits))
    assert "50% of them are copied" in half.words[0]


@pytest.mark.parametrize("data", [{"moved_by": ["call"]}, {"revealed_by": ["call"]}])
def test_a_shadow_that_cannot_tell_value_says_so_and_what_guardrails_take(
    data: dict[str, Any],
) -> None:
    plan = _plan(_given("shadow", data=data))
    assert plan.prospects == plan.worse == ()
    assert not plan.resolvable
    assert "Value cannot be resolved by this shadow, however long it runs" in plan.line
    assert f"data.{next(iter(data))}" in plan.line
    assert "Guardrails alone decide" in plan.line
    assert "shows nothing of `answers over 50 ms in at most 0.02`" in plan.line
    document = json.loads(json.dumps(plan.document(), allow_nan=False))
    assert document["value_told"] is False


def test_stages_tell_no_value_but_beside_a_control_share() -> None:
    bare = _plan(_given("staged"))
    assert "tells regions apart and not versions" in bare.line
    assert bare.prospects == ()
    beside = _plan(_given("staged", control_share=0.1))
    assert beside.rollout.against == "control"
    assert {one.share for one in beside.prospects} == {0.9}
    assert beside.promised.mean == pytest.approx(0.8), "its uplift over the baseline"
    assert "worse than the control" not in bare.line
    none = _plan(_given("staged", guardrails=[]))
    assert "Add `release.guardrails`." in none.line


def test_guardrails_say_how_many_cases_they_take_and_await_no_outcome() -> None:
    plan = _plan(_given("canary"))
    slow, group = plan.kept
    assert slow.decisions is not None
    assert slow.decisions == pytest.approx(2 * slow.cases.expected), "half of traffic speaks"
    assert slow.days == pytest.approx(plan.pace.days(slow.decisions) - plan.pace.waiting_days)
    assert group.decisions is group.days is None, "nobody knows how often the group comes"
    told = " ".join(plan.words)
    assert "`answers over 50 ms in at most 0.02` awaits no outcome" in told
    assert "cases of that group." in told
    assert "is rolled back after about" in told
    (worse,) = plan.worse
    assert worse.difference == pytest.approx(-plan.promised.mean)


def test_a_release_that_waits_for_no_evidence_has_no_plan() -> None:
    with pytest.raises(CheckFailed, match="no canary to plan"):
        _plan(_given("blue_green"))
