"""From the ledger's entries to how each response stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.evidence.digest import canonical_bytes
from assay.evidence.entry import check_entry
from assay.evidence.event import GENESIS, Event, EventType, chained
from assay.evidence.response_fold import ResponsesState, responses

NOW = datetime(2026, 5, 1, tzinfo=UTC)
Written = tuple[EventType, Mapping[str, Any]]


def _events(*written: Written) -> Iterator[Event]:
    for place, (type_, document) in enumerate(written, start=1):
        content = canonical_bytes({"at": NOW.isoformat(), **document})
        check_entry("response:bank", type_, content)
        yield chained(place, "response:bank", place, type_, content, GENESIS)


def _state(*written: Written) -> ResponsesState:
    return responses(_events(*written))["bank"]


def _proposed(id_: str, kind: str = "retrain") -> Written:
    fields = {"id": id_, "kind": kind, "target": "", "text": kind, "standing": 1}
    return EventType.RESPONSE_PROPOSED, {**fields, "alerts": ["a"], "remedies": []}


def _signed(id_: str, person: str) -> Written:
    who = {"person": person, "role": "product_manager", "subject_digest": "d"}
    return EventType.RESPONSE_SIGNED, {"id": id_, **who}


TAKEN: Written = (EventType.RESPONSE_TAKEN, {"id": "ab1", "kind": "retrain", "reason": "done"})
DECLINED: Written = (EventType.RESPONSE_DECLINED, {"id": "ab1", "by": "Ana", "reason": "no"})
EXPIRED: Written = (EventType.RESPONSE_EXPIRED, {"id": "ab1", "reason": "over"})


def test_a_response_goes_from_proposed_over_signed_to_taken() -> None:
    state = _state(_proposed("ab1"), _signed("ab1", "Ana"), TAKEN)
    one = state.every[0]
    assert (one.status, one.reason, one.open) == ("taken", "done", False)
    assert [signed.person for signed in one.signatures] == ["Ana"]
    assert state.taken == (one,)
    assert state.open is None
    assert state.revision == 3
    assert "at" not in one.proposed


@pytest.mark.parametrize(("end", "status"), [(DECLINED, "declined"), (EXPIRED, "expired")])
def test_what_has_ended_changes_no_more(end: Written, status: str) -> None:
    state = _state(_proposed("ab1"), end, _signed("ab1", "Rui"), DECLINED, EXPIRED)
    assert state.every[0].status == status
    assert state.every[0].signatures == ()
    again = _state(_proposed("ab1"), end, _proposed("ab1"))
    assert again.open is not None


def test_a_response_is_found_by_how_its_id_begins() -> None:
    state = _state(_proposed("ab1"), _proposed("ac2"))
    assert state.named("ab") == state.every[0]
    assert state.named("a") is None
    assert state.named("") is None


def test_a_deed_that_nobody_proposed_stands_by_itself() -> None:
    state = _state((EventType.RESPONSE_TAKEN, {"kind": "retrain", "reason": "by hand"}))
    assert state.taken[0].kind == "retrain"
    assert state.taken[0].proposed == {}


def test_other_subjects_are_passed_over() -> None:
    event = chained(1, "alert:bank", 1, "alert.closed", b"{}", GENESIS)
    assert responses([event]) == {}
