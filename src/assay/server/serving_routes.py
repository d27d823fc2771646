"""What comes from serving and goes to it: alerts, outcomes, captures, bundles, desired states."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from assay.adapters.capture_uploads import take_segment
from assay.adapters.environment_folder import environment_folder
from assay.charter.environments import PRODUCTION
from assay.deploy.desired import desired_state
from assay.evidence.alert_state import AlertState
from assay.lifecycle.leave import bundles_with_leave
from assay.server.control import Call, needs
from assay.server.documents import (
    AlertTold,
    BlobKept,
    CapturesTaken,
    ModelId,
    OutcomesGiven,
    OutcomesTold,
    Place,
    plain,
)
from assay.server.estate import NotThere
from assay.server.faulty_outcomes import OUTCOMES_PROBLEM, take_told
from assay.server.labels import read_labels
from assay.workspace import Workspace
from assay.workspace.root import STATE

__all__ = [
    "acknowledge",
    "alerts",
    "blob",
    "captures",
    "desired",
    "keep_blob",
    "outcomes",
    "router",
]

router = APIRouter(tags=["serving"])

Read = Annotated[Call, Depends(needs("read"))]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="A SHA-256.")]
_RAW: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/models/{model}/alerts")
def alerts(
    model: ModelId,
    call: Read,
    every: Annotated[bool, Query(alias="all", description="The closed ones too.")] = False,
) -> list[AlertTold]:
    """List the open alerts, the dearest first."""
    workspace = call.control.estate.workspace(model)
    return [_alert(workspace, one) for one in workspace.alerts() if every or one.open]


@router.post("/models/{model}/alerts/{alert}/acknowledge")
def acknowledge(
    model: ModelId,
    alert: Annotated[str, Path(max_length=100, description="Its id, or how that begins.")],
    call: Annotated[Call, Depends(needs("release"))],
) -> AlertTold:
    """Put the name of the token's person to having heard of an alert."""
    person, estate = call.person, call.control.estate
    with estate.alone(model):
        workspace = estate.workspace(model)
        return _alert(workspace, workspace.acknowledge(alert, person))


@router.get("/models/{model}/desired")
def desired(
    model: ModelId,
    call: Annotated[Call, Depends(needs("read", "agent"))],
    environment: Place = PRODUCTION,
    labels: Annotated[str, Query(max_length=2000, description="`region=north,tier=edge`")] = "",
) -> dict[str, Any]:
    """Return what gateways of some labels are to serve."""
    estate = call.control.estate
    workspace = estate.workspace(model, environment)
    state = workspace.release_state()
    given = (workspace.charter, state)
    code = bundles_with_leave(workspace.ports.ledger, *given)
    found = desired_state(*given, state.revision, read_labels(labels), code)
    document: dict[str, Any] = json.loads(estate.sealed(model, found.encode()))
    return document


@router.post("/models/{model}/outcomes", responses=OUTCOMES_PROBLEM)
def outcomes(
    model: ModelId,
    given: OutcomesGiven,
    call: Annotated[Call, Depends(needs("serve"))],
) -> OutcomesTold:
    """Take in what really happened, all or none; the same outcomes twice count once.

    A refusal names those that are at fault in `faults`: leave them out, and the others are taken.
    """
    estate = call.control.estate
    told = [(one.id, one.outcome) for one in given.outcomes]
    with estate.alone(model):
        taken = take_told(estate.workspace(model), told)
    return OutcomesTold(rows=taken.rows, new=taken.new, strangers=taken.strangers)


@router.post("/models/{model}/captures/{name}", openapi_extra=_RAW)
async def captures(
    model: ModelId,
    name: Annotated[str, Path(max_length=100, description="The file's name, as it was written.")],
    request: Request,
    call: Annotated[Call, Depends(needs("serve", "agent"))],
    environment: Place = PRODUCTION,
) -> CapturesTaken:
    """Take in a closed file of a gateway's capture log; the same file twice counts once."""
    raw = await request.body()

    def take() -> bool:
        estate = call.control.estate
        place = estate.workspace(model, environment).charter.environment
        folder = environment_folder(estate.directory(model) / STATE, place) / "captures"
        with estate.alone(model):
            return take_segment(folder, name, raw, model)

    return CapturesTaken(name=name, new=await run_in_threadpool(take))


@router.get(
    "/blobs/{digest}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def blob(digest: Digest, call: Annotated[Call, Depends(needs("read", "agent"))]) -> Response:
    """Return bytes by their digest: a bundle, or a piece of evidence."""
    for blobs in call.control.estate.blobs():
        if blobs.has(digest):
            headers = {"etag": f'"{digest}"', "cache-control": "private, max-age=31536000"}
            return Response(blobs.get(digest), 200, headers, "application/octet-stream")
    raise NotThere(f"There is no blob {digest} here.")


@router.post("/models/{model}/blobs", status_code=201, openapi_extra=_RAW)
async def keep_blob(
    model: ModelId, request: Request, call: Annotated[Call, Depends(needs("build"))]
) -> BlobKept:
    """Keep bytes in a model's store, under their digest."""
    raw = await request.body()

    def keep() -> str:
        return call.control.estate.workspace(model).ports.blobs.put(raw)

    return BlobKept(digest=await run_in_threadpool(keep))


def _alert(workspace: Workspace, alert: AlertState) -> AlertTold:
    document = plain(alert.document(workspace.ports.clock.now()))
    named = ("id", "kind", "text", "open", "acknowledged_by", "raised_at")
    return AlertTold(**{name: document[name] for name in named}, document=document)
