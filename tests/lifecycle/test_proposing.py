"""What is proposed, what is not, and that it never goes in a loop."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.people import Role
from assay.evidence.alert_state import AlertState
from assay.evidence.response_fold import ResponsesState, ResponseState
from assay.lifecycle.proposal import Proposal, Remedy, signers
from assay.lifecycle.proposing import Judged, Mark, Plan, best, beyond_doubt, plan, resting
from assay.lifecycle.remedies import ESCALATE
from assay.stats.estimate import Estimate
from assay.value.identification import marked

from .conftest import charter

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CHARTER = charter(response={"every": 3})


def _remedy(kind: Any, mean: float, half: float, cost: float = 0.0, target: str = "") -> Remedy:
    gain = Estimate(mean, mean - half, mean + half, n=500, method="", unit="EUR per day")
    return Remedy(kind, target, f"{kind} {target}".strip(), gain, cost)


def _judged(*remedies: Remedy, standing: int = 1, served: int = 1000, **more: Any) -> Judged:
    since = Mark(NOW - timedelta(days=90), 0)
    every = (*remedies, ESCALATE)
    return Judged(every, standing, since, Mark(NOW, served), cases=500, data="d", **more)


def _alert(id_: str = "a1") -> AlertState:
    return AlertState("calls", id_, "value", "below the floor", NOW, {})


def _planned(judged: Judged, *before: ResponseState, alerts: Any = None, **how: Any) -> Plan:
    open_ = [_alert()] if alerts is None else alerts
    made = how.pop("charter", CHARTER)
    return plan(made, judged, open_, ResponsesState("calls", len(before), before), **how)


def _state(found: Plan, **changes: Any) -> ResponseState:
    proposal = found.proposal
    assert proposal is not None
    one = ResponseState(proposal.id, proposal.chosen.kind, proposal.document(), NOW)
    return replace(one, **changes)


SURE, UNSURE = _remedy("recalibrate", 50, 10), _remedy("retrain", 80, 150)


def test_the_best_sure_one_is_proposed_with_all_that_it_was_chosen_among() -> None:
    found = _planned(_judged(UNSURE, SURE, _remedy("fall_back", 20, 5, target="nobody")))
    proposal = found.proposal
    assert proposal is not None
    assert proposal.chosen == SURE
    assert len(proposal.remedies) == 4
    assert proposal.alerts == ("a1",)
    assert (proposal.standing, proposal.data, proposal.cases) == (1, "d", 500)
    assert not proposal.alone
    assert proposal.needs == (Role.PRODUCT_MANAGER,)
    assert Proposal.from_document(proposal.document()) == proposal


def test_one_of_many_must_be_surer_than_one_alone() -> None:
    edge = _remedy("recalibrate", 10, 9.5)
    assert beyond_doubt(edge, 1) > 0
    assert beyond_doubt(edge, 6) < 0
    assert best([edge]) == edge
    assert best([edge, *[_remedy("fall_back", -5, 1, target=str(n)) for n in range(5)]]) is None


def test_what_each_is_expected_to_bring_is_told_the_best_first() -> None:
    gain = SURE.gain
    assert gain is not None
    hidden = replace(SURE, text="hidden", gain=marked(gain.shifted(5)))
    told = _judged(replace(UNSURE, cost=70), SURE, hidden).expected
    assert [(text, remark) for text, _, remark in told] == [
        ("hidden", "not identified"),
        ("recalibrate", ""),
        ("retrain", "not sure"),
    ]
    assert told[-1][1].mean == 10


def test_the_cost_counts_and_what_is_not_identified_does_not() -> None:
    assert best([_remedy("retrain", 50, 10, cost=45)]) is None
    gain = SURE.gain
    assert gain is not None
    assert best([replace(SURE, gain=marked(gain))]) is None


def test_without_an_alert_nothing_is_proposed_unless_somebody_asks() -> None:
    judged = _judged(SURE, UNSURE)
    assert _planned(judged, alerts=[]).proposal is None
    assert _planned(judged, alerts=[], muted=[_alert()]).proposal is None
    asked = _planned(judged, alerts=[], asked="retrain").proposal
    assert asked is not None
    assert asked.chosen == UNSURE
    assert _planned(judged, alerts=[], asked="roll_back").words == (
        "There is nothing to roll back here.",
    )
    assert _planned(judged, charter=charter(response={"policy": "static"})).proposal is None


def test_people_are_asked_once_about_what_no_response_answers() -> None:
    first = _planned(_judged(UNSURE))
    assert first.proposal is not None
    assert first.proposal.chosen == ESCALATE
    told = _state(first, status="taken", ended=NOW)
    assert _planned(_judged(UNSURE), told).proposal is None
    again = _planned(_judged(UNSURE), told, alerts=[_alert(), _alert("a2")]).proposal
    assert again is not None
    assert again.alerts == ("a1", "a2")


def test_retrainings_by_the_calendar_come_every_so_many_windows() -> None:
    made = charter(response={"policy": "scheduled", "every": 3})  # windows of 100 rows
    retrain = _remedy("retrain", -5, 1)
    early = replace(_judged(retrain), now=Mark(NOW, 299))
    assert _planned(early, charter=made).proposal is None
    due = _planned(replace(early, now=Mark(NOW, 300)), charter=made)
    assert due.proposal is not None
    taken = _state(due, status="taken", ended=NOW, taken={"served": 300})
    assert _planned(replace(early, now=Mark(NOW, 599)), taken, charter=made).proposal is None
    assert _planned(replace(early, now=Mark(NOW, 600)), taken, charter=made).proposal is not None


def test_what_waits_is_not_proposed_twice_and_runs_out_when_it_is_over() -> None:
    first = _planned(_judged(SURE))
    open_ = _state(first)
    assert _planned(_judged(SURE), open_) == Plan(
        words=(f"The proposal {open_.id} waits: recalibrate.",)
    )
    other = _planned(_judged(_remedy("recalibrate", 1, 5), _remedy("retrain", 90, 5)), open_)
    assert other.proposal is None  # people are deciding
    gone = _planned(_judged(SURE, standing=2), open_)
    assert gone.expired == ((open_.id, "version 1 no longer stands"),)
    assert gone.proposal is not None
    closed = _planned(_judged(SURE), open_, alerts=[])
    assert closed.expired == ((open_.id, "the alerts that it answers are closed"),)
    quiet = _planned(_judged(SURE), open_, alerts=[], muted=[_alert()])
    assert not quiet.expired, "an alert that is muted is still open"
    worse = _planned(_judged(_remedy("recalibrate", -20, 5)), open_)
    assert worse.expired[0][1] == "on the newest cases it would bring -20 EUR per day [-25, -15]"


def test_what_was_declined_stays_so_until_something_is_new() -> None:
    first = _planned(_judged(SURE))
    declined = _state(first, status="declined", ended=NOW, by="Ana", reason="Not in May.")
    still = _planned(_judged(_remedy("recalibrate", 55, 10)), declined)
    assert still.proposal is None
    assert still.words == ("Ana declined this: Not in May.",)
    assert _planned(_judged(SURE, standing=2), declined).proposal is not None
    assert _planned(_judged(SURE), declined, alerts=[_alert(), _alert("a2")]).proposal is not None
    assert _planned(_judged(_remedy("recalibrate", 90, 10)), declined).proposal is not None


def test_what_must_be_settled_first_is_waited_for() -> None:
    found = _planned(_judged(SURE), waiting="Version 2 is being tried.")
    assert (found.proposal, found.words) == (None, ("Version 2 is being tried.",))


def test_who_must_sign() -> None:
    assert signers(CHARTER, "retrain") == (Role.PRODUCT_MANAGER,)
    named = charter(response={"sign_off": {"retrain": ["operations"]}, "alone": ["roll_back"]})
    assert signers(named, "retrain") == (Role.OPERATIONS,)
    assert signers(named, "roll_back") == ()


@given(
    windows=st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=60),
    cooldown=st.integers(0, 3),
    most=st.integers(1, 3),
    length=st.integers(1, 12),
    by_time=st.booleans(),
)
def test_never_more_than_so_many_within_a_period_and_never_too_soon(
    windows: list[tuple[int, bool, bool]], cooldown: int, most: int, length: int, by_time: bool
) -> None:
    period = f"{length} days" if by_time else f"{100 * length} rows"
    made = charter(response={"cooldown": cooldown, "most": most, "period": period})
    states: tuple[ResponseState, ...] = ()
    taken: list[int] = []
    day = 0
    for step, (pause, breached, people) in enumerate(windows):
        day += pause
        now = Mark(NOW + timedelta(days=day), 100 * day)
        judged = replace(_judged(SURE if breached else UNSURE, standing=step), now=now)
        found = plan(made, judged, [_alert(str(step))], ResponsesState("calls", 0, states))
        if found.proposal is None:
            continue
        kind = found.proposal.chosen.kind
        if kind != "escalate" and people:
            taken.append(day)
        ended = {"status": "taken" if people else "declined", "ended": now.at}
        states = (*states, _state(found, taken={"served": now.served}, **ended))
    for place, start in enumerate(taken):
        assert sum(start <= other < start + length for other in taken[place:]) <= most
        if place:
            assert start - taken[place - 1] >= cooldown


def test_resting_says_why() -> None:
    one = _state(_planned(_judged(SURE)), status="taken", ended=NOW, taken={"served": 1000})
    made = charter(response={"cooldown": 2})
    why = resting(made, [one], Mark(NOW, 1199))
    assert why is not None
    assert "`response.cooldown` (2 windows)" in why
    assert resting(made, [one], Mark(NOW, 1200)) is None
    full = resting(charter(response={"most": 1}), [one], Mark(NOW + timedelta(days=29), 9000))
    assert full is not None
    assert "1 response within `response.period` (30 day" in full
    asked = replace(one, kind="escalate")
    assert resting(charter(response={"most": 1}), [asked], Mark(NOW, 1000)) is None


@pytest.mark.parametrize("cost", [0.0, 12.5])
def test_a_remedy_is_read_back_as_it_was(cost: float) -> None:
    for one in (_remedy("fall_back", 3, 1, cost, "nobody"), replace(ESCALATE, note="asked")):
        assert Remedy.from_document(one.document()) == one
