"""What there is to say of alerts: it follows from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.evidence.alert_fold import alerts
from assay.evidence.alert_state import AlertState, read_per_day
from assay.evidence.event import Event, EventType
from assay.ports.alert_channel import Message, What

__all__ = ["Thread", "threads"]

_SAID: dict[str, What] = {
    EventType.ALERT_RAISED.value: "raised",
    EventType.ALERT_ESCALATED.value: "escalated",
    EventType.ALERT_CLOSED.value: "closed",
}
_ID = 32


@dataclass(frozen=True)
class Thread:
    """One alert, and everything there is to say of it, in order.

    `end` is the place in the ledger of the last of it.
    """

    state: AlertState
    messages: tuple[Message, ...]
    end: int


def threads(events: Iterable[Event]) -> tuple[Thread, ...]:
    """Return each alert's messages: one when it is raised, escalated and closed.

    Repeats, acknowledgements and mutes have none. A message's id is the digest of the entry that it
    follows from, shortened: reading the ledger again gives the same ids.
    """
    told = [event for event in events if event.subject.startswith("alert:")]
    said: list[list[Message]] = []
    ends: list[int] = []
    open_: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for event in told:
        data, what = event.data, _SAID.get(event.type)
        key = (event.subject, str(data["id"]))
        if what is None or (what == "raised") == (key in open_):
            continue
        if what == "raised":
            open_[key] = (len(said), {"raised_at": data["at"]})
            said.append([])
            ends.append(0)
        place, known = open_[key]
        # An entry that leaves something out leaves it as it was said before.
        known |= data | ({"escalated_at": data["at"]} if what == "escalated" else {})
        said[place].append(_message(event, what, known))
        ends[place] = event.seq
        if what == "closed":
            del open_[key]
    return tuple(map(Thread, alerts(told), map(tuple, said), ends))


def _message(event: Event, what: What, known: Mapping[str, Any]) -> Message:
    return Message(
        id=event.digest[:_ID],
        what=what,
        model=event.subject.removeprefix("alert:"),
        alert=str(known["id"]),
        kind=known["kind"],
        metric=str(known.get("metric", "")),
        version=known.get("version"),
        window=known.get("window"),
        text=known["text"],
        reason=known.get("reason", ""),
        value_per_day=read_per_day(known.get("value_per_day")),
        at=datetime.fromisoformat(known["at"]),
        raised_at=datetime.fromisoformat(known["raised_at"]),
        escalated_at=_moment(known.get("escalated_at")),
    )


def _moment(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
