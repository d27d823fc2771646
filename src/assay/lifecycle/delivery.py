"""Alerts brought to their receivers: each at least once, under an id that stays.

What is to be sent follows from the ledger; what was delivered is recorded after the receiver
acknowledged it. So nothing is lost where a receiver is down or this process is killed, and what was
sent but not recorded goes out once more under the same id: a receiver that drops ids it has seen
gets each message exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile

from assay.charter.monitoring import Channel
from assay.errors import ReceiverDown, ReceiverRefuses
from assay.evidence.digest import digest_of
from assay.lifecycle.messages import Thread
from assay.ports.alert_channel import AlertChannel, Message
from assay.ports.outbox import ChannelState, Outbox, Receipt

__all__ = ["ChannelReport", "Delivery", "backoff", "deliver", "outstanding"]

_FIRST, _LONGEST = timedelta(seconds=30), timedelta(hours=1)
_MISSES = 2
"""Messages in a row that a receiver does not take before the others wait: it is down."""


@dataclass(frozen=True)
class ChannelReport:
    """What came of one channel: delivered just now, still waiting, refused, and held by a mute.

    `due` is when waiting messages are tried again, `error` what the receiver said last.
    """

    channel: str
    delivered: int = 0
    waiting: int = 0
    refused: int = 0
    muted: int = 0
    due: datetime | None = None
    error: str = ""

    @property
    def complete(self) -> bool:
        """Whether all that there is to say has been acknowledged."""
        return not self.waiting and not self.refused and not self.error


@dataclass(frozen=True)
class Delivery:
    """What came of every channel; `busy` where another process was sending already."""

    channels: tuple[ChannelReport, ...] = ()
    busy: bool = False

    @property
    def complete(self) -> bool:
        """Whether every channel has all that there is to say."""
        return all(one.complete for one in self.channels)


def deliver(
    threads: Sequence[Thread],
    channels: Sequence[tuple[Channel, AlertChannel]],
    outbox: Outbox,
    now: datetime,
    *,
    again: bool = False,
) -> Delivery:
    """Send what is due on every channel, and record what was acknowledged.

    `again` asks at once for what was refused and for what is not due yet. A channel hears of
    alerts that are open when it is first used and of later ones, not of what was over before.
    """
    with outbox.sending() as mine:
        if not mine:
            return Delivery(busy=True)
        done = [_Sending(agreed, to, outbox, now, again).run(threads) for agreed, to in channels]
    return Delivery(tuple(done))


def outstanding(
    threads: Sequence[Thread], channels: Sequence[Channel], outbox: Outbox, now: datetime
) -> tuple[ChannelReport, ...]:
    """Return how each channel stands; nothing is sent."""
    return tuple(
        _report(agreed, threads, outbox.receipts(agreed.name), outbox.channel(agreed.name), now)
        for agreed in channels
    )


def backoff(attempts: int, key: str) -> timedelta:
    """Return how long to wait after the nth failure: 30 s, doubled each time, at most an hour.

    Between half and all of that, drawn from the key, so that many do not come back at one moment
    (Brooker 2015, "Exponential backoff and jitter", the "equal jitter").

    >>> [round(backoff(n, "a").total_seconds()) for n in (1, 2, 3, 20)]
    [16, 49, 65, 2597]
    """
    longest = min(_LONGEST, _FIRST * 2.0 ** min(attempts - 1, 20))
    drawn = int(digest_of([key, attempts])[:8], 16) / 16**8
    return longest * (0.5 + 0.5 * drawn)


@dataclass
class _Sending:
    """One channel during one delivery."""

    agreed: Channel
    to: AlertChannel
    outbox: Outbox
    now: datetime
    again: bool
    delivered: int = 0
    misses: int = 0
    error: str = ""

    def run(self, threads: Sequence[Thread]) -> ChannelReport:
        name = self.agreed.name
        state = self.outbox.channel(name)
        if state is None:
            state = ChannelState(_newest(threads))
            self.outbox.keep(name, state)
        if self.again or state.due is None or state.due <= self.now:
            self._send_due(threads, state)
        report = _report(
            self.agreed, threads, self.outbox.receipts(name), self.outbox.channel(name), self.now
        )
        error = self.error or ("" if report.complete else report.error)
        return replace(report, delivered=self.delivered, error=error)

    def _send_due(self, threads: Sequence[Thread], state: ChannelState) -> None:
        receipts = self.outbox.receipts(self.agreed.name)
        if self.again:
            receipts = {id_: _asked_anew(receipt) for id_, receipt in receipts.items()}
        queues = [
            list(takewhile(lambda one: self._asked(receipts.get(one.id)), queue))
            for queue in _queues(self.agreed, threads, receipts, state, self.now)
        ]
        pause = None
        for queue in sorted(filter(None, queues), key=lambda queue: _attempts(queue[0], receipts)):
            pause = self._send_queue(queue, receipts)
            if pause is not None:
                break
        if pause is None and self.to.forgets:
            pause = self._renew(threads)
        if pause is not None:
            failures = state.failures + 1
            wait = max(pause, backoff(failures, self.agreed.name))
            self.outbox.keep(
                self.agreed.name, replace(state, failures=failures, due=self.now + wait)
            )
        elif self.delivered and state.failures:
            self.outbox.keep(self.agreed.name, ChannelState(state.since))

    def _asked(self, receipt: Receipt | None) -> bool:
        """Whether a message's time has come."""
        return self.again or receipt is None or receipt.due is None or receipt.due <= self.now

    def _send_queue(
        self, queue: Sequence[Message], receipts: Mapping[str, Receipt]
    ) -> timedelta | None:
        """Send one alert's messages in order; where the receiver is down, return its rest."""
        for message in queue:
            attempts = _attempts(message, receipts) + 1
            try:
                self.to.send(message)
            except ReceiverRefuses as error:
                self._record(message, Receipt("refused", attempts, self.now, None, str(error)))
                self.misses = 0
            except ReceiverDown as error:
                wait = backoff(attempts, f"{self.agreed.name}/{message.id}")
                due = self.now + max(wait, timedelta(seconds=error.retry_after or 0))
                self._record(message, Receipt("failing", attempts, self.now, due, str(error)))
                self.misses += 1
                rest = self.misses >= _MISSES or error.retry_after is not None
                return timedelta(seconds=error.retry_after or 0) if rest else None
            else:
                self._record(message, Receipt("delivered", attempts, self.now))
                self.delivered += 1
                self.misses = 0
        return None

    def _record(self, message: Message, receipt: Receipt) -> None:
        self.outbox.record(self.agreed.name, message.id, receipt)
        self.error = receipt.error or self.error

    def _renew(self, threads: Sequence[Thread]) -> timedelta | None:
        """Say open alerts again to a receiver that forgets; a failure loses nothing."""
        receipts = self.outbox.receipts(self.agreed.name)
        for thread in threads:
            if not thread.state.open or thread.state.muted(self.now):
                continue
            said = [one for one in thread.messages if _is(receipts, one, "delivered")]
            try:
                if said and receipts[said[-1].id].at < self.now:
                    self.to.send(said[-1])
            except (ReceiverDown, ReceiverRefuses) as error:
                self.error = str(error)
                return timedelta()
        return None


