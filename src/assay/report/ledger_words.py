"""Ledger entries in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay.evidence.event import Event, EventType

__all__ = ["in_words"]


def in_words(event: Event) -> str:
    """Say in one line what happened.

    >>> from assay.evidence.event import GENESIS, chained
    >>> event = chained(1, "alert:bank", 1, "alert.closed", b'{"id":"7","reason":"gone"}', GENESIS)
    >>> in_words(event)
    'alert 7 closed: gone'
    """
    tell = _WORDS.get(event.type)
    return event.type if tell is None else tell(event.data)


def _passed(data: Mapping[str, Any]) -> str:
    return "holds" if data["passed"] else "does not hold"


def _gate(data: Mapping[str, Any]) -> str:
    if data["open"]:
        return "the gate is open"
    count = len(data["reasons"])
    return f"the gate is closed, for {count} reason{'' if count == 1 else 's'}"


def _started(data: Mapping[str, Any]) -> str:
    share = f" with {data['weight']:.0%} of traffic" if data["strategy"] == "canary" else ""
    share += f" for {_labels(data)}" if data.get("labels") else ""
    reason = f" ({data['reason']})" if data.get("reason") else ""
    return f"release of version {data['version']} started, {data['strategy']}{share}{reason}"


def _stepped(data: Mapping[str, Any]) -> str:
    what = _labels(data) if data.get("labels") else f"{data['weight']:.0%} of traffic"
    return f"version {data['version']} gets {what}: {data['reason']}"


def _labels(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in data["labels"].items())


def _rolled_back(data: Mapping[str, Any]) -> str:
    to = ", nothing serves" if data["to"] is None else f" to {data['to']}"
    return f"version {data['version']} rolled back{to}: {data['reason']}"


def _posted(data: Mapping[str, Any]) -> str:
    if "control" in data:
        return f"uplift that the control shows posted as of {data['window']}"
    return f"value of {data['window']} posted for version {data['version']}"


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    EventType.CHARTER_SUBMITTED: lambda d: f"charter {d['digest'][:12]} submitted by {d['by']}",
    EventType.EVIDENCE_RECORDED: lambda d: f"{d['kind']} evidence recorded: {_passed(d)}",
    EventType.MODEL_REGISTERED: lambda d: f"registered with bundle {d['bundle'][:12]}",
    EventType.GATE_DECIDED: _gate,
    EventType.SIGNED: lambda d: f"signed by {d['person']} as {d['role'].replace('_', ' ')}",
    EventType.WAIVED: lambda d: f"{d['check']} waived by {d['person']}: {d['reason']}",
    EventType.PERMISSION_GRANTED: lambda d: f"{d['what']} allowed by {d['by']}: {d['why']}",
    EventType.RELEASE_STARTED: _started,
    EventType.RELEASE_STEPPED: _stepped,
    EventType.RELEASE_PROMOTED: lambda d: f"version {d['version']} promoted: {d['reason']}",
    EventType.RELEASE_ROLLED_BACK: _rolled_back,
    EventType.ALERT_RAISED: lambda d: f"alert {d['id'][:8]}: {d['text']}",
    EventType.ALERT_ESCALATED: lambda d: f"alert {d['id'][:8]} escalated: {d['reason']}",
    EventType.ALERT_ACKNOWLEDGED: lambda d: f"alert {d['id'][:8]} acknowledged by {d['by']}",
    EventType.ALERT_MUTED: lambda d: (
        f"alert {d['id'][:8]} muted by {d['by']} until {d['until'][:16]}: {d['reason']}"
    ),
    EventType.ALERT_UNMUTED: lambda d: f"alert {d['id'][:8]} unmuted by {d['by']}",
    EventType.ALERT_CLOSED: lambda d: f"alert {d['id'][:8]} closed: {d['reason']}",
    EventType.RELEASE_FELL_BACK: lambda d: (
        f"the baseline {d['baseline']} decides in the place of version {d['version']}: "
        f"{d['reason']}"
    ),
    EventType.RELEASE_PAUSED: lambda d: f"version {d['version']} paused: {d['reason']}",
    EventType.RELEASE_RESUMED: lambda d: f"version {d['version']} goes on: {d['reason']}",
    EventType.RESPONSE_PROPOSED: lambda d: f"response {d['id']} proposed: {d['text']}",
    EventType.RESPONSE_SIGNED: lambda d: (
        f"response {d['id']} signed by {d['person']} as {d['role'].replace('_', ' ')}"
    ),
    EventType.RESPONSE_TAKEN: lambda d: f"response: {d['kind']} ({d['reason']})",
    EventType.RESPONSE_DECLINED: lambda d: (
        f"response {d['id']} declined by {d['by']}: {d['reason']}"
    ),
    EventType.RESPONSE_EXPIRED: lambda d: f"response {d['id']} expired: {d['reason']}",
    EventType.VALUE_POSTED: _posted,
}
