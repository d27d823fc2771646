"""`assay stream`: messages of a broker, answered as a gateway answers requests."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assay.cli.output import Directory

__all__ = ["Broker", "stream"]


class Broker(StrEnum):
    """The brokers that are spoken to."""

    NATS = "nats"
    REDIS = "redis"
    RABBIT = "rabbit"
    KAFKA = "kafka"


def stream(
    broker: Annotated[Broker, typer.Option(help="Which broker it is.")],
    url: Annotated[str, typer.Option(help="Where it is, as in nats://127.0.0.1:4222.")],
    into: Annotated[str, typer.Option("--in", help="What is read: subject, stream, queue, topic.")],
    out: Annotated[str, typer.Option("--out", help="Where answers go.")],
    directory: Directory = Path(),
    dead_letter: Annotated[
        str | None, typer.Option(help="Where bad messages go; OUT.dead where not given.")
    ] = None,
    group: Annotated[
        str, typer.Option(help="Consumers of one group share the messages.")
    ] = "assay",
    in_flight: Annotated[
        int, typer.Option(min=1, help="How many messages are under way at most.")
    ] = 256,
    again: Annotated[
        float, typer.Option(min=1, help="Seconds until a message that was not settled comes again.")
    ] = 30.0,
    metrics_port: Annotated[
        int | None, typer.Option(help="Tell counters there, at /metrics; 0 takes a free port.")
    ] = None,
    environment: Annotated[str, typer.Option(help="Whose releases to serve.")] = "production",
) -> None:
    """Answer messages of a broker, at least once, until stopped; new releases are followed.

    A message is settled once its captures are on disk and its answer was taken by the broker.
    """
    from assay.adapters.faststream_stream import FastStreamStream, Subjects
    from assay.gateway.listening import bind, run
    from assay.gateway.root import log_to_stderr
    from assay.gateway.stream_root import serve_stream, stream_gateway

    log_to_stderr()
    subjects = Subjects(into, out, dead_letter or f"{out}.dead", group, in_flight, again)
    gateway = stream_gateway(directory, environment)
    metrics = None if metrics_port is None else bind("127.0.0.1", metrics_port)
    told = "" if metrics is None else f", metrics on port {metrics.getsockname()[1]}"

    async def serve(until: asyncio.Event) -> None:
        wire = FastStreamStream(broker.value, url, subjects)
        ready = f"Assay stream ready: {into} to {out}{told}"
        await serve_stream(gateway, wire, until, lambda: print(ready, flush=True), metrics)

    run(serve)
