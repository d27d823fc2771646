from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.adapters.memory_ledger import MemoryLedger
from assay.evidence.alert_fold import alerts
from assay.evidence.alert_state import AlertState
from assay.evidence.digest import canonical_bytes
from assay.stats.estimate import Estimate

START = datetime(2026, 1, 2, tzinfo=UTC)
A_DAY = Estimate(10.0, 5.0, 15.0, 100, "", "EUR per day")


class Told:
    """A ledger on which one alert is told of, a minute after the other."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()

    def say(self, what: str, **content: Any) -> Told:
        at = START + timedelta(minutes=self.ledger.head.seq)
        document = {"at": at.isoformat(), "id": "a1", **content}
        self.ledger.append("alert:bank", f"alert.{what}", canonical_bytes(document), None)
        return self

    def raised(self, window: str = "w1", **more: Any) -> Told:
        a_day = A_DAY.document()
        content = {"kind": "value", "metric": "floor", "version": 1, "text": f"in {window}"}
        return self.say("raised", window=window, value_per_day=a_day, **content, **more)

    def posted(self, window: str, *found: dict[str, Any], version: int = 1) -> Told:
        at = (START + timedelta(minutes=self.ledger.head.seq)).isoformat()
        content = {"at": at, "window": window, "arm": "champion", "version": version}
        content |= {"found": list(found)} if found else {}
        self.ledger.append("value:bank", "value.posted", canonical_bytes(content), None)
        return self

    @property
    def state(self) -> AlertState:
        (state,) = alerts(self.ledger.events())
        return state


def _cause(mean: float | None = None, metric: str = "floor") -> dict[str, Any]:
    a_day = None if mean is None else Estimate(mean, mean, mean, 9, "", "EUR per day").document()
    return {"kind": "value", "metric": metric, "value_per_day": a_day}


def test_posted_windows_tell_of_repeats_without_an_entry_of_their_own() -> None:
    told = Told().raised().posted("w1", _cause(10.0)).posted("w2", _cause(30.0))
    told.posted("w3").posted("w4", _cause(metric="loss")).posted("w4", _cause(9.0), version=2)
    told.posted("w5", _cause(None)).posted("w2", _cause(20.0))
    assert told.state.windows == ("w1", "w2", "w5")
    assert told.state.told_per_day == A_DAY
    assert told.state.value_per_day is not None
    assert told.state.value_per_day.mean == 20.0
    told.say("closed", reason="quiet").posted("w6", _cause(99.0))
    assert told.state.windows == ("w1", "w2", "w5")


def test_an_acknowledgement_has_a_name_and_ends_when_the_alert_escalates() -> None:
    told = Told().raised().say("acknowledged", by="Ana")
    assert (told.state.acknowledged, told.state.acknowledged_by) == (True, "Ana")
    told.say("escalated", reason="doubled", text="worse", value_per_day=None)
    state = told.state
    assert (state.acknowledged, state.escalated, state.text) == (False, True, "worse")
    assert state.escalated_because == "doubled"
    assert state.data["metric"] == "floor"
    assert state.value_per_day is None
    told.say("acknowledged", by="Rui")
    assert told.state.acknowledged_by == "Rui"
    assert told.state.escalated


def test_a_mute_has_a_reason_and_an_end_and_leaves_the_alert_open() -> None:
    until = START + timedelta(days=1)
    told = Told().raised().say("muted", by="Ana", reason="known", until=until.isoformat())
    state = told.state
    assert state.open
    assert state.mute is not None
    assert (state.mute.by, state.mute.reason, state.muted_until) == ("Ana", "known", until)
    assert state.muted(START + timedelta(hours=1))
    assert not state.muted(START)
    assert not state.muted(until)
    document = state.document(START + timedelta(hours=1))
    assert (document["muted_because"], document["open"]) == ("known", True)
    assert state.document(until)["muted_until"] is None
    assert told.say("unmuted", by="Ana").state.muted_until is None


def test_what_is_said_of_a_closed_or_unknown_alert_does_nothing() -> None:
    told = Told().raised().say("closed", reason="quiet").say("acknowledged", by="Ana")
    assert not told.state.acknowledged
    assert alerts(Told().say("acknowledged", by="Ana").ledger.events()) == ()


@pytest.mark.parametrize(("stored", "mean"), [(12.5, 12.5), (-3, -3.0), (None, None), ("?", None)])
def test_entries_of_before_estimates_stay_readable(stored: Any, mean: float | None) -> None:
    told = Told().say("raised", kind="value", text="", value_per_day=stored)
    a_day = told.state.value_per_day
    assert (a_day.mean if a_day else None) == mean
    assert told.state.document(START)["value_per_day"] == (a_day.document() if a_day else None)


@pytest.mark.parametrize(
    ("what", "content", "lacks"),
    [
        ("acknowledged", {}, "by"),
        ("muted", {"by": "Ana", "reason": "known"}, "until"),
        ("muted", {"by": "Ana", "until": "2026-01-03T00:00:00+00:00"}, "reason"),
        ("escalated", {}, "reason"),
        ("muted", {"by": "Ana", "reason": "known", "until": "tomorrow"}, "no time with a zone"),
    ],
)
def test_an_entry_says_who_why_and_until_when(what: str, content: Any, lacks: str) -> None:
    with pytest.raises(ValueError, match=lacks):
        Told().say(what, **content)
