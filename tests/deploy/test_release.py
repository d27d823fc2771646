"""Releases: refused where the gate is closed, and folding back to what they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from assay.adapters.memory_ledger import MemoryLedger
from assay.charter.charter import Charter
from assay.deploy.desired import Arm, Desired, desired_state
from assay.deploy.release import Entry, promote, roll_back, start_release, step
from assay.errors import CheckFailed, DataError, GateClosed
from assay.evidence.candidate import Candidate
from assay.evidence.folds import Live, ReleaseState, releases
from assay.evidence.gate import Verdict

MakeCharter = Callable[..., Charter]
MakeCandidate = Callable[..., tuple[Candidate, Verdict]]


class _Line:
    """A release's ledger, and the state it folds to."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()

    @property
    def state(self) -> ReleaseState:
        return releases(self.ledger.events()).get("bank", ReleaseState("bank"))

    def take(self, entry: Entry) -> ReleaseState:
        self.ledger.append(entry.subject, entry.type, entry.content, entry.expected)
        return self.state

    def canary(self, charter: Charter, *pairs: tuple[Candidate, Verdict], at: datetime) -> None:
        """Start a canary of each candidate, and promote all but the last."""
        for pair in pairs:
            self.take(start_release(charter, *pair, self.state, salt="s", at=at))
            if pair is not pairs[-1]:
                self.take(promote(charter, *pair, self.state, reason="good", at=at))


@pytest.fixture
def line() -> _Line:
    return _Line()


