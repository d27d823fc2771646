"""Each way of going live: what gateways are told on the way, and what holds it up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from assay.adapters.memory_ledger import MemoryLedger
from assay.charter.charter import Charter
from assay.deploy.desired import Arm, Desired, desired_state
from assay.deploy.freeze import frozen
from assay.deploy.release import (
    Entry,
    fall_back,
    pause,
    promote,
    resume,
    roll_back,
    start_release,
    step,
)
from assay.deploy.release_step import Ruling, Step, release_step
from assay.errors import CheckFailed
from assay.evidence.candidate import Candidate
from assay.evidence.folds import ReleaseState, releases
from assay.evidence.gate import Verdict

MakeCharter = Callable[..., Charter]
MakeCandidate = Callable[..., tuple[Candidate, Verdict]]
NORTH, SOUTH = {"region": "north"}, {"region": "south", "size": "big"}
FIRST, SECOND = f"{1:064d}", f"{2:064d}"


class Line:
    """Versions 1 and 2 under one charter: the first serves, the second is released."""

    def __init__(self, charter: Charter, make: MakeCandidate, now: datetime, first: bool) -> None:
        self.ledger, self.charter, self.make, self.now = MemoryLedger(), charter, make, now
        if first:
            at_once = charter.model_copy(
                update={"release": charter.release.model_copy(update={"strategy": "immediate"})}
            )
            self.take(start_release(at_once, *make(at_once, 1), self.state, salt="a", at=now))
        self.take(start_release(charter, *self.pair, self.state, salt="b", at=now))

    @property
    def pair(self) -> tuple[Candidate, Verdict]:
        return self.make(self.charter, 2)

    @property
    def state(self) -> ReleaseState:
        return releases(self.ledger.events()).get("bank", ReleaseState("bank"))

    def take(self, entry: Entry) -> None:
        self.ledger.append(entry.subject, entry.type.value, entry.content, entry.expected)

    def told(self, **labels: str) -> Desired:
        found = desired_state(self.charter, self.state, self.state.revision, labels)
        assert Desired.read(found.encode()) == found
        return found

    def step(self) -> None:
        self.take(step(self.charter, *self.pair, self.state, reason="good", at=self.now))


@pytest.fixture
def line(
    make_charter: MakeCharter, make_candidate: MakeCandidate, now: datetime
) -> Callable[..., Line]:
    def make(*, first: bool = True, **release: object) -> Line:
        return Line(make_charter(**release), make_candidate, now, first)

    return make


def test_blue_green_loads_first_flips_then_and_keeps_the_old_one_warm(
    line: Callable[..., Line],
) -> None:
    one = line(strategy="blue_green")
    assert one.told().arms == (Arm("champion", 1, FIRST, 1.0),)
    assert one.told().warm == (SECOND,)
    one.step()
    assert one.told().arms == (Arm("champion", 2, SECOND, 1.0),)
    assert one.told().warm == (FIRST,), "the way back waits for nothing"
    one.take(roll_back(one.state, reason="r", at=one.now))
    assert (one.told().arms, one.told().warm) == ((Arm("champion", 1, FIRST, 1.0),), ())


def test_a_first_blue_green_release_serves_nothing_before_its_flip(
    line: Callable[..., Line],
) -> None:
    one = line(first=False, strategy="blue_green")
    assert (one.told().arms, one.told().warm) == ((), (SECOND,))


def test_a_shadow_answers_nobody(line: Callable[..., Line]) -> None:
    one = line(strategy="shadow", shadow_share=0.25)
    told = one.told()
    assert told.arms == (Arm("champion", 1, FIRST, 1.0),)
    assert (told.shadow, told.shadow_share) == (Arm("shadow", 2, SECOND, 0.0), 0.25)
    assert told.challenger_weight == 0.0
    one.take(promote(one.charter, *one.pair, one.state, reason="good", at=one.now))
    assert (one.told().arms, one.told().shadow) == ((Arm("champion", 2, SECOND, 1.0),), None)


def test_a_first_shadow_scores_beside_the_baseline(line: Callable[..., Line]) -> None:
    told = line(first=False, strategy="shadow").told()
    assert told.arms == (Arm("baseline", 2, SECOND, 1.0, "nobody"),)
    assert told.shadow == Arm("shadow", 2, SECOND, 0.0)


def test_a_staged_release_takes_one_part_of_the_fleet_after_another(
    line: Callable[..., Line],
) -> None:
    one = line(strategy="staged", stages=(NORTH, SOUTH))
    old, new = (Arm("champion", 1, FIRST, 1.0),), (Arm("champion", 2, SECOND, 1.0),)
    south = {"region": "south", "size": "big", "rack": "7"}
    assert (one.told(region="north").arms, one.told(region="north").warm) == (new, (FIRST,))
    assert (one.told(**south).arms, one.told(**south).warm) == (old, (SECOND,))
    assert (one.told().arms, one.told(region="west").arms) == (old, old)
    one.step()
    assert one.told(**south).arms == new
    assert one.told(region="south", size="small").arms == old, "every label of a stage must match"
    one.step()
    assert one.told(region="west").arms == new, "after its last stage it is promoted"
    assert one.state.challenger is None


def test_a_staged_release_is_rolled_back_everywhere_at_once(line: Callable[..., Line]) -> None:
    one = line(strategy="staged", stages=(NORTH,))
    one.take(roll_back(one.state, reason="r", at=one.now))
    assert one.told(region="north").arms == (Arm("champion", 1, FIRST, 1.0),)
    assert one.state.stages == ()


def test_a_pause_stops_steps_and_promotion_and_no_way_back(line: Callable[..., Line]) -> None:
    one = line(strategy="canary")
    with pytest.raises(CheckFailed, match="it is not paused"):
        resume(one.state, reason="r", at=one.now)
    one.take(pause(one.state, reason="the call centre is full", at=one.now))
    for forward in (step, promote):
        with pytest.raises(CheckFailed, match=r"paused \(the call centre is full\)"):
            forward(one.charter, *one.pair, one.state, reason="r", at=one.now)
    with pytest.raises(CheckFailed, match="paused already"):
        pause(one.state, reason="r", at=one.now)
    assert one.told().challenger_weight == 0.1, "what is tried goes on as it is"
    assert roll_back(one.state, reason="r", at=one.now).document["to"] == 1
    assert fall_back(one.state, "nobody", reason="r", at=one.now).document["version"] == 1
    one.take(resume(one.state, reason="r", at=one.now))
    one.step()
    assert one.state.weight == 0.5
    one.take(pause(one.state, reason="r", at=one.now))
    one.take(roll_back(one.state, reason="r", at=one.now))
    assert not one.state.paused
    with pytest.raises(CheckFailed, match="no release is running"):
        pause(one.state, reason="r", at=one.now)


def test_a_freeze_says_until_when_in_the_charter_s_time_zone(make_charter: MakeCharter) -> None:
    made = make_charter(
        freeze=(
            {"begin": "2026-12-20", "end": "2027-01-01", "why": "the year ends"},
            {"weekdays": ("sat", "sun"), "why": "nobody is there"},
        )
    )
    there = made.monitoring.model_copy(update={"time_zone": "America/New_York"})
    charter = made.model_copy(update={"monitoring": there})
    assert frozen(charter, datetime(2026, 12, 18, 12, tzinfo=UTC)) is None
    assert frozen(charter, datetime(2026, 12, 19, 4, 59, tzinfo=UTC)) is None, "Friday there"
    held = frozen(charter, datetime(2026, 12, 19, 5, 0, tzinfo=UTC))
    assert held is not None
    assert held.why == "nobody is there"
    # the weekend, the freeze, and the weekend after it are one
    assert held.until == datetime(2027, 1, 4, 5, tzinfo=UTC)
    assert str(held) == "Nothing new goes live until 2027-01-04 00:00 EST: nobody is there."
    always = make_charter(freeze=({"weekdays": ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},))
    assert "has no end" in str(frozen(always, datetime(2026, 12, 19, tzinfo=UTC)))


def test_a_freeze_refuses_what_goes_forward_alone(
    line: Callable[..., Line], make_charter: MakeCharter, make_candidate: MakeCandidate
) -> None:
    one = line(strategy="canary", freeze=({"begin": "2026-06-01", "end": "2026-06-03"},))
    at = datetime(2026, 6, 2, tzinfo=UTC)
    for forward in (step, promote):
        with pytest.raises(CheckFailed, match="until 2026-06-04 00:00 UTC: a freeze was agreed"):
            forward(one.charter, *one.pair, one.state, reason="r", at=at)
    for entry in (
        pause(one.state, reason="r", at=at),
        roll_back(one.state, reason="r", at=at),
        fall_back(one.state, "nobody", reason="r", at=at),
    ):
        assert entry.expected == one.state.revision
    with pytest.raises(CheckFailed, match="every way back stay possible"):
        start_release(
            one.charter, *make_candidate(one.charter, 3), ReleaseState("bank"), salt="s", at=at
        )


GOOD, BAD, OPEN = Ruling("promote", "better"), Ruling("roll_back", "worse"), Ruling("hold", "early")


@pytest.mark.parametrize(
    ("release", "ruling", "hours", "does"),
    [
        ({"strategy": "canary"}, None, 99, "hold"),
        ({"strategy": "canary"}, OPEN, 99, "hold"),
        ({"strategy": "canary"}, GOOD, 0, "promote"),
        ({"strategy": "canary"}, BAD, 0, "roll_back"),
        ({"strategy": "canary", "soak": "6 hours"}, OPEN, 5, "hold"),
        ({"strategy": "canary", "soak": "6 hours"}, GOOD, 5, "hold"),
        ({"strategy": "canary", "soak": "6 hours"}, BAD, 5, "roll_back"),
        ({"strategy": "canary", "soak": "6 hours"}, OPEN, 6, "step"),
        ({"strategy": "canary", "soak": "6 hours"}, GOOD, 6, "promote"),
        ({"strategy": "canary", "soak": "6 hours", "steps": (0.1,)}, OPEN, 6, "hold"),
        ({"strategy": "canary", "soak": "6 hours"}, Ruling("hold", "x", sound=False), 6, "hold"),
        ({"strategy": "shadow", "soak": "1 day"}, OPEN, 48, "hold"),
        ({"strategy": "shadow", "soak": "1 day"}, GOOD, 48, "promote"),
        ({"strategy": "staged", "stages": (NORTH, SOUTH)}, OPEN, 48, "hold"),
        ({"strategy": "staged", "stages": (NORTH, SOUTH)}, GOOD, 48, "step"),
        ({"strategy": "staged", "stages": (NORTH, SOUTH), "soak": "1 day"}, OPEN, 48, "step"),
        ({"strategy": "staged", "stages": (NORTH,), "soak": "1 day"}, OPEN, 48, "hold"),
        ({"strategy": "staged", "stages": (NORTH,), "soak": "1 day"}, GOOD, 48, "promote"),
        ({"strategy": "blue_green", "soak": "1 hour"}, None, 0, "hold"),
        ({"strategy": "blue_green", "soak": "1 hour"}, None, 1, "promote"),
    ],
)
def test_what_a_running_release_does_next(
    line: Callable[..., Line],
    release: dict[str, object],
    ruling: Ruling | None,
    hours: int,
    does: str,
) -> None:
    one = line(**release)
    at = one.now + timedelta(hours=hours)
    found = release_step(one.charter, one.state, at, ruling)
    assert found is not None
    assert found.do == does
    assert found.reason
    if does != "roll_back":
        missing = release_step(one.charter, one.state, at, ruling, missing=("No sign-off.",))
        assert missing == Step("hold", "The gate is closed. No sign-off.")


def test_nothing_on_its_way_has_no_next_step(make_charter: MakeCharter, now: datetime) -> None:
    assert release_step(make_charter(), ReleaseState("bank"), now, GOOD) is None


def test_a_pause_begins_the_soak_anew(line: Callable[..., Line]) -> None:
    one = line(strategy="canary", soak="6 hours")
    later = one.now + timedelta(hours=9)
    one.take(pause(one.state, reason="wait", at=one.now))
    assert release_step(one.charter, one.state, later, GOOD) == Step("hold", "Paused: wait.")
    one.take(resume(one.state, reason="go", at=later))
    found = release_step(one.charter, one.state, later + timedelta(hours=5), GOOD)
    assert found == Step("hold", "It stays on this step until 2026-05-05 03:00 UTC.")


def test_what_is_not_loaded_everywhere_is_not_flipped(line: Callable[..., Line]) -> None:
    one = line(strategy="blue_green")
    found = release_step(one.charter, one.state, one.now, None, waits="It waits for agent e1.")
    assert found == Step("hold", "It waits for agent e1.")
