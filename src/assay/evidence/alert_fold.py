"""What the ledger's entries say of alerts, added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from assay.evidence.alert_state import AlertState, Mute, read_per_day
from assay.evidence.event import Event, EventType

__all__ = ["alerts"]


def alerts(events: Iterable[Event]) -> tuple[AlertState, ...]:
    """Fold entries on `alert:<name>` into alerts, in order of their first raising.

    Entries on `value:<name>` are read as well where they are among the events: each posted window
    lists the causes found in it, so that a repeat needs no entry of its own. An entry about
    an alert that is closed, or that nobody raised, does nothing.
    """
    states: list[AlertState] = []
    newest: dict[tuple[str, str], int] = {}
    for event in events:
        kind, _, model = event.subject.partition(":")
        if kind == "alert":
            _told(states, newest, model, event)
        elif kind == "value" and event.type == EventType.VALUE_POSTED:
            _repeats(states, newest, model, event.data)
    return tuple(states)


def _told(
    states: list[AlertState], newest: dict[tuple[str, str], int], model: str, event: Event
) -> None:
    data = event.data
    place = newest.get((model, data["id"]))
    if event.type == EventType.ALERT_RAISED and (place is None or not states[place].open):
        newest[model, data["id"]] = len(states)
        states.append(_raised(model, data))
    elif place is not None and states[place].open and event.type in _STEPS:
        states[place] = _STEPS[event.type](states[place], data)


def _repeats(
    states: list[AlertState],
    newest: Mapping[tuple[str, str], int],
    model: str,
    data: Mapping[str, Any],
) -> None:
    found = {(one["kind"], one["metric"], data["version"]): one for one in data.get("found", ())}
    for (of, _), place in newest.items():
        state = states[place]
        if of == model and state.open and state.cause in found:
            a_day = read_per_day(found[state.cause].get("value_per_day"))
            states[place] = replace(
                _in_windows(state, (data["window"],)),
                seen_per_day=state.seen_per_day if a_day is None else a_day,
            )


def _raised(model: str, data: Mapping[str, Any]) -> AlertState:
    return AlertState(
        model=model,
        id=data["id"],
        kind=data["kind"],
        text=data["text"],
        raised_at=_at(data),
        data=data,
        windows=_windows(data),
    )


def _repeated(state: AlertState, data: Mapping[str, Any]) -> AlertState:
    said = {**state.data, **data}
    return replace(_in_windows(state, _windows(data)), text=said["text"], data=said)


def _escalated(state: AlertState, data: Mapping[str, Any]) -> AlertState:
    """Say it again as it is now: what somebody acknowledged before is not this any more."""
    return replace(
        _repeated(state, data),
        escalated_at=_at(data),
        escalated_because=data["reason"],
        acknowledged_by="",
        acknowledged_at=None,
        seen_per_day=None,
    )


def _acknowledged(state: AlertState, data: Mapping[str, Any]) -> AlertState:
    return replace(state, acknowledged_by=data["by"], acknowledged_at=_at(data))


def _muted(state: AlertState, data: Mapping[str, Any]) -> AlertState:
    until = datetime.fromisoformat(data["until"])
    return replace(state, mute=Mute(data["by"], data["reason"], _at(data), until))


def _unmuted(state: AlertState, data: Mapping[str, Any]) -> AlertState:  # noqa: ARG001
    return replace(state, mute=None)


def _closed(state: AlertState, data: Mapping[str, Any]) -> AlertState:
    return replace(
        state,
        closed_at=_at(data),
        closed_because=data["reason"],
        closed_by=str(data.get("by", "")),
    )


_STEPS = {
    EventType.ALERT_RAISED.value: _repeated,
    EventType.ALERT_ESCALATED.value: _escalated,
    EventType.ALERT_ACKNOWLEDGED.value: _acknowledged,
    EventType.ALERT_MUTED.value: _muted,
    EventType.ALERT_UNMUTED.value: _unmuted,
    EventType.ALERT_CLOSED.value: _closed,
}
"""What each type of entry does to an open alert."""


def _windows(data: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(data["windows"]) if "windows" in data else (data.get("window"),)


def _in_windows(state: AlertState, windows: tuple[Any, ...]) -> AlertState:
    fresh = tuple(one for one in windows if one not in state.windows)
    return replace(state, windows=(*state.windows, *fresh))


def _at(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["at"])