def _queues(
    agreed: Channel,
    threads: Sequence[Thread],
    receipts: Mapping[str, Receipt],
    state: ChannelState,
    now: datetime,
    *,
    refused: bool = False,
) -> Iterator[list[Message]]:
    """Yield what is still to be said of each alert, in order; also what was `refused`, if asked."""
    for thread in threads:
        if thread.state.open and thread.state.muted(now):
            continue
        queue = _unsaid(agreed, thread, receipts, state)
        yield [one for one in queue if refused or not _is(receipts, one, "refused")]


def _unsaid(
    agreed: Channel, thread: Thread, receipts: Mapping[str, Receipt], state: ChannelState
) -> list[Message]:
    """Return the messages of one alert that a channel is to have and has not, mutes aside.

    That an alert closed is said to those only who heard, or are to hear, of its opening.
    """
    alert = thread.state
    if alert.closed_at is not None and thread.end <= state.since:
        return []
    wanted = [one for one in thread.messages if one.what != "closed" and _weighs(agreed, one)]
    if alert.closed_at is not None:
        if alert.muted(alert.closed_at):
            wanted = [one for one in wanted if _is(receipts, one, "delivered")]
        if any(not _is(receipts, one, "refused") for one in wanted):
            wanted += [one for one in thread.messages if one.what == "closed"]
    return [one for one in wanted if not _is(receipts, one, "delivered")]


def _weighs(agreed: Channel, message: Message) -> bool:
    """Whether an alert costs enough a day for this channel, or nobody knows what it costs."""
    a_day = message.value_per_day
    return a_day is None or not agreed.least_per_day or a_day.mean >= agreed.least_per_day


def _report(
    agreed: Channel,
    threads: Sequence[Thread],
    receipts: Mapping[str, Receipt],
    state: ChannelState | None,
    now: datetime,
) -> ChannelReport:
    since = state or ChannelState(_newest(threads))
    muted = [one for one in threads if one.state.open and one.state.muted(now)]
    held = sum(len(_unsaid(agreed, one, receipts, since)) for one in muted)
    unsaid = [
        one
        for queue in _queues(agreed, threads, receipts, since, now, refused=True)
        for one in queue
    ]
    told = [receipts[one.id] for one in unsaid if one.id in receipts]
    refused = sum(one.status == "refused" for one in told)
    dues = [one.due for one in told if one.due is not None]
    dues += [since.due] if since.due is not None and since.due > now else []
    last = max(told, key=lambda one: one.at, default=None)
    return ChannelReport(
        channel=agreed.name,
        waiting=len(unsaid) - refused,
        refused=refused,
        muted=held,
        due=max(dues, default=None) if len(unsaid) > refused else None,
        error=last.error if last else "",
    )


def _asked_anew(receipt: Receipt) -> Receipt:
    """Return a receipt as if the receiver had been down where it refused."""
    return replace(receipt, status="failing") if receipt.status == "refused" else receipt


def _newest(threads: Sequence[Thread]) -> int:
    return max((thread.end for thread in threads), default=0)


def _attempts(message: Message, receipts: Mapping[str, Receipt]) -> int:
    return receipts[message.id].attempts if message.id in receipts else 0


def _is(receipts: Mapping[str, Receipt], message: Message, status: str) -> bool:
    return message.id in receipts and receipts[message.id].status == status
