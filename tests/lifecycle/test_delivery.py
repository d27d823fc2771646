"""What is sent, when, and to whom; and that nothing is lost whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.memory_channel import MemoryChannel
from assay.adapters.memory_ledger import MemoryLedger
from assay.adapters.memory_outbox import MemoryOutbox
from assay.charter.monitoring import Channel
from assay.errors import ReceiverDown, ReceiverRefuses
from assay.evidence.digest import canonical_bytes
from assay.lifecycle.delivery import ChannelReport, backoff, deliver, outstanding
from assay.lifecycle.messages import Thread, threads
from assay.ports.outbox import Receipt

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOOK = Channel(name="hook", kind="webhook", address_from="HOOK")
LATER = NOW + timedelta(days=1)


class Story:
    """A ledger of alerts, and one channel that it is told on."""

    def __init__(self, channel: MemoryChannel | None = None, agreed: Channel = HOOK) -> None:
        self.ledger = MemoryLedger()
        self.outbox = MemoryOutbox()
        self.channel = channel or MemoryChannel()
        self.agreed = agreed
        self.at = NOW

    def say(self, what: str, id_: str = "a1", **content: Any) -> Story:
        self.at += timedelta(seconds=1)
        base: dict[str, Any] = {"id": id_, "at": self.at.isoformat()}
        if what in {"raised", "escalated"}:
            base |= {"kind": "value", "text": f"{id_} {what}", "reason": "unheard"}
        if what == "closed":
            base |= {"reason": "quiet"}
        self.ledger.append(
            "alert:bank", f"alert.{what}", canonical_bytes({**base, **content}), None
        )
        return self

    @property
    def threads(self) -> tuple[Thread, ...]:
        return threads(self.ledger.events())

    def send(self, now: datetime = LATER, *, again: bool = False) -> ChannelReport:
        told = [(self.agreed, self.channel)]
        (report,) = deliver(self.threads, told, self.outbox, now, again=again).channels
        return report

    def look(self, now: datetime = LATER) -> ChannelReport:
        (report,) = outstanding(self.threads, [self.agreed], self.outbox, now)
        return report

    @property
    def heard(self) -> list[tuple[str, str]]:
        return [(one.alert, one.what) for one in self.channel.taken]


def _a_day(mean: float) -> dict[str, Any]:
    return {"mean": mean, "low": 0.0, "high": 2 * mean, "n": 9, "method": "", "unit": "EUR per day"}


def test_each_thing_that_happens_is_said_once_and_in_order() -> None:
    story = Story().say("raised").say("raised", "a2")
    assert story.send().delivered == 2
    story.say("raised").say("acknowledged", by="Ana").say("escalated").say("closed")
    assert story.send().delivered == 2
    assert story.send() == ChannelReport("hook")
    assert story.heard == [
        ("a1", "raised"),
        ("a2", "raised"),
        ("a1", "escalated"),
        ("a1", "closed"),
    ]
    assert len({one.id for one in story.channel.taken}) == 4
    closed = story.channel.taken[-1]
    assert (closed.text, closed.reason, closed.kind) == ("a1 escalated", "quiet", "value")
    assert closed.escalated_at is not None
    assert closed.raised_at < closed.escalated_at < closed.at


def test_ids_follow_from_the_ledger() -> None:
    story = Story().say("raised").say("closed").say("raised")
    first, second = story.threads
    assert [one.what for one in first.messages] == ["raised", "closed"]
    assert [one.what for one in second.messages] == ["raised"]
    assert story.threads == (first, second)
    assert first.messages[0].id != second.messages[0].id


def test_a_new_channel_hears_of_what_is_open_and_of_nothing_that_is_over() -> None:
    story = Story().say("raised", "old").say("closed", "old").say("raised", "a1")
    story.send()
    assert story.heard == [("a1", "raised")]


def test_a_channel_that_was_down_hears_of_what_opened_and_closed_meanwhile() -> None:
    story = Story(MemoryChannel([ReceiverDown("down")]))
    assert story.send(NOW) == ChannelReport("hook")
    story.say("raised").say("closed")
    assert story.send(LATER).waiting == 2
    assert story.send(LATER + timedelta(hours=1)).delivered == 2
    assert story.heard == [("a1", "raised"), ("a1", "closed")]


def test_retries_keep_their_time_and_back_off() -> None:
    story = Story(MemoryChannel([ReceiverDown("no answer")] * 3)).say("raised")
    waits, now = [], LATER
    for _ in range(3):
        report = story.send(now)
        assert (report.delivered, report.waiting, report.error) == (0, 1, "no answer")
        assert report.due is not None
        assert story.send(report.due - timedelta(seconds=1)).due == report.due
        assert story.look(now) == report
        waits.append((report.due - now).total_seconds())
        now = report.due
    assert 15 <= waits[0] < 30 <= waits[1] < 60 <= waits[2] < 120
    assert story.send(now) == ChannelReport("hook", delivered=1)


def test_two_misses_in_a_row_let_the_channel_rest() -> None:
    story = Story(MemoryChannel([ReceiverDown("down")] * 2))
    for number in range(5):
        story.say("raised", f"a{number}")
    report = story.send()
    assert (report.delivered, report.waiting) == (0, 5)
    assert story.send(LATER + timedelta(seconds=1)).delivered == 0
    assert report.due is not None
    assert story.send(report.due).delivered == 5
    state = story.outbox.channel("hook")
    assert state is not None
    assert (state.failures, state.due) == (0, None)


def test_one_message_that_always_fails_holds_nothing_else_up() -> None:
    class Picky(MemoryChannel):
        def send(self, message: Any) -> None:
            if message.alert == "bad":
                raise ReceiverDown("a fault of its own")
            super().send(message)

    story = Story(Picky()).say("raised", "bad").say("raised", "a1")
    assert story.send().waiting == 1
    story.say("raised", "a2")
    assert story.send(LATER + timedelta(seconds=2)).waiting == 1
    assert story.heard == [("a1", "raised"), ("a2", "raised")]


def test_what_follows_waits_for_what_came_before() -> None:
    story = Story(MemoryChannel([ReceiverDown("no answer")])).say("raised")
    report = story.send()
    story.say("escalated").say("closed")
    assert story.send(LATER + timedelta(seconds=1)).waiting == 3
    assert story.heard == []
    assert report.due is not None
    story.send(report.due)
    assert story.heard == [("a1", "raised"), ("a1", "escalated"), ("a1", "closed")]


def test_what_has_failed_least_goes_first() -> None:
    class Picky(MemoryChannel):
        def send(self, message: Any) -> None:
            if message.alert.startswith("bad"):
                raise ReceiverDown("a fault of its own")
            super().send(message)

    story = Story(Picky()).say("raised", "bad1").say("raised", "bad2")
    report = story.send()
    assert report.due is not None
    story.say("raised", "a1")
    assert story.send(report.due).delivered == 1
    assert story.heard == [("a1", "raised")]


def test_a_receiver_that_says_when_is_asked_then() -> None:
    story = Story(MemoryChannel([ReceiverDown("busy", 7200)])).say("raised").say("raised", "a2")
    report = story.send()
    assert (report.waiting, report.due) == (2, LATER + timedelta(hours=2))
    assert story.send(LATER + timedelta(hours=1)).delivered == 0
    assert story.send(LATER + timedelta(hours=2)).delivered == 2


def test_what_is_refused_is_shown_and_kept_until_asked_for_again() -> None:
    story = Story(MemoryChannel([ReceiverRefuses("401 Unauthorized")])).say("raised")
    assert story.send() == ChannelReport("hook", refused=1, error="401 Unauthorized")
    story.say("raised", "a2")
    report = story.send(LATER + timedelta(days=9))
    assert (report.delivered, report.refused, report.complete) == (1, 1, False)
    assert story.look().refused == 1
    assert story.send(again=True) == ChannelReport("hook", delivered=1)
    assert story.heard == [("a2", "raised"), ("a1", "raised")]


def test_a_close_is_not_said_where_the_opening_was_refused() -> None:
    story = Story(MemoryChannel([ReceiverRefuses("no")])).say("raised")
    story.send()
    story.say("closed")
    assert story.send().delivered == 0
    assert story.heard == []
    assert story.send(again=True) == ChannelReport("hook", delivered=2)


def test_muted_alerts_are_held_and_said_when_the_mute_ends() -> None:
    story = Story().say("raised", "a1")
    until = (LATER + timedelta(days=7)).isoformat()
    story.say("muted", by="Ana", reason="known", until=until).say("escalated")
    report = story.send()
    assert (report.delivered, report.waiting, report.muted, report.complete) == (0, 0, 2, True)
    assert story.send(LATER + timedelta(days=8)).delivered == 2
    assert story.heard == [("a1", "raised"), ("a1", "escalated")]


def test_unmuting_lets_messages_go() -> None:
    story = Story().say("raised")
    story.say("muted", by="Ana", reason="known", until=(LATER + timedelta(days=7)).isoformat())
    assert story.send().delivered == 0
    story.say("unmuted", by="Ana")
    assert story.send().delivered == 1


def test_closing_under_a_mute_is_said_to_those_who_heard_of_the_alert() -> None:
    heard, unheard = Story(), Story()
    until = (LATER + timedelta(days=7)).isoformat()
    for story in (heard, unheard):
        story.send(NOW)
        story.say("raised")
    heard.send()
    for story in (heard, unheard):
        story.say("muted", by="Ana", reason="known", until=until).say("escalated").say("closed")
        story.send()
    assert heard.heard == [("a1", "raised"), ("a1", "closed")]
    assert unheard.heard == []


def test_a_channel_hears_only_what_costs_enough_or_nobody_knows() -> None:
    dear = Channel(name="dear", kind="webhook", address_from="D", least_per_day=100)
    story = Story(agreed=dear)
    story.send(NOW)
    story.say("raised", "small", value_per_day=_a_day(50)).say("raised", "unknown")
    story.say("raised", "big", value_per_day=_a_day(500)).say("closed", "small")
    story.say("raised", "grows", value_per_day=_a_day(60))
    story.say("escalated", "grows", value_per_day=_a_day(120)).say("closed", "grows")
    story.send()
    assert sorted(story.heard) == [
        ("big", "raised"),
        ("grows", "closed"),
        ("grows", "escalated"),
        ("unknown", "raised"),
    ]
    everything = Story().say("raised", "gain", value_per_day=_a_day(-5))
    assert everything.send().delivered == 1


def test_a_receiver_that_forgets_is_told_open_alerts_each_time() -> None:
    story = Story(MemoryChannel(forgets=True)).say("raised").say("raised", "a2")
    assert story.send().delivered == 2
    story.say("closed", "a2")
    story.send(LATER + timedelta(hours=1))
    story.send(LATER + timedelta(hours=2))
    assert story.heard == [
        ("a1", "raised"),
        ("a2", "raised"),
        ("a2", "closed"),
        ("a1", "raised"),
        ("a1", "raised"),
    ]
    story.channel._failures.append(ReceiverDown("gone"))
    report = story.send(LATER + timedelta(hours=3))
    assert (report.waiting, report.error, report.complete) == (0, "gone", False)


def test_who_is_sending_already_is_left_to_it() -> None:
    story = Story().say("raised")
    with story.outbox.sending():
        assert deliver(story.threads, [(HOOK, story.channel)], story.outbox, NOW).busy
    assert story.heard == []


@given(st.integers(1, 60), st.text(max_size=8))
def test_waits_grow_to_an_hour_and_are_never_short(attempts: int, key: str) -> None:
    longest = min(3600.0, 30.0 * 2 ** (attempts - 1))
    assert longest / 2 <= backoff(attempts, key).total_seconds() <= longest


class Killed(BaseException):
    """The process is gone."""


class MortalOutbox(MemoryOutbox):
    """Dies before it notes a delivery, as often as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.deaths = 0

    def record(self, channel: str, message: str, receipt: Receipt) -> None:
        if receipt.status == "delivered" and self.deaths:
            self.deaths -= 1
            raise Killed
        super().record(channel, message, receipt)

    def die(self) -> None:
        self.deaths += 1


