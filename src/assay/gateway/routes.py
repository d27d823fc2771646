"""From a path to what answers it: fixed paths by one look, those of models by their parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version as installed_version
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from assay.deploy.serving import Serving
from assay.errors import DataError
from assay.gateway.access import Access
from assay.gateway.asking import Asking, demand_version, not_served, unavailable
from assay.gateway.http_message import JSON, Reply, Request, Response
from assay.gateway.invocations import invocation
from assay.gateway.metadata import model_metadata, repository_index, server_metadata
from assay.gateway.models import ModelEntry
from assay.gateway.openapi import OPENAPI
from assay.gateway.outcomes import OutcomeDesk
from assay.gateway.pool import Pool
from assay.gateway.refusal import Refusal, refused

__all__ = ["Routes"]

_MODELS = "/v2/models/"
_TEXT = b"text/plain; charset=utf-8"
_METRICS = b"text/plain; version=0.0.4; charset=utf-8"

Action = Callable[[Request, Reply], None]
OnModel = Callable[[ModelEntry, str | None, Request, Reply], None]


class Routes:
    """The gateway's handler: every path, every method, every error in the protocol's form."""

    def __init__(
        self,
        pool: Pool,
        asking: Asking,
        desk: OutcomeDesk,
        access: Access,
        metrics: Callable[[], bytes],
    ) -> None:
        self._pool = pool
        self._asking = asking
        self._desk = desk
        self._access = access
        self._metrics = metrics
        self._known: Mapping[str, ModelEntry] = {}
        self._infer: dict[str, ModelEntry] = {}
        self._fixed: Mapping[str, tuple[str, Action]] = {
            "/v2": ("GET", self._server),
            "/v2/health/live": ("GET", self._live),
            "/v2/health/ready": ("GET", self._ready),
            "/v2/repository/index": ("POST", self._index),
            "/invocations": ("POST", self._invocations),
            "/outcomes": ("POST", self._outcomes),
            "/ping": ("GET", self._ready),
            "/health": ("GET", self._ready),
            "/version": ("GET", self._version),
            "/metrics": ("GET", self._tell_metrics),
            "/openapi.json": ("GET", self._openapi),
        }
        self._on_model: Mapping[tuple[bool, str], tuple[str, OnModel]] = {
            (False, "infer"): ("POST", asking.ask),
            (True, "infer"): ("POST", asking.ask),
            (False, "ready"): ("GET", self._model_ready),
            (True, "ready"): ("GET", self._model_ready),
            (False, ""): ("GET", self._metadata),
            (True, ""): ("GET", self._metadata),
            (False, "outcomes"): ("POST", self._model_outcomes),
        }

    def __call__(self, request: Request, reply: Reply) -> None:
        """Answer a request now or later."""
        try:
            entry = self._asked_for(request.path)
            if entry is not None and request.method == "POST":
                self._asking.ask(entry, None, request, reply)
            else:
                self._dispatch(request, reply)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the client gets an answer
            response = refused(error)
            self._pool.counts.answered(response.status)
            reply(response)

    def _asked_for(self, path: str) -> ModelEntry | None:
        """Return the model that a path asks for predictions, spelled as plainly as most are."""
        entries = self._pool.entries
        if entries is not self._known:
            self._known = entries
            self._infer = {f"{_MODELS}{name}/infer": entry for name, entry in entries.items()}
        return self._infer.get(path)

    def _dispatch(self, request: Request, reply: Reply) -> None:
        path = request.path
        if path.startswith(_MODELS):
            name, version, action = _parts(path[len(_MODELS) :])
            found = self._on_model.get((version is not None, action))
            if found is not None:
                _demand_method(request, found[0])
                found[1](self._entry(request, name), version, request, reply)
                return
        elif (fixed := self._fixed.get(path)) is not None:
            _demand_method(request, fixed[0])
            fixed[1](request, reply)
            return
        raise Refusal(404, f"There is nothing at {path[:100]!r}; /openapi.json lists all paths.")

    def _entry(self, request: Request, name: str) -> ModelEntry:
        """Return a model by its name; 404 where there is none, 401 to those without a key first."""
        entry = self._pool.entries.get(name)
        if entry is None:
            self._access.caller(request)
            raise not_served(name)
        return entry

    # --- of the gateway -------------------------------------------------------------------------

    def _live(self, request: Request, reply: Reply) -> None:
        del request
        reply(_json({"live": True}))

    def _ready(self, request: Request, reply: Reply) -> None:
        del request
        if not self._pool.ready():
            raise Refusal(503, "No model is served yet: release one.")
        # The specification's text shows `live` for readiness, its tables `ready`: give both.
        reply(_json({"ready": True, "live": True}))

    def _server(self, request: Request, reply: Reply) -> None:
        self._access.caller(request)
        reply(_json(server_metadata()))

    def _version(self, request: Request, reply: Reply) -> None:
        self._access.caller(request)
        reply(Response(200, installed_version("assay").encode(), _TEXT))

    def _openapi(self, request: Request, reply: Reply) -> None:
        del request
        reply(Response(200, OPENAPI))

    def _tell_metrics(self, request: Request, reply: Reply) -> None:
        self._access.demand(request, "metrics")
        reply(Response(200, self._metrics(), _METRICS))

    def _index(self, request: Request, reply: Reply) -> None:
        caller = self._access.caller(request)
        ready = _asked_ready(request.body)
        listed = repository_index(
            self._pool.entries.values(),
            lambda entry: caller.may("infer", entry.name, entry.home),
            ready=ready,
        )
        reply(_json(listed))

    # --- of one model ---------------------------------------------------------------------------

    def _model_ready(
        self, entry: ModelEntry, version: str | None, request: Request, reply: Reply
    ) -> None:
        def tell(serving: Serving) -> None:
            if version is not None:
                demand_version(serving, version)
            told = {} if version is None else {"version": version}
            reply(_json({"name": entry.name, **told, "ready": True}))

        self._served(entry, request, reply, tell)

    def _metadata(
        self, entry: ModelEntry, version: str | None, request: Request, reply: Reply
    ) -> None:
        def tell(serving: Serving) -> None:
            index = 0 if version is None else demand_version(serving, version)
            reply(_json(model_metadata(serving, index)))

        self._served(entry, request, reply, tell)

    def _served(
        self, entry: ModelEntry, request: Request, reply: Reply, tell: Callable[[Serving], None]
    ) -> None:
        """Tell something of what a model serves, once it is loaded."""
        self._access.demand(request, "infer", entry.name, entry.home)

        def loaded(fault: BaseException | None) -> None:
            serving = entry.serving
            if fault is not None:
                reply(refused(unavailable(entry, fault)))
                return
            if serving is None or not serving.arms:
                reply(refused(not_served(entry.name)))
                return
            try:
                tell(serving)
            except Exception as error:  # noqa: BLE001 - whatever breaks, the client gets an answer
                reply(refused(error))

        if entry.serving is None:
            self._pool.load(entry, loaded)
        else:
            loaded(None)

    def _model_outcomes(
        self, entry: ModelEntry, version: str | None, request: Request, reply: Reply
    ) -> None:
        del version
        self._desk.take(entry, request, reply)

    # --- of the model that is meant -------------------------------------------------------------

    def _outcomes(self, request: Request, reply: Reply) -> None:
        self._desk.take(self._meant(request), request, reply)

    def _invocations(self, request: Request, reply: Reply) -> None:
        entry = self._meant(request)
        self._asking.ask(entry, _query(request, "version"), request, reply, invocation)

    def _meant(self, request: Request) -> ModelEntry:
        """Return the model that query or header name, or the only one there is."""
        name = _query(request, "model")
        if name is None:
            given = request.headers.get(b"x-model")
            name = None if given is None else given.decode("latin-1")
        if name is not None:
            return self._entry(request, name)
        self._access.caller(request)
        served = [entry for entry in self._pool.entries.values() if entry.desired.arms]
        if len(served) != 1:
            raise Refusal(
                400 if served else 404,
                f"{len(served)} models are served here: say which by `?model=NAME` or the header "
                "`x-model`."
                if served
                else "No model is served here yet: release one.",
            )
        return served[0]


def _parts(rest: str) -> tuple[str, str | None, str]:
    """Return a model's name, the version where one is named, and what is asked of it.

    >>> _parts("bank/infer"), _parts("bank/versions/2/ready"), _parts("bank")
    (('bank', None, 'infer'), ('bank', '2', 'ready'), ('bank', None, ''))
    """
    parts = rest.split("/")
    if "%" in rest:
        parts = [unquote(part) for part in parts]
    if len(parts) in (3, 4) and parts[1] == "versions":
        return parts[0], parts[2], parts[3] if len(parts) == 4 else ""
    action = parts[1] if len(parts) == 2 else "" if len(parts) == 1 else "/"
    return parts[0], None, action or ("" if len(parts) == 1 else "/")


def _demand_method(request: Request, method: str) -> None:
    """Refuse (405) what this path does not do; HEAD is GET without its body."""
    given = request.method
    if given != method and (given != "HEAD" or method != "GET"):
        allowed = "GET, HEAD" if method == "GET" else method
        raise Refusal(
            405, f"This path takes {allowed}, not {given[:20]}.", ((b"allow", allowed.encode()),)
        )


def _query(request: Request, name: str) -> str | None:
    if not request.query:
        return None
    found = parse_qs(request.query, max_num_fields=100).get(name)
    return None if found is None else found[-1]


def _asked_ready(body: bytes) -> bool:
    if not body.strip():
        return False
    try:
        given = msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise DataError(f'The body is no {{"ready": true}}: {error}.') from error
    return given.get("ready") is True


def _json(document: Any) -> Response:
    return Response(200, msgspec.json.encode(document), JSON)
