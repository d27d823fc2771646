"""The gateway's HTTP: the Open Inference Protocol, health and metrics."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version as installed_version
from time import perf_counter
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from assay.errors import InputError, WorldError
from assay.gateway.follower import Follower
from assay.gateway.inference import Answer, infer, output_names, output_shape
from assay.gateway.metrics import Metrics
from assay.gateway.openapi import INFER_DOCS
from assay.gateway.protocol import decode_request, encode_answer, encode_error
from assay.gateway.serving import Serving
from assay.ports.captures import CaptureLog
from assay.ports.clock import Clock

__all__ = ["Gateway", "create_app"]

_LOG: Any = structlog.get_logger("assay.gateway")
_JSON = "application/json"
_LARGEST_BODY = 32 * 2**20
_WORK_FOR_A_THREAD = 64 * 2**10


class Gateway:
    """Answers requests under whatever the follower holds, and captures what it answered."""

    def __init__(
        self, follower: Follower, captures: CaptureLog, clock: Clock, metrics: Metrics
    ) -> None:
        self.follower = follower
        self.captures = captures
        self.clock = clock
        self.metrics = metrics

    async def infer(self, model: str, version: str | None, body: bytes) -> bytes:
        """Answer one request; returns after its capture is on disk where the charter says so."""
        begun = perf_counter()
        serving = self.serving(model)
        pinned = None if version is None else _arm_of(serving, version)
        if len(body) > _WORK_FOR_A_THREAD:
            answer = await asyncio.to_thread(self._answer, serving, pinned, body)
        else:
            answer = self._answer(serving, pinned, body)
        took = _milliseconds(begun)
        written = self.captures.append([{**one, "latency_ms": took} for one in answer.records])
        written.add_done_callback(lambda done: self._count_lost(done.exception(), answer))
        if serving.desired.capture == "sync":
            await asyncio.wrap_future(written)
        self._count(answer)
        return encode_answer(answer.document)

    def serving(self, model: str) -> Serving:
        """Return what is served under a model's name; HTTP 404 where that is nothing."""
        serving = self.follower.serving
        if serving is None or not serving.arms or serving.desired.model != model:
            raise HTTPException(404, f"No model {model[:100]!r} is served here.")
        return serving

    def failed(self, model: str, status: int, begun: float) -> None:
        """Capture that a request for a model that is served here was answered with an error."""
        serving = self.follower.serving
        if serving is None or not serving.arms or serving.desired.model != model:
            return
        record = {"failed": True, "model": model, "status": status}
        try:
            at, took = self.clock.now().isoformat(), _milliseconds(begun)
            self.captures.append([{**record, "at": at, "latency_ms": took}])
        except Exception as error:  # noqa: BLE001 - whatever breaks, the client gets an answer
            _LOG.error("a failed request was not recorded", error=repr(error))

    def _answer(self, serving: Serving, pinned: int | None, body: bytes) -> Answer:
        request = decode_request(body, serving.desired.entity)
        at = self.clock.now().isoformat()
        return infer(serving, request, str(uuid.uuid4()), at, pinned)

    def _count(self, answer: Answer) -> None:
        counts: dict[tuple[str, str, str], int] = {}
        for record in answer.records:
            key = (record["model"], str(record["version"]), record["arm"])
            counts[key] = counts.get(key, 0) + 1
        for key, count in counts.items():
            self.metrics.predictions.labels(*key).inc(count)

    def _count_lost(self, error: BaseException | None, answer: Answer) -> None:
        if error is not None:
            self.metrics.capture_failures.inc(len(answer.records))
            _LOG.error("predictions were not recorded", error=str(error), n=len(answer.records))