def test_a_closed_gate_refuses_with_everything_that_is_missing(
    line: _Line, make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> None:
    charter = make_charter()
    candidate, verdict = make_candidate(charter, missing=("sign-off of Ana", "parity evidence"))
    with pytest.raises(GateClosed) as closed:
        start_release(charter, candidate, verdict, line.state, salt="s", at=now)
    assert closed.value.reasons == ("sign-off of Ana", "parity evidence")


def test_a_verdict_on_another_subject_opens_nothing(
    line: _Line, make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> None:
    charter = make_charter()
    candidate, _ = make_candidate(charter, 2)
    _, other = make_candidate(charter, 1)
    with pytest.raises(GateClosed, match="The verdict is on"):
        start_release(charter, candidate, other, line.state, salt="s", at=now)
    changed = make_charter(exploration_share=0.1)
    candidate, verdict = make_candidate(charter, 1)
    with pytest.raises(GateClosed, match="The verdict is on"):
        start_release(changed, candidate, verdict, line.state, salt="s", at=now)


def test_an_immediate_release_takes_the_champions_place(
    line: _Line, make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> None:
    charter = make_charter(strategy="immediate")
    for version in (1, 2):
        pair = make_candidate(charter, version)
        state = line.take(start_release(charter, *pair, line.state, salt=f"s{version}", at=now))
        assert state.champion == Live(version, f"{version:064d}")
        assert not state.running
    desired = desired_state(charter, state, state.revision)
    assert desired.arms == (Arm("champion", 2, f"{2:064d}", 1.0),)
    assert (desired.revision, desired.salt, desired.entity) == (2, "s2", "client")
    with pytest.raises(CheckFailed, match="serves already"):
        start_release(charter, *make_candidate(charter, 2), state, salt="s", at=now)


def test_a_canary_steps_up_and_is_promoted(
    line: _Line, make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> None:
    charter = make_charter(strategy="canary", steps=(0.1, 0.5), capture="async")
    first, second = make_candidate(charter, 1), make_candidate(charter, 2)
    line.canary(charter, first, second, at=now)
    state = line.state
    weights = []
    while state.running:
        desired = desired_state(charter, state, state.revision)
        assert Desired.read(desired.encode()) == desired
        assert [arm.name for arm in desired.arms] == ["champion", "challenger"]
        assert desired.capture == "async"
        weights.append(desired.arms[1].weight)
        state = line.take(step(charter, *second, state, reason="good", at=now))
    assert weights == [0.1, 0.5]
    assert state.champion == Live(2, f"{2:064d}")
    with pytest.raises(CheckFailed, match="not being tried"):
        step(charter, *second, state, reason="again", at=now)


def test_where_nothing_serves_a_canary_is_tried_against_the_baseline(
    line: _Line, make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> None:
    charter = make_charter(strategy="canary", steps=(0.1, 0.5))
    first = make_candidate(charter, 1)
    state = line.take(start_release(charter, *first, line.state, salt="a", at=now))
    assert (state.champion, state.challenger, state.weight) == (None, Live(1, f"{1:064d}"), 0.1)
    assert state.against == "baseline"
    assert state.history[-1].reason == "nothing serves yet: against the baseline nobody"
    desired = desired_state(charter, state, state.revision)
    assert desired.arms == (
        Arm("baseline", 1, f"{1:064d}", 0.9),
        Arm("challenger", 1, f"{1:064d}", 0.1),
    )
    assert Desired.read(desired.encode()) == desired
    state = line.take(step(charter, *first, state, reason="good", at=now))
    assert [arm.weight for arm in desired_state(charter, state, 2).arms] == [0.5, 0.5]
    state = line.take(promote(charter, *first, state, reason="good", at=now))
    assert (state.champion, state.challenger) == (Live(1, f"{1:064d}"), None)
    assert state.against == "champion"
    assert desired_state(charter, state, 3).arms == (Arm("champion", 1, f"{1:064d}", 1.0),)
    with pytest.raises(CheckFailed, match="version 1 only"):
        roll_back(state, reason="r", at=now)


def test_a_first_challenger_rolled_back_leaves_nothing_serving_and_another_may_be_tried(
    line: _Line, make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> None:
    charter = make_charter(strategy="canary")
    line.canary(charter, make_candidate(charter, 1), at=now)
    entry = roll_back(line.state, reason="worse", at=now)
    assert entry.document["to"] is None
    state = line.take(entry)
    assert (state.champion, state.challenger, state.weight) == (None, None, 0.0)
    assert desired_state(charter, state, state.revision).arms == ()
    with pytest.raises(CheckFailed, match="served no version"):
        roll_back(state, reason="r", at=now)
    line.canary(charter, make_candidate(charter, 2), at=now)
    assert (line.state.against, line.state.challenger) == ("baseline", Live(2, f"{2:064d}"))


def test_only_one_release_runs_at_a_time(
    line: _Line, make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> None:
    charter = make_charter(strategy="canary")
    line.canary(charter, make_candidate(charter, 1), make_candidate(charter, 2), at=now)
    with pytest.raises(CheckFailed, match="Version 2 of bank is being tried with 10% of traffic"):
        start_release(charter, *make_candidate(charter, 3), line.state, salt="s", at=now)
    with pytest.raises(CheckFailed, match="version 2 is"):
        promote(charter, *make_candidate(charter, 3), line.state, reason="r", at=now)


def test_a_gate_that_closed_meanwhile_stops_steps_and_promotion_but_never_the_way_back(
    line: _Line, make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> None:
    charter = make_charter(strategy="canary")
    line.canary(charter, make_candidate(charter, 1), make_candidate(charter, 2), at=now)
    closed = make_candidate(charter, 2, missing=("evidence is void",))
    with pytest.raises(GateClosed):
        step(charter, *closed, line.state, reason="r", at=now)
    with pytest.raises(GateClosed):
        promote(charter, *closed, line.state, reason="r", at=now)
    state = line.take(roll_back(line.state, reason="worse", at=now))
    assert (state.running, state.champion) == (False, Live(1, f"{1:064d}"))


def test_a_champion_is_rolled_back_to_the_one_before_and_no_further_than_the_first(
    line: _Line, make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> None:
    charter = make_charter(strategy="immediate")
    with pytest.raises(CheckFailed, match="served no version"):
        roll_back(line.state, reason="r", at=now)
    for version in (1, 2, 3):
        pair = make_candidate(charter, version)
        line.take(start_release(charter, *pair, line.state, salt="s", at=now))
    for version in (2, 1):
        state = line.take(roll_back(line.state, reason="r", at=now))
        assert state.champion == Live(version, f"{version:064d}")
    with pytest.raises(CheckFailed, match="version 1 only"):
        roll_back(line.state, reason="r", at=now)


def test_nothing_released_means_nothing_served(make_charter: MakeCharter) -> None:
    desired = desired_state(make_charter(), ReleaseState("bank"), 0)
    assert desired.arms == ()
    assert Desired.read(desired.encode()) == desired


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"format": 3}, "its format is 3"),
        ({"arms": (Arm("champion", 1, "b", 0.4),)}, "add up to 1"),
        ({"arms": (Arm("champion", 1, "b", -1.0), Arm("challenger", 2, "c", 2.0))}, "outside"),
        ({"arms": (Arm("champion", 1, "b", 0.5),) * 2}, "a champion, then"),
        ({"arms": (Arm("baseline", 1, "b", 1.0),)}, "or the baseline, then a challenger"),
        (
            {"arms": (Arm("baseline", 1, "b", 0.5), Arm("challenger", 2, "c", 0.5))},
            "not that of the challenger's version",
        ),
        ({"exploration_share": 1.5}, "exploration share"),
        ({"control_share": 1.0, "control_salt": "c"}, "control share lies outside"),
        ({"control_share": 0.1}, "no salt of its own"),
        ({"control_share": 0.1, "control_salt": "s", "salt": "s"}, "no salt of its own"),
    ],
)
def test_a_state_that_contradicts_itself_is_refused(fields: dict[str, Any], text: str) -> None:
    state = msgspec.structs.replace(Desired(revision=1, model="bank", arms=()), **fields)
    with pytest.raises(DataError, match=text):
        Desired.read(state.encode())
