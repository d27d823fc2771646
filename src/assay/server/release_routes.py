"""Releases: how they stand in each environment, each of their steps, plans and decisions."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import structlog
from fastapi import APIRouter, Depends, Query

from assay.charter.environments import PRODUCTION, Environment
from assay.evidence.folds import ReleaseState
from assay.server.control import Call, needs
from assay.server.documents import (
    Acted,
    EnvironmentTold,
    LiveTold,
    ModelId,
    Place,
    ReleaseAsked,
    ReleaseTold,
    StepTold,
    plain,
)

__all__ = ["act", "decide", "environments", "plan", "reconcile", "release", "router", "told"]

_LOG: Any = structlog.get_logger("assay.server")

router = APIRouter(tags=["releases"])

Read = Annotated[Call, Depends(needs("read"))]
Release = Annotated[Call, Depends(needs("release"))]
MaybeVersion = Annotated[int | None, Query(ge=1, le=1_000_000_000, description="The version.")]


_BACK = frozenset({"roll_back", "pause", "fall_back"})
"""What is open whatever became of the charter on disk."""


class _Actor(TypedDict):
    """Who is written down for a step."""

    by: str
    user: str


@router.get("/models/{model}/environments")
def environments(model: ModelId, call: Read) -> list[EnvironmentTold]:
    """List the environments, in the charter's order, production last."""
    estate = call.control.estate
    own = estate.workspace(model).charter.environments
    return [
        EnvironmentTold(
            name=name,
            policy=own.get(name, Environment()).model_dump(mode="json"),
            release=told(estate.workspace(model, name).release_state()),
        )
        for name in estate.environments(model)
    ]


@router.get("/models/{model}/release")
def release(model: ModelId, call: Read, environment: Place = PRODUCTION) -> ReleaseTold:
    """Tell how the release stands."""
    return told(call.control.estate.workspace(model, environment).release_state())


@router.post("/models/{model}/release")
def act(model: ModelId, asked: ReleaseAsked, call: Release) -> ReleaseTold:
    """Take one step of a release; going back and pausing ask no gate, nor the charter."""
    estate = call.control.estate
    reason, actor = asked.reason or f"by {call.by}", _Actor(by=call.by, user=call.user)
    with estate.alone(model):
        if asked.action in _BACK:
            workspace = estate.for_a_way_back(model, asked.environment)
        else:
            workspace = estate.workspace(model, asked.environment)
        if asked.action == "fall_back":
            state = workspace.fall_back(asked.baseline, reason=reason, **actor)
        else:
            state = workspace.release(asked.version, action=asked.action, reason=reason, **actor)
        if asked.action in _BACK and workspace.warning:
            _LOG.warning("a way back went by what was released", why=workspace.warning)
    return told(state)


@router.get("/models/{model}/release/plan")
def plan(
    model: ModelId,
    call: Read,
    version: MaybeVersion = None,
    environment: Place = PRODUCTION,
) -> dict[str, Any]:
    """Tell how many decisions and days a release is expected to take."""
    workspace = call.control.estate.workspace(model, environment)
    document: dict[str, Any] = plain(workspace.release_plan(version).document())
    return document


@router.post("/models/{model}/release/decide")
def decide(model: ModelId, call: Release, environment: Place = PRODUCTION) -> Acted:
    """Decide the running release on what is known so far, and act on it."""
    estate = call.control.estate
    with estate.alone(model):
        workspace = estate.workspace(model, environment)
        decision = workspace.decide(waits=call.control.reconciling.waits)
    done = "hold" if decision is None else decision.verdict
    reason = "It is too early to say anything." if decision is None else decision.reason
    return Acted(done=done, reason=reason, release=told(workspace.release_state()))


@router.post("/models/{model}/release/reconcile")
def reconcile(model: ModelId, call: Release, environment: Place = PRODUCTION) -> Acted:
    """Take the one step that is due, if one is, as the server's own loop does."""
    estate = call.control.estate
    with estate.alone(model):
        workspace = estate.workspace(model, environment)
        found = workspace.reconcile(waits=call.control.reconciling.waits)
    step = found.step
    done, reason = ("hold", "Nothing runs.") if step is None else (step.do, step.reason)
    return Acted(done=done, reason=reason, release=told(found.state))


def told(state: ReleaseState) -> ReleaseTold:
    """Return a release's state as the interface tells it."""
    return ReleaseTold(
        model=state.model,
        environment=state.environment,
        revision=state.revision,
        champion=None if state.champion is None else LiveTold(**vars(state.champion)),
        challenger=None if state.challenger is None else LiveTold(**vars(state.challenger)),
        weight=state.weight,
        strategy=state.strategy,
        paused=state.paused,
        baseline=state.baseline,
        history=[
            StepTold(
                what=step.what,
                version=step.version,
                weight=step.weight,
                reason=step.reason,
                at=step.at,
                revision=step.revision,
                evidence=step.evidence,
            )
            for step in state.history
        ],
    )
