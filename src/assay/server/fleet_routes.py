"""The fleet, the tokens, and the server itself."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from assay.charter.environments import PRODUCTION
from assay.lifecycle.access_tokens import made_token
from assay.lifecycle.fleet_waits import is_silent
from assay.server.control import Call, Control, needs
from assay.server.documents import (
    AgentSeen,
    FleetTold,
    Health,
    TokenAsked,
    TokenMade,
    TokenTold,
)
from assay.server.estate import NotThere
from assay.server.labels import read_labels

__all__ = [
    "WATCH",
    "fleet",
    "forget_agent",
    "health",
    "make_token",
    "metrics",
    "revoke_token",
    "router",
    "tokens",
]

router = APIRouter(tags=["fleet"])

Read = Annotated[Call, Depends(needs("read"))]
Admin = Annotated[Call, Depends(needs("admin"))]
Agent = Annotated[str, Path(max_length=200)]

_TEXT = {"type": "string"}
_ASKED = (
    ("agent", True, {**_TEXT, "pattern": r"^[\w.\-:/@]{1,200}$"}, "Who asks."),
    (
        "revision",
        False,
        {"type": "integer", "minimum": 0, "default": 0, "maximum": 10**15 - 1},
        "The revision that the agent has taken over; 0 for none.",
    ),
    ("environment", False, {**_TEXT, "default": PRODUCTION}, "Where the agent serves."),
    ("labels", False, _TEXT, "`region=north,tier=edge`"),
    ("health", False, {**_TEXT, "enum": ["ok", "failed"]}, "How the agent is."),
    ("note", False, {**_TEXT, "maxLength": 500}, "What is wrong, where something is."),
    (
        "hold",
        False,
        {"type": "number", "minimum": 0, "maximum": 55},
        "Seconds to wait for a change; the server draws 50 to 55.",
    ),
)
_ERROR = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}

WATCH: dict[str, Any] = {
    "get": {
        "tags": ["fleet"],
        "summary": "Wait for what is to be served",
        "operationId": "watch",
        "description": "Answers at once where the agent is behind, else when something changes or "
        "its time is up. `full` says that `models` are all there are; else they are those that "
        "changed since `revision`. Asking again acknowledges the revision that is sent.",
        "security": [{"HTTPBearer": []}],
        "parameters": [
            {"name": name, "in": "query", "required": need, "schema": kind, "description": words}
            for name, need, kind, words in _ASKED
        ],
        "responses": {
            "200": {
                "description": "The desired states, whole or what changed.",
                "headers": {"assay-revision": {"schema": {"type": "string"}}},
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["revision", "full", "models", "removed", "format"],
                            "properties": {
                                "revision": {"type": "integer"},
                                "full": {"type": "boolean"},
                                "models": {
                                    "type": "object",
                                    "additionalProperties": {"type": "object"},
                                },
                                "removed": {"type": "array", "items": _TEXT},
                                "format": {"type": "integer"},
                            },
                        }
                    }
                },
            },
            **{
                status: {"description": words, **_ERROR}
                for status, words in (
                    ("401", "No token that holds."),
                    ("403", "The token does not open this."),
                    ("422", "The query does not read."),
                    ("503", "The store does not answer."),
                )
            },
        },
    }
}
"""The long poll, which is answered before the application's own routes, as OpenAPI has it."""


@router.get("/health")
async def health(request: Request) -> Health:
    """Say that the server works; asks for no token."""
    control: Control = request.app.state.control
    return Health(
        status="ok",
        version=version("assay"),
        leads=control.reconciling.leads,
        revision=control.fleet.revision(PRODUCTION),
    )


@router.get("/fleet")
def fleet(
    call: Read,
    behind: Annotated[bool, Query(description="Those alone that are behind.")] = False,
    limit: Annotated[int, Query(ge=0, le=10_000, description="Most agents to list.")] = 1000,
) -> FleetTold:
    """Tell which agents follow, how far they are, and how they are."""
    control, now = call.control, datetime.now(UTC)
    seen = [
        AgentSeen(
            agent=told.agent,
            environment=told.environment,
            labels=read_labels(told.labels),
            revision=told.revision,
            behind=told.revision < control.fleet.revision(told.environment),
            silent=is_silent(one, now),
            health=told.health,
            note=told.note,
            at=one.at,
        )
        for one in control.store.agents()
        for told in (one.told,)
    ]
    listed = [one for one in seen if one.behind or not behind]
    environments = {PRODUCTION, *(row.environment for row in control.store.fleet().rows)}
    return FleetTold(
        revisions={name: control.fleet.revision(name) for name in sorted(environments)},
        waiting=control.fleet.waiting,
        agents=len(seen),
        behind=sum(one.behind for one in seen),
        failed=sum(one.health == "failed" for one in seen),
        listed=listed[:limit],
    )


@router.delete("/fleet/{agent}", status_code=204)
def forget_agent(agent: Agent, call: Admin) -> None:
    """Forget an agent that is no more."""
    call.control.acknowledging.forget(agent)
    if not call.control.store.forget_agent(agent):
        raise NotThere(f"There is no agent {agent!r} here.")


@router.get("/tokens")
def tokens(call: Admin) -> list[TokenTold]:
    """List the tokens, without their secrets, which nobody has."""
    return [
        TokenTold(name=one.name, scopes=list(one.scopes), person=one.person, made_at=one.made_at)
        for one in call.control.store.tokens()
    ]


@router.post("/tokens", status_code=201)
def make_token(asked: TokenAsked, call: Admin) -> TokenMade:
    """Make a token; its secret is shown this once."""
    secret, token = made_token(asked.name, asked.scopes, asked.person, datetime.now(UTC))
    call.control.store.add_token(token)
    call.control.tokens.forget()
    return TokenMade(
        name=token.name,
        scopes=list(token.scopes),
        person=token.person,
        made_at=token.made_at,
        secret=secret,
    )


@router.delete("/tokens/{name}", status_code=204)
def revoke_token(name: Annotated[str, Path(max_length=200)], call: Admin) -> None:
    """Let a token open nothing any more."""
    if not call.control.store.remove_token(name):
        raise NotThere(f"There is no token {name!r} here.")
    call.control.tokens.forget()


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(call: Read) -> Response:
    """Return the server's own numbers, as Prometheus reads them."""
    control, registry = call.control, CollectorRegistry()
    numbers = {
        "assay_server_leads": ("1 on the server that acts.", control.reconciling.leads),
        "assay_server_steps": ("Steps of releases taken here.", control.reconciling.steps),
        "assay_server_agents_waiting": ("Agents that wait here.", control.fleet.waiting),
        "assay_server_acknowledged": ("Acknowledgements written.", control.acknowledging.written),
        "assay_server_acknowledging_transactions": (
            "Transactions that wrote them.",
            control.acknowledging.transactions,
        ),
        "assay_server_fleet_revision": (
            "The revision in production.",
            control.fleet.revision(PRODUCTION),
        ),
    }
    for name, (words, number) in numbers.items():
        Gauge(name, words, registry=registry).set(float(number))
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")
