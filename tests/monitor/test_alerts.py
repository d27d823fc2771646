from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from assay.evidence.alert_fold import alerts as alert_fold
from assay.evidence.alert_state import AlertState, Mute
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import GENESIS, Event, EventType, chained
from assay.monitor.alerts import Alert, Changes, Judgement, changes, follow
from assay.monitor.finding import Finding, FindingKind
from assay.stats.estimate import Estimate

ALL: frozenset[FindingKind] = frozenset({"value", "drift"})
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def _a_day(mean: float, half: float = 0.0) -> Estimate:
    return Estimate(mean, mean - half, mean + half, 100, "", "EUR per day")


def _finding(
    kind: FindingKind = "drift", measured: float = 1.0, a_day: Estimate | None = None
) -> Finding:
    a_day = _a_day(2.5) if a_day is None else a_day
    return Finding(kind, "inputs", measured, "none", f"{measured:g} moved", a_day)


def _judged(
    window: int, *findings: Finding, version: int = 1, judged: frozenset[FindingKind] = ALL
) -> Judgement:
    return Judgement(f"w{window}", version, judged, findings)


def _recorded(alert: Alert, **changed: Any) -> AlertState:
    state: dict[str, Any] = {
        "model": "bank",
        "id": alert.id,
        "kind": alert.finding.kind,
        "text": "",
        "raised_at": WHEN,
        "data": alert.document(),
        "windows": alert.windows[:1],
        "closed_at": None if alert.open else WHEN,
    }
    return AlertState(**(state | changed))


def test_one_cause_is_one_alert_until_it_is_quiet() -> None:
    (alert,) = follow(
        "bank",
        [
            _judged(1, _finding()),
            _judged(2),
            _judged(3, _finding(measured=3)),
            _judged(4),
            _judged(5),
        ],
    )
    assert alert.windows == ("w1", "w3")
    assert alert.finding.measured == 3
    assert (alert.closed, alert.reason) == ("w5", "2 windows in a row without it")
    assert alert.document()["value_per_day"] == _a_day(2.5).document()
    assert alert.document()["age"] == 5


def test_a_window_that_was_not_judged_says_nothing() -> None:
    unjudged = [_judged(i, judged=frozenset()) for i in range(2, 6)]
    (alert,) = follow("bank", [_judged(1, _finding()), *unjudged])
    assert alert.open


def test_a_cause_that_comes_back_is_a_new_alert() -> None:
    windows = [_judged(1, _finding()), _judged(2), _judged(3, _finding())]
    first, second = follow("bank", windows, quiet=1)
    assert first.closed == "w2"
    assert second.open
    assert first.id != second.id
    assert changes([first, second], [_recorded(first, closed_at=None)]).raised == (second,)


def test_alerts_of_a_version_that_no_longer_serves_are_closed() -> None:
    (alert,) = follow("bank", [_judged(1, _finding()), _judged(2, version=2)])
    assert alert.reason == "version 1 no longer serves"
    both = [_judged(1, _finding()), _judged(2, _finding()), _judged(2, version=2)]
    assert follow("bank", both)[0].open


def test_ids_stay_the_same_when_windows_are_added() -> None:
    windows = [_judged(1, _finding("value")), _judged(2, _finding()), _judged(3)]
    short, long = follow("bank", windows[:2]), follow("bank", windows)
    assert [one.id for one in short] == [one.id for one in long]
    assert follow("other", windows)[0].id != long[0].id


def test_the_ledger_is_told_what_is_new_only() -> None:
    (alert,) = follow("bank", [_judged(1, _finding())])
    assert changes([alert], []).raised == (alert,)
    assert changes([alert], [_recorded(alert)]) == changes([], [])
    by_hand = _recorded(alert, closed_at=WHEN, closed_by="Ana")
    assert changes([alert], [by_hand]) == changes([], [])


