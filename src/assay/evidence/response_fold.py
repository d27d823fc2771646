"""What was proposed, signed, declined and done about breaches, as the ledger tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from assay.evidence.event import Event, EventType
from assay.evidence.sign_off import SignOff

__all__ = ["ResponseState", "ResponsesState", "responses"]

_PREFIX = "response:"


@dataclass(frozen=True)
class ResponseState:
    """One proposed response: what was proposed, who signed, and what became of it.

    `proposed` is the proposal's document as it was written. `ended` is when it was declined, ran
    out or was taken, `reason` why; `taken` is what the entry says that was done (`{}` where
    nothing was).
    """

    id: str
    kind: str
    proposed: Mapping[str, Any]
    proposed_at: datetime
    signatures: tuple[SignOff, ...] = ()
    status: Literal["open", "taken", "declined", "expired"] = "open"
    ended: datetime | None = None
    reason: str = ""
    by: str = ""
    taken: Mapping[str, Any] | None = None

    @property
    def open(self) -> bool:
        """Whether it still waits to be signed or acted on."""
        return self.status == "open"


@dataclass(frozen=True)
class ResponsesState:
    """All responses of one use case in the order in which they were proposed.

    `revision` is that of the subject in the ledger: whoever writes expects it there.
    """

    name: str
    revision: int = 0
    every: tuple[ResponseState, ...] = ()

    @property
    def open(self) -> ResponseState | None:
        """The proposal that waits; there is at most one."""
        return next((one for one in self.every if one.open), None)

    @property
    def taken(self) -> tuple[ResponseState, ...]:
        """The responses that were taken, oldest first."""
        return tuple(one for one in self.every if one.status == "taken")

    def named(self, id_: str) -> ResponseState | None:
        """Return the newest response of that id, or of the one id that begins so."""
        found = [one for one in self.every if one.id.startswith(id_)] if id_ else []
        return found[-1] if len({one.id for one in found}) == 1 else None


def responses(events: Iterable[Event]) -> dict[str, ResponsesState]:
    """Fold entries on `response:<name>` into the responses of each use case, by name.

    What comes after a response has ended changes it no more. Entries `response.taken` of responses
    that were never proposed stand by themselves.
    """
    states: dict[str, ResponsesState] = {}
    for event in events:
        if not event.subject.startswith(_PREFIX):
            continue
        name = event.subject.removeprefix(_PREFIX)
        state = states.get(name, ResponsesState(name))
        step = _STEPS.get(event.type)
        every = state.every if step is None else step(state.every, event.data)
        states[name] = replace(state, revision=event.revision, every=every)
    return states


_Every = tuple[ResponseState, ...]


def _proposed(every: _Every, data: Mapping[str, Any]) -> _Every:
    document = {name: value for name, value in data.items() if name != "at"}
    return (*every, ResponseState(data["id"], data["kind"], document, _at(data)))


def _signed(every: _Every, data: Mapping[str, Any]) -> _Every:
    def signed(one: ResponseState) -> ResponseState:
        return replace(one, signatures=(*one.signatures, SignOff.from_document(data)))

    return _changed(every, data["id"], signed)


def _taken(every: _Every, data: Mapping[str, Any]) -> _Every:
    ended = {"status": "taken", "ended": _at(data), "reason": data["reason"], "taken": data}
    id_ = data.get("id", "")
    if not any(one.id == id_ for one in every):
        return (*every, replace(ResponseState(id_, data["kind"], {}, _at(data)), **ended))
    return _changed(every, id_, lambda one: replace(one, **ended))


def _declined(every: _Every, data: Mapping[str, Any]) -> _Every:
    ended = {"status": "declined", "ended": _at(data), "reason": data["reason"], "by": data["by"]}
    return _changed(every, data["id"], lambda one: replace(one, **ended))


def _expired(every: _Every, data: Mapping[str, Any]) -> _Every:
    ended = {"status": "expired", "ended": _at(data), "reason": data["reason"]}
    return _changed(every, data["id"], lambda one: replace(one, **ended))


def _changed(every: _Every, id_: str, change: Any) -> _Every:
    return tuple(change(one) if one.open and one.id == id_ else one for one in every)


def _at(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["at"])


_STEPS = {
    EventType.RESPONSE_PROPOSED.value: _proposed,
    EventType.RESPONSE_SIGNED.value: _signed,
    EventType.RESPONSE_TAKEN.value: _taken,
    EventType.RESPONSE_DECLINED.value: _declined,
    EventType.RESPONSE_EXPIRED.value: _expired,
}
