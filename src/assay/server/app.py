"""The application: the long poll first, then everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Receive, Scope, Send

from assay.errors import AssayError
from assay.server import fleet_routes, model_routes, release_routes, serving_routes
from assay.server.control import Control
from assay.server.documents import Problem
from assay.server.problems import handle_problems, status_of
from assay.server.watch import PATH

__all__ = ["MOST_BYTES", "create_app"]

MOST_BYTES = 256 * 1024 * 1024
"""The largest body that is read."""

Life = Callable[[Control], AbstractAsyncContextManager[None]]

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words}
    for status, words in (
        (400, "The request does not read."),
        (401, "No token that holds."),
        (403, "The token does not open this, or the person may not sign."),
        (404, "There is no such thing."),
        (409, "The answer is no, or somebody else was faster."),
        (422, "What was given is wrong."),
        (503, "A disk or a database does not answer; try again."),
    )
}


@asynccontextmanager
async def _nothing(_: Control) -> AsyncIterator[None]:
    yield


def create_app(control: Control, life: Life = _nothing) -> ASGIApp:
    """Return the application over a server's parts; `life` runs as long as it does."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with life(control):
            yield

    app = FastAPI(
        title="Assay",
        version=version("assay"),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.control = control
    handle_problems(app)
    api = APIRouter(prefix="/api/v1", responses=_PROBLEMS)
    for part in (model_routes, release_routes, serving_routes, fleet_routes):
        api.include_router(part.router)
    app.include_router(api)
    _describe_watch(app)
    return _Door(app, control)


def _describe_watch(app: FastAPI) -> None:
    """Put the long poll into the description, whose route it is not."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
            schema["paths"][PATH] = fleet_routes.WATCH
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


class _Door:
    """Lets agents straight to where they wait, and nobody in with more than can be held."""

    def __init__(self, app: FastAPI, control: Control) -> None:
        self._app = app
        self._watch = control.watch
        self._tokens = control.tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"] == PATH:
                await self._watch(scope, receive, send)
                return
            headers = dict(scope["headers"])
            refused = _refused(headers) or await self._unknown(headers)
            if refused is not None:
                await _tell(send, *refused)
                return
            scope = _as_json(scope, headers)
        await self._app(scope, receive, send)

    async def _unknown(self, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        """Refuse a body of somebody whose token does not hold, before any of it is read."""
        if headers.get(b"content-length", b"0").strip(b"0") == b"":
            return None
        tokens = self._tokens
        try:
            if tokens.stale:
                await asyncio.to_thread(tokens.read)
            tokens.known(headers.get(b"authorization", b""))
        except AssayError as error:
            return status_of(error), str(error)
        return None


def _as_json(scope: Scope, headers: dict[bytes, bytes]) -> Scope:
    """Return a request whose body is read as JSON where no type is named, or a form's, as by curl.

    No route takes a form; those that take bytes ask for no type.
    """
    named = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if named not in (b"", b"application/x-www-form-urlencoded"):
        return scope
    others = [one for one in scope["headers"] if one[0] != b"content-type"]
    return {**scope, "headers": [*others, (b"content-type", b"application/json")]}


def _refused(headers: dict[bytes, bytes]) -> tuple[int, str] | None:
    length = headers.get(b"content-length", b"0")
    if b"transfer-encoding" in headers:
        return 411, "Say how long the body is, with `content-length`."
    if not length.isdigit() or int(length) > MOST_BYTES:
        return 413, f"A body has at most {MOST_BYTES} bytes."
    return None


async def _tell(send: Send, status: int, text: str) -> None:
    body = msgspec.json.encode({"error": text})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="assay"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