def test_an_alert_that_later_labels_undo_is_closed() -> None:
    (alert,) = follow("bank", [_judged(1, _finding("value"))])
    ((name, reason),) = changes([], [_recorded(alert)]).closed
    assert name == alert.id
    assert "no longer" in reason
    foreign = _recorded(alert, kind="rollout")
    assert changes([], [foreign]).closed == ()


def test_an_opening_that_moves_back_keeps_the_recorded_alert() -> None:
    (old,) = follow("bank", [_judged(1), _judged(2, _finding("value"))])
    (new,) = follow("bank", [_judged(1, _finding("value")), _judged(2, _finding("value"))])
    assert new.id != old.id
    assert changes([new], [_recorded(old)]) == changes([], [])


@given(st.lists(st.booleans(), max_size=20), st.integers(0, 20))
def test_telling_the_ledger_twice_says_nothing_new(found: list[bool], seen: int) -> None:
    windows = [_judged(i, *([_finding()] if yes else [])) for i, yes in enumerate(found)]
    early = follow("bank", windows[:seen])
    states = {one.id: _recorded(one) for one in early}
    alerts = follow("bank", windows)
    told = changes(alerts, states.values())
    states |= {one.id: _recorded(one, closed_at=None) for one in told.raised}
    states |= {one.id: replace(states[one.id], escalated_at=WHEN) for one in told.escalated}
    for name, _ in told.closed:
        states[name] = _recorded(next(one for one in alerts if one.id == name), closed_at=WHEN)
    assert changes(alerts, states.values()) == changes([], [])
    assert {name for name, one in states.items() if one.open} == {
        one.id for one in alerts if one.open
    }


Views = list[list[bool]]
GAP_FILLED: Views = [
    [True],
    [True, False, False],
    [True, False, False, True],
    [True, True, False, True],
    [True, True, False, True, True],
]
"""Late labels show that the cause never went away."""


