"""A gateway behind a stream: what it answers is on disk first, and nobody calls it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from assay.adapters.memory_keys import MemoryKeys
from assay.adapters.model_engine import load_model
from assay.adapters.proc_memory import resident_bytes
from assay.adapters.system_clock import SystemClock
from assay.charter.environments import PRODUCTION
from assay.deploy.desired import Desired
from assay.deploy.fleet_state import FleetState
from assay.gateway.app import Beside, Gateway
from assay.gateway.http_message import Handler, Reply, Request, Response
from assay.gateway.listening import listen
from assay.gateway.places import places_at
from assay.gateway.stream_answers import StreamAnswers
from assay.gateway.workspaces import WorkspacesSource
from assay.ports.stream import Stream

__all__ = ["DurableSource", "serve_stream", "stream_gateway"]


class DurableSource(WorkspacesSource):
    """Tells what workspaces serve, with captures that are on disk before an answer leaves."""

    def changed(self, seconds: float) -> FleetState | None:
        """Wait until something changed, at most so long; None where nothing did."""
        found = super().changed(seconds)
        if found is None:
            return None
        models = {name: _durable(one) for name, one in found.models.items()}
        return msgspec.structs.replace(found, models=models)


def stream_gateway(
    folder: Path, environment: str = PRODUCTION, trust: Path | None = None
) -> Gateway:
    """Return a gateway over one workspace, for messages; arguments as of `build_gateway`."""
    places = [replace(one, keys=MemoryKeys()) for one in places_at([folder], environment, trust)]
    source = DurableSource(places)
    return Gateway(
        source,
        source.place_of,
        places,
        lambda model, signature, code: load_model(model, signature.inputs, code=code),
        SystemClock(),
        Beside(resident=resident_bytes),
    )


async def serve_stream(
    gateway: Gateway,
    stream: Stream,
    until: asyncio.Event,
    ready: Callable[[], None],
    metrics: socket.socket | None = None,
) -> None:
    """Answer messages until told to stop; then finish what was begun.

    `metrics` is a bound socket where counters are told. ServiceError where the broker cannot be
    reached at the start; later it is tried again for as long as it takes.
    """
    await gateway.start()
    answers = StreamAnswers(gateway, until)
    try:
        await stream.start(answers)
        ready()
        if metrics is None:
            await until.wait()
        else:
            await listen(_telling(answers), metrics, until, lambda: None)
    finally:
        until.set()
        await stream.stop()
        await gateway.stop()


def _durable(desired: Desired) -> Desired:
    rules: dict[str, Any] = dict(desired.serving)
    rules["capture"] = {**rules.get("capture", {}), "on_failure": "withhold"}
    return msgspec.structs.replace(desired, capture="sync", serving=rules)


def _telling(answers: StreamAnswers) -> Handler:
    def handle(request: Request, reply: Reply) -> None:
        if request.path == "/metrics" and request.method == "GET":
            reply(Response(200, answers.metrics(), b"text/plain; version=0.0.4; charset=utf-8"))
        else:
            reply(Response(404, b'{"error":"Only /metrics is told here."}'))

    return handle