def create_app(gateway: Gateway, poll_seconds: float = 0.2) -> FastAPI:
    """Return the ASGI application; it follows the desired state while it runs."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(gateway.follower.refresh)
        following = asyncio.create_task(gateway.follower.follow(poll_seconds))
        yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await asyncio.to_thread(gateway.captures.close)

    app = FastAPI(
        title="Assay gateway",
        version=installed_version("assay"),
        lifespan=lifespan,
        docs_url=None,  # both pages load scripts from the network, which a gateway may not have
        redoc_url=None,
        redirect_slashes=False,  # a redirect loses the body and is not in the protocol
    )
    _add_health(app, gateway)
    _add_metadata(app, gateway)
    _add_inference(app, gateway)
    _add_errors(app, gateway)
    return app


def _add_health(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/v2/health/live")
    async def live() -> Response:
        return _answer({"live": True})

    @app.get("/v2/health/ready")
    async def ready() -> Response:
        serving = gateway.follower.serving
        if serving is None or not serving.arms:
            return _error(503, "No model is served yet: release one.")
        # The specification's text shows `live` for readiness, its tables `ready`: give both.
        return _answer({"ready": True, "live": True})

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(gateway.metrics.text(), media_type="text/plain; version=0.0.4")


def _add_metadata(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/v2")
    async def server() -> Response:
        return _answer({"name": "assay", "version": app.version, "extensions": []})

    @app.get("/v2/models/{model}")
    async def metadata(model: str) -> Response:
        return _answer(_metadata(gateway.serving(model), 0))

    @app.get("/v2/models/{model}/versions/{version}")
    async def version_metadata(model: str, version: str) -> Response:
        serving = gateway.serving(model)
        return _answer(_metadata(serving, _arm_of(serving, version)))

    @app.get("/v2/models/{model}/ready")
    async def model_ready(model: str) -> Response:
        serving = gateway.serving(model)
        return _answer({"name": serving.desired.model, "ready": True})

    @app.get("/v2/models/{model}/versions/{version}/ready")
    async def version_ready(model: str, version: str) -> Response:
        serving = gateway.serving(model)
        _arm_of(serving, version)
        return _answer({"name": serving.desired.model, "version": version, "ready": True})


def _add_inference(app: FastAPI, gateway: Gateway) -> None:
    async def answer(request: Request, model: str, version: str | None) -> Response:
        body = await _body(request)
        request.state.begun = begun = perf_counter()
        content = await gateway.infer(model, version, body)
        gateway.metrics.seconds.observe(perf_counter() - begun)
        gateway.metrics.requests.labels("200").inc()
        return Response(content, media_type=_JSON)

    @app.post("/v2/models/{model}/infer", openapi_extra=INFER_DOCS)
    async def infer_model(request: Request, model: str) -> Response:
        return await answer(request, model, None)

    @app.post("/v2/models/{model}/versions/{version}/infer", openapi_extra=INFER_DOCS)
    async def infer_version(request: Request, model: str, version: str) -> Response:
        return await answer(request, model, version)


def _add_errors(app: FastAPI, gateway: Gateway) -> None:
    def fail(request: Request, status: int, text: str, headers: Any = None) -> Response:
        if request.url.path.endswith("/infer"):
            gateway.metrics.requests.labels(str(status)).inc()
            model = request.path_params.get("model", "")
            gateway.failed(model, status, getattr(request.state, "begun", perf_counter()))
        return _error(status, text, headers)

    @app.exception_handler(InputError)
    async def refuse(request: Request, error: InputError) -> Response:
        return fail(request, 400, str(error))

    @app.exception_handler(WorldError)
    async def apologise(request: Request, error: WorldError) -> Response:
        return fail(request, 503, str(error))

    @app.exception_handler(HTTPException)
    async def explain(request: Request, error: HTTPException) -> Response:
        return fail(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(ClientDisconnect)
    async def nobody_listens(request: Request, _: ClientDisconnect) -> Response:
        return fail(request, 400, "The request ended before its body did.")

    @app.exception_handler(Exception)
    async def confess(request: Request, error: Exception) -> Response:
        _LOG.error("a fault of the gateway's own", error=repr(error))
        return fail(request, 500, "The gateway failed; its log says why.")


async def _body(request: Request) -> bytes:
    """Return the body; HTTP 413 where it is too large, before it is all in memory."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST_BODY:
            raise HTTPException(413, f"The body is larger than {_LARGEST_BODY // 2**20} MiB.")
        parts.append(part)
    return b"".join(parts)


def _milliseconds(begun: float) -> float:
    return round((perf_counter() - begun) * 1000, 3)


def _arm_of(serving: Serving, version: str) -> int:
    index = serving.index_of(version)
    if index is None:
        raise HTTPException(
            404,
            f"Version {version[:100]!r} of {serving.desired.model} gets no traffic; "
            f"served are {', '.join(serving.versions)}.",
        )
    return index


def _metadata(serving: Serving, index: int) -> dict[str, Any]:
    signature = serving.arms[index].scorer.signature
    datatypes = {"number": "FP64", "category": "BYTES"}
    return {
        "name": serving.desired.model,
        "versions": serving.versions,
        "platform": "onnx_onnxruntime",
        "inputs": [
            {"name": column.name, "datatype": datatypes[column.kind], "shape": [-1]}
            for column in signature.inputs
        ],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": output_shape(signature, name)}
            for name, datatype in output_names(signature).items()
        ],
    }


def _answer(document: dict[str, Any]) -> Response:
    return Response(encode_answer(document), media_type=_JSON)


def _error(status: int, text: str, headers: Any = None) -> Response:
    return Response(encode_error(text), status, headers=headers, media_type=_JSON)