class _Ledger:
    """A ledger of one model's alerts, as monitoring writes it and reads it back."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def states(self) -> tuple[AlertState, ...]:
        return alert_fold(self.events)

    def say(self, type_: EventType, content: dict[str, Any]) -> None:
        seq = len(self.events) + 1
        body = canonical_bytes({**content, "at": WHEN.isoformat()})
        self.events.append(chained(seq, "alert:bank", seq, type_, body, GENESIS))

    def take(self, told: Changes) -> None:
        for alert in told.raised:
            self.say(EventType.ALERT_RAISED, alert.document())
        for one in told.escalated:
            self.say(EventType.ALERT_ESCALATED, one.document())
        for id_, reason in told.closed:
            self.say(EventType.ALERT_CLOSED, {"id": id_, "reason": reason})


def _view(found: list[bool]) -> tuple[Alert, ...]:
    return follow(
        "bank", [_judged(i, *([_finding()] if yes else [])) for i, yes in enumerate(found)]
    )


def _open(alerts: Iterable[Alert | AlertState]) -> list[str]:
    return [one.id for one in alerts if one.open]


def test_a_breach_that_late_labels_show_to_run_on_is_open_in_the_ledger() -> None:
    ledger = _Ledger()
    for found in GAP_FILLED:
        ledger.take(changes(_view(found), ledger.states()))
    assert len(_open(ledger.states())) == 1
    assert changes(_view(GAP_FILLED[-1]), ledger.states()) == changes([], [])


def test_an_alert_closed_too_early_is_raised_again() -> None:
    (alert,) = _view([True, True])
    closed = _recorded(alert, closed_at=WHEN, closed_because="2 windows in a row without it")
    assert changes([alert], [closed]).raised == (alert,)


@given(st.lists(st.lists(st.booleans(), max_size=9), max_size=9))
@example(GAP_FILLED)
def test_whatever_views_follow_each_other_the_ledger_has_what_is_open(views: Views) -> None:
    """One open alert in the ledger where the newest view has one, each message once a raise."""
    ledger = _Ledger()
    for found in views:
        alerts = _view(found)
        ledger.take(changes(alerts, ledger.states()))
        assert len(_open(ledger.states())) == len(_open(alerts))
        assert changes(alerts, ledger.states()) == changes([], [])
    said = [(event.data["id"], event.type) for event in ledger.events]
    of_each: dict[str, list[str]] = {}
    for id_, what in said:
        of_each.setdefault(id_, []).append(what)
    once = "(alert.raised (alert.escalated )?(alert.closed |$))*"
    assert all(re.fullmatch(once, " ".join([*told, ""])) for told in of_each.values()), said


def test_what_people_closed_stays_closed_whatever_labels_show() -> None:
    ledger = _Ledger()
    ledger.take(changes(_view([True]), ledger.states()))
    (state,) = ledger.states()
    ledger.say(EventType.ALERT_CLOSED, {"id": state.id, "reason": "known", "by": "Ana"})
    for found in ([True, False], [True, True, True], [True, False, False], [True, False, True]):
        ledger.take(changes(_view(found), ledger.states()))
    assert [one.closed_by for one in ledger.states()] == ["Ana"]


def _waiting(windows: int, **state: Any) -> tuple[str, ...]:
    """Why an alert raised in the first of so many windows is said again."""
    raised = _recorded(follow("bank", [_judged(1, _finding())])[0], **state)
    alerts = follow("bank", [_judged(n, _finding()) for n in range(1, windows + 1)])
    told = changes(alerts, [raised], escalate_after=2, now=WHEN + timedelta(days=1))
    return tuple(one.reason for one in told.escalated)


def test_an_alert_that_nobody_acknowledges_is_said_again_once() -> None:
    assert _waiting(2) == ()
    assert _waiting(3) == ("open for 2 windows more, and nobody acknowledged it",)
    assert _waiting(9, acknowledged_by="Ana", acknowledged_at=WHEN) == ()
    assert _waiting(9, escalated_at=WHEN) == ()
    assert _waiting(9, closed_at=WHEN) == ()
    mute = Mute("Ana", "known", WHEN, WHEN + timedelta(days=7))
    assert _waiting(9, mute=mute) == ()
    assert len(_waiting(9, mute=replace(mute, until=WHEN + timedelta(hours=1)))) == 1


def test_windows_that_went_by_before_it_was_raised_do_not_count() -> None:
    alerts = follow("bank", [_judged(n, _finding()) for n in range(1, 10)])
    assert changes(alerts, [], escalate_after=2).escalated == ()
    recorded = [_recorded(one) for one in alerts]
    assert changes(alerts, recorded, escalate_after=2).escalated == ()


def _grown(told: Estimate | None, now: Estimate, **state: Any) -> tuple[str, ...]:
    data = {"value_per_day": None if told is None else told.document(), "metric": "inputs"}
    (alert,) = follow("bank", [_judged(1, _finding()), _judged(2, _finding(a_day=now))])
    recorded = _recorded(alert, data=data | {"version": 1, "age": 1}, **state)
    return tuple(one.reason for one in changes([alert], [recorded]).escalated)


def test_a_loss_that_surely_doubled_is_said_again_even_if_acknowledged() -> None:
    doubled = "the estimated loss doubled, from 10 EUR per day to 250 EUR per day"
    assert _grown(_a_day(10), _a_day(250, 20)) == (doubled,)
    assert _grown(_a_day(10), _a_day(250, 20), acknowledged_at=WHEN) == (doubled,)
    assert _grown(_a_day(10), _a_day(19, 1)) == ()
    assert _grown(_a_day(10), _a_day(25, 20)) == ()
    assert _grown(None, _a_day(25)) == ()
    assert _grown(_a_day(-10), _a_day(25)) == ()


def test_kinds_that_these_windows_do_not_give_are_left_alone() -> None:
    (alert,) = follow("bank", [_judged(1, _finding("service"))])
    assert changes([], [_recorded(alert)], kinds={"drift"}).closed == ()
    assert len(changes([], [_recorded(alert)]).closed) == 1
