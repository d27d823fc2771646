"""Traces by OpenTelemetry: one span for each request, without what was in it.

Off unless the environment says where traces go (`OTEL_EXPORTER_OTLP_ENDPOINT`,
`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_TRACES_EXPORTER`) and `OTEL_SDK_DISABLED` is not true.
Whatever else OpenTelemetry reads from the environment holds: sampler, headers, resource.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import msgspec

from assay.errors import MissingLibrary
from assay.gateway.http_message import Reply, Request, Response

__all__ = ["Tracing", "tracing_from"]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class _Parameters(msgspec.Struct):
    arms: list[str] = []
    versions: list[str] = []


class _Answer(msgspec.Struct):
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class Tracing:
    """Makes a span of each request when it is answered, a child of the caller's `traceparent`."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415 - optional
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - optional

        self._provider = provider
        self._tracer = provider.get_tracer("assay.gateway")
        self._propagator = TraceContextTextMapPropagator()
        self._kind = SpanKind.SERVER
        self._failed = Status(StatusCode.ERROR)

    def telling(self, model: str, request: Request, reply: Reply) -> Reply:
        """Return a reply that makes the request's span before it answers."""

        def told(response: Response) -> None:
            self.tell(model, request, response)
            reply(response)

        return told

    def tell(self, model: str, request: Request, response: Response) -> None:
        """Make the span of a request that is being answered."""
        now = time.time_ns()
        carrier = {
            name: value.decode("latin-1")
            for name in ("traceparent", "tracestate")
            if (value := request.headers.get(name.encode())) is not None
        }
        span = self._tracer.start_span(
            f"infer {model}",
            context=self._propagator.extract(carrier),
            kind=self._kind,
            start_time=now - int((perf_counter() - request.received) * 1e9),
        )
        if span.is_recording():
            span.set_attributes(_attributes(model, response))
            if response.status >= 500:
                span.set_status(self._failed)
        span.end(end_time=now)

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def tracing_from(environment: Mapping[str, str]) -> Tracing | None:
    """Return tracing as OpenTelemetry's variables say; None where they say nothing.

    Raises MissingLibrary where they do and OpenTelemetry is not installed.

    >>> tracing_from({}) is None
    True
    """
    wanted = any(environment.get(name) for name in _ENDPOINTS)
    wanted = wanted or environment.get("OTEL_TRACES_EXPORTER", "none") not in ("", "none")
    if not wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - optional
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415 - optional
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - optional
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingLibrary("opentelemetry", "otel") from error
    name = environment.get("OTEL_SERVICE_NAME", "assay-gateway")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


def _attributes(model: str, response: Response) -> dict[str, Any]:
    """Return what may be told of an answer: who answered, how many rows, and how it went."""
    told: dict[str, Any] = {"assay.model": model, "http.response.status_code": response.status}
    if response.status == 200:
        said = msgspec.json.decode(response.body, type=_Answer).parameters
        told["assay.rows"] = len(said.versions)
        told["assay.versions"] = sorted(set(said.versions))
        told["assay.arms"] = sorted(set(said.arms))
    return told
