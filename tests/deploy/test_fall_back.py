"""A baseline in the champion's place: written down, served, and left again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.charter.charter import Charter
from assay.deploy.desired import Arm, Desired, desired_state
from assay.deploy.release import Entry, before, fall_back, roll_back
from assay.errors import CheckFailed, DataError
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import GENESIS, Event, EventType, chained
from assay.evidence.folds import Live, ReleaseState, releases

MakeCharter = Callable[..., Charter]
NOW = datetime(2026, 5, 1, tzinfo=UTC)
Written = tuple[EventType, Mapping[str, Any]]


def _events(*written: Written) -> Iterator[Event]:
    for place, (type_, document) in enumerate(written, start=1):
        content = canonical_bytes({"at": NOW.isoformat(), **document})
        yield chained(place, "release:bank", place, type_, content, GENESIS)


def _state(*written: Written) -> ReleaseState:
    return releases(_events(*written))["bank"]


def _started(version: int, strategy: str = "immediate", weight: float = 1.0) -> Written:
    fields = {"version": version, "bundle": f"b{version}", "strategy": strategy}
    return EventType.RELEASE_STARTED, {**fields, "weight": weight, "salt": "s", "replaces": None}


def _written(entry: Entry) -> Written:
    return entry.type, entry.document


def _fallen(*more: Written) -> ReleaseState:
    first = (_started(1), _started(2))
    entry = fall_back(_state(*first), "everybody", reason="it pays more", at=NOW)
    return _state(*first, _written(entry), *more)


def test_the_baseline_decides_alone_and_the_version_scores(make_charter: MakeCharter) -> None:
    state = _fallen()
    assert state.champion is None
    assert (state.fallen, state.baseline) == (Live(2, "b2"), "everybody")
    assert state.against == "baseline"
    desired = desired_state(make_charter(), state, state.revision)
    assert desired.arms == (Arm("baseline", 2, "b2", 1.0, "everybody"),)
    assert Desired.read(desired.encode()) == desired


def test_a_lone_baseline_without_a_name_is_refused() -> None:
    state = Desired(revision=1, model="bank", arms=(Arm("baseline", 2, "b2", 1.0),))
    with pytest.raises(DataError, match="or the baseline, then a challenger"):
        Desired.read(state.encode())


def test_rolling_back_a_fall_back_brings_the_version_back_and_then_the_one_before() -> None:
    state = _fallen()
    assert before(state) == Live(2, "b2")
    back = _written(roll_back(state, reason="mended", at=NOW))
    state = _fallen(back)
    assert (state.champion, state.fallen) == (Live(2, "b2"), None)
    assert state.history[-1].what == "came_back"
    assert before(state) == Live(1, "b1")


def test_a_new_version_is_tried_against_the_baseline_that_decides(
    make_charter: MakeCharter,
) -> None:
    state = _fallen(_started(3, "canary", 0.2))
    desired = desired_state(make_charter(), state, state.revision)
    assert desired.arms == (
        Arm("baseline", 3, "b3", 0.8, "everybody"),
        Arm("challenger", 3, "b3", 0.2),
    )
    promoted = (EventType.RELEASE_PROMOTED, {"version": 3, "bundle": "b3", "reason": "better"})
    state = _fallen(_started(3, "canary", 0.2), promoted)
    assert (state.champion, state.fallen) == (Live(3, "b3"), None)
    assert before(state) == Live(2, "b2")
    assert _fallen(_started(3)).fallen is None


def test_a_trial_that_fails_leaves_the_baseline_deciding() -> None:
    back = (EventType.RELEASE_ROLLED_BACK, {"version": 3, "to": None, "reason": "worse"})
    state = _fallen(_started(3, "canary", 0.2), back)
    assert (state.champion, state.challenger, state.fallen) == (None, None, Live(2, "b2"))


def test_nothing_falls_back_from_nothing() -> None:
    with pytest.raises(CheckFailed, match="nothing serves"):
        fall_back(ReleaseState("bank"), "nobody", reason="", at=NOW)


def test_a_fall_back_ends_a_trial_and_only_a_champion_comes_back_from_it() -> None:
    trial = (_started(1), _started(2, "canary", 0.1))
    entry = _written(fall_back(_state(*trial), "nobody", reason="stop", at=NOW))
    state = _state(*trial, entry)
    assert (state.champion, state.challenger, state.fallen) == (None, None, Live(1, "b1"))
    assert before(state) == Live(1, "b1")
    first = (_started(1, "canary", 0.1),)
    entry = _written(fall_back(_state(*first), "nobody", reason="stop", at=NOW))
    state = _state(*first, entry)
    assert (state.fallen, before(state)) == (Live(1, "b1"), None)
    with pytest.raises(CheckFailed, match="nothing to roll back to"):
        roll_back(state, reason="", at=NOW)
