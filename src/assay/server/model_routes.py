"""Models: their charters, versions and evidence, and what the gate and people say of them."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from assay.adapters.whole_file import write_whole
from assay.charter.load import parse_charter
from assay.errors import InputError
from assay.evidence.folds import VersionState, charters
from assay.guardrails.registry import known_metrics
from assay.lifecycle.approval import ask, submit_charter, version_state
from assay.server.control import Call, needs
from assay.server.documents import (
    CharterGiven,
    CharterTold,
    EvidenceTold,
    GateTold,
    ModelId,
    ModelTold,
    SignOffAsked,
    SignOffTold,
    VersionNumber,
    VersionTold,
    WaiverAsked,
    WaiverTold,
    plain,
)
from assay.server.estate import NotThere
from assay.workspace import Workspace
from assay.workspace.root import CHARTER

__all__ = [
    "change_charter",
    "charter",
    "decide_gate",
    "evidence",
    "gate",
    "models",
    "one_model",
    "one_version",
    "router",
    "sign",
    "versions",
    "waive",
]

router = APIRouter(tags=["models"])

Read = Annotated[Call, Depends(needs("read"))]
Sign = Annotated[Call, Depends(needs("sign"))]


@router.get("/models")
def models(call: Read) -> list[ModelTold]:
    """List every model, and where it stands."""
    return [_model(call, name) for name in call.control.estate.models]


@router.get("/models/{model}")
def one_model(model: ModelId, call: Read) -> ModelTold:
    """Tell where one model stands."""
    return _model(call, model)


@router.get("/models/{model}/charter")
def charter(model: ModelId, call: Read) -> CharterTold:
    """Return the charter that holds."""
    workspace = call.control.estate.workspace(model)
    found = charters(workspace.ports.ledger.events(f"charter:{model}")).get(model)
    return CharterTold(
        name=model,
        digest=workspace.charter.digest,
        yaml=(workspace.directory / CHARTER).read_text(),
        versions=[] if found is None else plain(found.versions),
    )


@router.put("/models/{model}/charter")
def change_charter(
    model: ModelId, given: CharterGiven, call: Annotated[Call, Depends(needs("build"))]
) -> CharterTold:
    """Put a charter in the place of the one that holds; all of its faults are told at once.

    A charter says how releases are judged, and by whom: its token opens `release` too.
    """
    call.control.tokens.demand(call.token, "release")
    estate = call.control.estate
    with estate.alone(model):
        fresh = parse_charter(given.yaml, CHARTER, known_metrics())
        if fresh.name != model:
            raise InputError(f"This charter is of {fresh.name!r}, and not of {model!r}.")
        workspace = estate.workspace(model)
        write_whole(workspace.directory / CHARTER, given.yaml.encode())
        workspace = estate.workspace(model)
        now = workspace.ports.clock.now()
        submit_charter(workspace.ports.ledger, workspace.charter, call.by, now)
    return charter(model, call)


@router.get("/models/{model}/versions")
def versions(model: ModelId, call: Read) -> list[VersionTold]:
    """List the registered versions, oldest first."""
    workspace = call.control.estate.workspace(model)
    return [_version(workspace, state) for state in workspace.versions().registered]


@router.get("/models/{model}/versions/{version}")
def one_version(model: ModelId, version: VersionNumber, call: Read) -> VersionTold:
    """Return one version."""
    workspace, state = _found(call, model, version)
    return _version(workspace, state)


@router.get("/models/{model}/versions/{version}/evidence")
def evidence(model: ModelId, version: VersionNumber, call: Read) -> list[EvidenceTold]:
    """Return what was measured on a version."""
    workspace, state = _found(call, model, version)
    blobs = workspace.ports.blobs
    return [
        EvidenceTold(
            digest=one.digest,
            kind=one.kind,
            passed=one.passed,
            at=one.at,
            document=plain(json.loads(blobs.get(one.digest))) if blobs.has(one.digest) else None,
        )
        for one in state.evidence
    ]


@router.get("/models/{model}/versions/{version}/gate")
def gate(model: ModelId, version: VersionNumber, call: Read) -> GateTold:
    """Ask the gate; nothing is written."""
    workspace, state = _found(call, model, version)
    ports = workspace.ports
    verdict = ask(ports.blobs, workspace.charter, state, ports.clock.now())
    return GateTold(subject=verdict.subject, **verdict.document())


@router.post("/models/{model}/versions/{version}/gate")
def decide_gate(
    model: ModelId, version: VersionNumber, call: Annotated[Call, Depends(needs("release"))]
) -> GateTold:
    """Ask the gate, and record its answer."""
    _found(call, model, version)
    estate = call.control.estate
    with estate.alone(model):
        verdict = estate.workspace(model).gate(version)[1]
    return GateTold(subject=verdict.subject, **verdict.document())


@router.post("/models/{model}/versions/{version}/sign-offs", status_code=201)
def sign(model: ModelId, version: VersionNumber, asked: SignOffAsked, call: Sign) -> SignOffTold:
    """Sign a version, as the token's person, in a role that the charter gives them."""
    person = call.person
    _found(call, model, version)
    estate = call.control.estate
    with estate.alone(model):
        signed = estate.workspace(model).sign(
            person, asked.role, version=version, note=asked.note, user=call.user
        )[1]
    return SignOffTold(**_of(signed), holds=True)


@router.post("/models/{model}/versions/{version}/waivers", status_code=201)
def waive(model: ModelId, version: VersionNumber, asked: WaiverAsked, call: Sign) -> WaiverTold:
    """Let a failed check pass for some days, in the name of the token's person."""
    person = call.person
    _found(call, model, version)
    estate = call.control.estate
    with estate.alone(model):
        waiver = estate.workspace(model).waive(
            asked.check,
            person,
            asked.role,
            reason=asked.reason,
            days=asked.days,
            version=version,
            user=call.user,
        )[1]
    return WaiverTold(**_of(waiver))


def _model(call: Call, name: str) -> ModelTold:
    workspace = call.control.estate.workspace(name)
    found = workspace.status().document()
    return ModelTold(
        title=workspace.charter.title,
        **{key: found[key] for key in ("name", "newest", "gate_open", "champion", "challenger")},
        alerts=len(found["alerts"]),
        next=found["next"],
    )


def _found(call: Call, model: str, version: int) -> tuple[Workspace, VersionState]:
    workspace = call.control.estate.workspace(model)
    known = {one.version for one in workspace.versions().registered}
    if version not in known:
        listed = ", ".join(map(str, sorted(known))) or "none"
        raise NotThere(f"{model} has no version {version} (registered: {listed}).")
    return workspace, version_state(workspace.ports.ledger, workspace.charter, version)


def _version(workspace: Workspace, state: VersionState) -> VersionTold:
    digest = state.candidate.under(workspace.charter).digest
    return VersionTold(
        model=state.model,
        version=state.version,
        bundle=state.bundle,
        digest=digest,
        registered_at=state.registered_at,
        evidence=[one.kind for one in state.evidence],
        sign_offs=[
            SignOffTold(**_of(one), holds=one.subject_digest == digest) for one in state.sign_offs
        ],
        waivers=[WaiverTold(**_of(one)) for one in state.waivers],
    )


def _of(record: object) -> dict[str, Any]:
    found: dict[str, Any] = plain(record)
    return found
