"""What the ledger's entries add up to: each fold reads events in order and keeps no memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from assay.evidence.alert_fold import alerts
from assay.evidence.event import Event, EventType
from assay.evidence.gate import Waiver
from assay.evidence.release_fold import RELEASE_STEPS
from assay.evidence.sign_off import SignOff
from assay.evidence.states import (
    AlertState,
    CharterState,
    CharterVersion,
    GateDecision,
    Live,
    ModelState,
    Permission,
    Recorded,
    ReleaseState,
    ReleaseStep,
    VersionState,
)

__all__ = [
    "AlertState",
    "CharterState",
    "CharterVersion",
    "GateDecision",
    "Live",
    "ModelState",
    "Permission",
    "Recorded",
    "ReleaseState",
    "ReleaseStep",
    "VersionState",
    "alerts",
    "charters",
    "models",
    "releases",
]


def charters(events: Iterable[Event]) -> dict[str, CharterState]:
    """Fold `charter.submitted` entries into the versions of each charter, by name."""
    states: dict[str, CharterState] = {}
    for event, name in _about(events, "charter"):
        state = states.get(name, CharterState(name))
        if event.type == EventType.CHARTER_SUBMITTED:
            state = replace(state, versions=(*state.versions, _charter_version(state, event)))
        states[name] = replace(state, revision=event.revision)
    return states


def models(events: Iterable[Event]) -> dict[str, ModelState]:
    """Fold entries on `model:<name>/<version>` into the state of each model, by name.

    A later registration of the same version replaces the earlier one; sign-offs on the earlier
    one are then void, since they name its digest.
    """
    states: dict[str, dict[int, VersionState]] = {}
    for event, place in _about(events, "model"):
        name, _, number = place.rpartition("/")
        versions = states.setdefault(name, {})
        version = int(number)
        state = versions.get(version, VersionState(name, version))
        step = _MODEL_STEPS.get(event.type)
        state = state if step is None else step(state, event.data)
        versions[version] = replace(state, revision=event.revision)
    return {name: ModelState(name, versions) for name, versions in states.items()}


def releases(events: Iterable[Event]) -> dict[str, ReleaseState]:
    """Fold entries on `release:<name>` into what serves under each name.

    The name is a model's, with `@environment` behind it outside production. `immediate` puts the
    version in the champion's place at once; every other strategy has it as challenger until it is
    promoted or rolled back: then the champion serves alone, or nothing does. A canary is tried
    against the champion or where there is none the baseline. Rolling back the champion itself
    puts the version named by `to` back in its place, or nothing where it names none. A fall back
    puts a baseline in the champion's place until a version takes it.
    """
    states: dict[str, ReleaseState] = {}
    for event, name in _about(events, "release"):
        state = states.get(name, ReleaseState(name))
        step = RELEASE_STEPS.get(event.type)
        state = state if step is None else step(state, event.data)
        states[name] = replace(state, revision=event.revision)
    return states


def _charter_version(state: CharterState, event: Event) -> CharterVersion:
    data = event.data
    sections: dict[str, str] = data["sections"]
    before = state.versions[-1].sections if state.versions else {}
    names = dict.fromkeys((*before, *sections))
    return CharterVersion(
        number=len(state.versions) + 1,
        digest=data["digest"],
        sections=sections,
        by=data["by"],
        at=_at(data),
        changed=tuple(name for name in names if before.get(name) != sections.get(name)),
    )


def _registered(state: VersionState, data: Mapping[str, Any]) -> VersionState:
    return replace(
        state,
        bundle=data["bundle"],
        charter=data["charter"],
        sections=data["sections"],
        origin=data["origin"],
        registered_at=_at(data),
    )


def _shown(state: VersionState, data: Mapping[str, Any]) -> VersionState:
    one = Recorded(
        digest=data["evidence"],
        kind=data["kind"],
        passed=data["passed"],
        at=_at(data),
        compared=data.get("compared"),
        environment=data.get("environment", ""),
    )
    return replace(state, evidence=(*state.evidence, one))


def _signed(state: VersionState, data: Mapping[str, Any]) -> VersionState:
    return replace(state, sign_offs=(*state.sign_offs, SignOff.from_document(data)))


def _waived(state: VersionState, data: Mapping[str, Any]) -> VersionState:
    return replace(state, waivers=(*state.waivers, Waiver.from_document(data)))


def _decided(state: VersionState, data: Mapping[str, Any]) -> VersionState:
    one = GateDecision(data["subject_digest"], data["open"], tuple(data["reasons"]), _at(data))
    return replace(state, gates=(*state.gates, one))


def _permitted(state: VersionState, data: Mapping[str, Any]) -> VersionState:
    one = Permission(data["what"], data["why"], data["by"], _at(data))
    return replace(state, permissions=(*state.permissions, one))


_MODEL_STEPS = {
    EventType.MODEL_REGISTERED.value: _registered,
    EventType.EVIDENCE_RECORDED.value: _shown,
    EventType.SIGNED.value: _signed,
    EventType.WAIVED.value: _waived,
    EventType.GATE_DECIDED.value: _decided,
    EventType.PERMISSION_GRANTED.value: _permitted,
}
"""What each type of entry does to a version; types that a newer Assay wrote do nothing."""


def _about(events: Iterable[Event], kind: str) -> Iterator[tuple[Event, str]]:
    """Yield the entries on subjects of one kind, with the rest of the subject."""
    prefix = f"{kind}:"
    for event in events:
        if event.subject.startswith(prefix):
            yield event, event.subject.removeprefix(prefix)


def _at(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["at"])
