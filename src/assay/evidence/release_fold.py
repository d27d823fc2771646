"""What the ledger's entries on a release add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from assay.evidence.event import EventType
from assay.evidence.release_state import Live, ReleaseState, ReleaseStep, StepKind

__all__ = ["RELEASE_STEPS"]


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
        paused=False,
        stages=(data["labels"],) if data.get("labels") else (),
        line=(*state.line, arm.version) if at_once else state.line,
        settings=data.get("settings", {}),
    )
    return _noted(state, "started", data)


def _stepped(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    stages = (*state.stages, data["labels"]) if data.get("labels") else state.stages
    state = replace(
        state,
        weight=float(data["weight"]),
        stages=stages,
        settings=data.get("settings", state.settings),
    )
    return _noted(state, "stepped", data)


def _promoted(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    arm = Live(data["version"], data["bundle"])
    state = replace(
        _over(state),
        champion=arm,
        bundles={**state.bundles, arm.version: arm.bundle},
        fallen=None,
        line=(*state.line, arm.version),
        settings=data.get("settings", state.settings),
    )
    return _noted(state, "promoted", data)


def _rolled_back(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    tried = state.challenger
    if tried is not None and tried.version == data["version"]:
        return _noted(_over(state), "rolled_back", data)
    to = data["to"]
    back = None if to is None else Live(to, state.bundles.get(to, ""))
    what: StepKind = "rolled_back" if state.fallen is None else "came_back"
    line = state.line
    if what == "rolled_back" and line and line[-1] == data["version"]:
        line = line[:-1]
    return _noted(replace(_over(state), champion=back, fallen=None, line=line), what, data)


def _fell_back(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    fallen = Live(data["version"], data["bundle"])
    state = replace(_over(state), champion=None, fallen=fallen, baseline=data["baseline"])
    return _noted(state, "fell_back", data)


def _paused(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    return _noted(replace(state, paused=True), "paused", data)


def _resumed(state: ReleaseState, data: Mapping[str, Any]) -> ReleaseState:
    return _noted(replace(state, paused=False), "resumed", data)


def _over(state: ReleaseState) -> ReleaseState:
    """Return the state with nothing tried any more."""
    return replace(state, challenger=None, weight=0.0, paused=False, stages=())


def _noted(state: ReleaseState, what: StepKind, data: Mapping[str, Any]) -> ReleaseState:
    step = ReleaseStep(
        what=what,
        version=data["version"],
        weight=state.weight,
        reason=data.get("reason", ""),
        at=datetime.fromisoformat(data["at"]),
        strategy=state.strategy,
        revision=state.revision + 1,
        spent=float(data.get("tolerance", 0.0)) * float(data.get("decisions_per_year", 0.0)),
        stage=len(state.stages),
        champion=None if state.champion is None else state.champion.version,
        evidence=data.get("evidence", {}),
    )
    return replace(state, history=(*state.history, step))


RELEASE_STEPS: Mapping[str, Callable[[ReleaseState, Mapping[str, Any]], ReleaseState]] = {
    EventType.RELEASE_STARTED.value: _started,
    EventType.RELEASE_STEPPED.value: _stepped,
    EventType.RELEASE_PROMOTED.value: _promoted,
    EventType.RELEASE_ROLLED_BACK.value: _rolled_back,
    EventType.RELEASE_FELL_BACK.value: _fell_back,
    EventType.RELEASE_PAUSED.value: _paused,
    EventType.RELEASE_RESUMED.value: _resumed,
}
"""What each type of entry does to a release; types that a newer Assay wrote do nothing."""
