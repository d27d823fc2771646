"""What the ledger's entries add up to: each fold reads events in order and keeps no memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from assay.evidence.alert_fold import alerts
from assay.evidence.event import Event, EventType
from assay.evidence.gate import Waiver
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

    `immediate` puts the version in the champion's place at once; `canary` tries it as challenger,
    against the champion or where there is none against the baseline, until it is promoted or
    rolled back: then the champion serves alone, or nothing does. Rolling back the champion itself
    puts the version named by `to` back in its place, or nothing where it names none. A fall back
    puts a baseline in the champion's place until a version takes it.
    """
    states: dict[str, ReleaseState] = {}
    for event, name in _about(events, "release"):
        state = states.get(name, ReleaseState(name))
        step = _RELEASE_STEPS.get(event.type)
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
    one = Recorded(data["evidence"], data["kind"], data["passed"], _at(data))
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


def _started(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    arm = Live(data["version"], data["bundle"])
    at_once = data["strategy"] == "immediate"
    state = replace(
        state,
        champion=arm if at_once else state.champion,
        challenger=None if at_once else arm,
        weight=0.0 if at_once else float(data["weight"]),
        salt=data["salt"],
        strategy=data["strategy"],
        bundles={**state.bundles, arm.version: arm.bundle},
        fallen=None if at_once else state.fallen,
    )
    return _noted(state, "started", data)


def _stepped(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    return _noted(replace(state, weight=float(data["weight"])), "stepped", data)


def _promoted(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    arm = Live(data["version"], data["bundle"])
    state = replace(
        state,
        champion=arm,
        challenger=None,
        weight=0.0,
        bundles={**state.bundles, arm.version: arm.bundle},
        fallen=None,
    )
    return _noted(state, "promoted", data)


def _rolled_back(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    what = "rolled_back"
    if state.challenger is None or state.challenger.version != data["version"]:
        what = "rolled_back" if state.fallen is None else "came_back"
        to = data["to"]
        back = None if to is None else Live(to, state.bundles.get(to, ""))
        state = replace(state, champion=back, fallen=None)
    return _noted(replace(state, challenger=None, weight=0.0), what, data)


def _fell_back(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    fallen = Live(data["version"], data["bundle"])
    state = replace(state, champion=None, challenger=None, weight=0.0, fallen=fallen)
    return _noted(replace(state, baseline=data["baseline"]), "fell_back", data)


def _noted(state: ReleaseState, what: Any, data: Mapping[str, Any]) -> ReleaseState:
    step = ReleaseStep(
        what=what,
        version=data["version"],
        weight=state.weight,
        reason=data.get("reason", ""),
        at=_at(data),
        strategy=state.strategy,
        revision=state.revision + 1,
        spent=float(data.get("tolerance", 0.0)) * float(data.get("decisions_per_year", 0.0)),
    )
    return replace(state, history=(*state.history, step))


_RELEASE_STEPS = {
    EventType.RELEASE_STARTED.value: _started,
    EventType.RELEASE_STEPPED.value: _stepped,
    EventType.RELEASE_PROMOTED.value: _promoted,
    EventType.RELEASE_ROLLED_BACK.value: _rolled_back,
    EventType.RELEASE_FELL_BACK.value: _fell_back,
}


def _about(events: Iterable[Event], kind: str) -> Iterator[tuple[Event, str]]:
    """Yield the entries on subjects of one kind, with the rest of the subject."""
    prefix = f"{kind}:"
    for event in events:
        if event.subject.startswith(prefix):
            yield event, event.subject.removeprefix(prefix)


def _at(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["at"])
