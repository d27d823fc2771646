"""Alerts on the ledger: what monitoring says of them, and what people do about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from difflib import get_close_matches

from assay.charter.data import Span
from assay.errors import InputError
from assay.evidence.alert_fold import alerts
from assay.evidence.alert_state import AlertState
from assay.evidence.event import EventType
from assay.lifecycle.approval import write
from assay.monitor.alerts import Changes
from assay.monitor.ranking import ranked
from assay.ports.ledger import Ledger

__all__ = [
    "acknowledge",
    "alert_named",
    "alert_states",
    "by_cost",
    "length_of_time",
    "mute",
    "record_changes",
    "unmute",
]

_SHOWN = 5
_YEAR = 366 * 24


def record_changes(ledger: Ledger, model: str, changes: Changes, now: datetime) -> None:
    """Write what the ledger does not know yet of a model's alerts."""
    subject = f"alert:{model}"
    for alert in changes.raised:
        write(ledger, subject, EventType.ALERT_RAISED, alert.document(), now)
    for one in changes.escalated:
        write(ledger, subject, EventType.ALERT_ESCALATED, one.document(), now)
    for id_, reason in changes.closed:
        write(ledger, subject, EventType.ALERT_CLOSED, {"id": id_, "reason": reason}, now)


def alert_states(ledger: Ledger, model: str) -> tuple[AlertState, ...]:
    """Return every alert of a model with its silent repeats, in order of raising."""
    told = [*ledger.events(f"alert:{model}"), *ledger.events(f"value:{model}")]
    return alerts(sorted(told, key=lambda event: event.seq))


def by_cost(states: Iterable[AlertState]) -> tuple[AlertState, ...]:
    """Return alerts with the open ones first, each part ranked by its loss a day."""
    order = ranked(states, lambda one: one.value_per_day, lambda one: one.escalated)
    return tuple(sorted(order, key=lambda one: not one.open))


def acknowledge(ledger: Ledger, model: str, given: str, by: str, now: datetime) -> AlertState:
    """Put a name to having heard of an open alert; once more by the same name writes nothing."""
    alert, person = _to_act_on(ledger, model, given, by)
    if alert.acknowledged_by != person:
        content = {"id": alert.id, "by": person}
        write(ledger, f"alert:{model}", EventType.ALERT_ACKNOWLEDGED, content, now)
    return alert_named(alert_states(ledger, model), alert.id)


def mute(
    ledger: Ledger,
    model: str,
    given: str,
    by: str,
    terms: tuple[str, timedelta],
    now: datetime,
) -> AlertState:
    """Hold back the messages about an open alert; `terms` are why, and for how long.

    The alert itself stays open, and is shown. A second mute takes the place of the first.
    """
    because, length = terms
    if not because.strip():
        raise InputError(
            "A mute needs a reason that everybody can read; none was given. Say it with "
            '`--because "..."`.'
        )
    alert, person = _to_act_on(ledger, model, given, by)
    until = (now + length).isoformat()
    content = {"id": alert.id, "by": person, "reason": because.strip(), "until": until}
    write(ledger, f"alert:{model}", EventType.ALERT_MUTED, content, now)
    return alert_named(alert_states(ledger, model), alert.id)


def unmute(ledger: Ledger, model: str, given: str, by: str, now: datetime) -> AlertState:
    """Let the messages about an open alert go out again; writes nothing where they do."""
    alert, person = _to_act_on(ledger, model, given, by)
    if alert.muted(now):
        content = {"id": alert.id, "by": person}
        write(ledger, f"alert:{model}", EventType.ALERT_UNMUTED, content, now)
    return alert_named(alert_states(ledger, model), alert.id)


def length_of_time(given: str) -> timedelta:
    """Read hours or days, at most a year of them; InputError with how to write them.

    >>> length_of_time("7 days")
    datetime.timedelta(days=7)
    """
    try:
        span = Span.parse(given)
    except ValueError:
        span = Span(count=0, unit="day")
    hours = {"hour": 1, "day": 24}.get(span.unit, 0) * span.count
    if not 0 < hours <= _YEAR:
        raise InputError(
            f"{given!r} is no length of time that a mute can have. Write a whole number of hours "
            "or days, at most a year, such as `7 days`."
        )
    return timedelta(hours=hours)


def alert_named(states: Iterable[AlertState], given: str) -> AlertState:
    """Return the newest alert of an id, or of the only one that begins so.

    InputError names the nearest ids, or the costliest open ones where none is near.
    """
    known = {one.id: one for one in states}
    if given in known:
        return known[given]
    begun = [id_ for id_ in known if given and id_.startswith(given)]
    if len(begun) == 1:
        return known[begun[0]]
    near = begun or get_close_matches(given, known, n=_SHOWN)
    live = [one.id for one in by_cost(known.values()) if one.open]
    said = "More than one alert begins with" if begun else "No alert has the id"
    shown = ", ".join((near or live)[:_SHOWN])
    which = "The nearest" if near else "Those open"
    tail = f"{which}: {shown}." if shown else "None is open."
    raise InputError(f"{said} {given!r}. {tail} `assay alerts` lists them all.")


def _to_act_on(ledger: Ledger, model: str, given: str, by: str) -> tuple[AlertState, str]:
    """Return the open alert that somebody means, and that person's name."""
    if not by.strip():
        raise InputError("This needs your name, and none was given. Say who you are: `--as NAME`.")
    alert = alert_named(alert_states(ledger, model), given)
    if not alert.open:
        raise InputError(
            f"The alert {alert.id} is closed ({alert.closed_because}): there is nothing to hear "
            "of it any more. `assay alerts` lists the open ones."
        )
    return alert, by.strip()