class Life(Story):
    """A story in which anything may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = self.mortal = MortalOutbox()
        self.now = NOW
        self.names: list[str] = []
        self.send(NOW)

    def live(self, step: str) -> None:
        self.now += timedelta(hours=2) if step == "wait" else timedelta(minutes=1)
        self.at = self.now
        steps: dict[str, Callable[[], Any]] = {
            "raise": self._raise,
            "escalate": lambda: self.say("escalated", self.names[-1]),
            "close": lambda: self.say("closed", self.names[-1]),
            "down": lambda: self.channel._failures.append(ReceiverDown("down")),
            "refuse": lambda: self.channel._failures.append(ReceiverRefuses("refused")),
            "die": self.mortal.die,
            "send": self._send,
        }
        if step in steps and (self.names or step not in {"escalate", "close"}):
            steps[step]()

    def mend(self) -> None:
        self.channel._failures.clear()
        self.mortal.deaths = 0

    def _raise(self) -> None:
        self.names.append(f"a{len(self.names)}")
        self.say("raised", self.names[-1])

    def _send(self) -> None:
        with suppress(Killed):
            self.send(self.now)


_STEPS = ["raise", "escalate", "close", "down", "refuse", "die", "send", "wait"]


@given(st.lists(st.sampled_from(_STEPS), max_size=40))
def test_nothing_is_lost_and_nothing_is_out_of_order(steps: Sequence[str]) -> None:
    life = Life()
    for step in steps:
        life.live(step)
    life.mend()
    assert life.send(life.now + timedelta(days=1), again=True).complete
    said = [[one.id for one in thread.messages] for thread in life.threads]
    got = [one.id for one in life.channel.taken]
    assert set(got) == {id_ for ids in said for id_ in ids}
    assert len(got) - len(set(got)) <= steps.count("die")
    if "refuse" not in steps:
        firsts = list(dict.fromkeys(got))
        assert all([id_ for id_ in firsts if id_ in ids] == ids for ids in said)
    assert life.send(life.now + timedelta(days=2)) == ChannelReport("hook")
