"""One request for predictions on its way: admitted, its model loaded, handed on, counted."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol

import structlog

from assay.deploy.serving import Serving
from assay.gateway.access import Access
from assay.gateway.batching import OPEN_INFERENCE, Form, version_not_served
from assay.gateway.binary_tensors import LENGTH, binary_form
from assay.gateway.failure_record import failure, on_version
from assay.gateway.http_message import Reply, Request
from assay.gateway.models import ModelEntry
from assay.gateway.pool import Pool
from assay.gateway.refusal import Refusal, refused
from assay.gateway.tracing import Tracing
from assay.ports.clock import Clock

__all__ = ["Asking", "FormOf", "Submit", "demand_version", "not_served", "unavailable"]

_LOG: Any = structlog.get_logger("assay.gateway")
FormOf = Callable[[Serving, Request], Form]
"""How a request that came in other words than those of the inference protocol is read."""


class Submit(Protocol):
    """Takes a request into the next batch; from there on it is the batch's to count and answer."""

    def __call__(
        self,
        entry: ModelEntry,
        serving: Serving,
        pinned: str | None,
        request: Request,
        reply: Reply,
        form: Form = OPEN_INFERENCE,
    ) -> None:
        """Answer a request under a state; `pinned` is the version that was asked for, if any."""
        ...


class Asking:
    """Sees every request for predictions to the batch it is answered in."""

    def __init__(
        self, pool: Pool, submit: Submit, access: Access, clock: Clock, tracing: Tracing | None
    ) -> None:
        self._pool = pool
        self._submit = submit
        self._access = access
        self._clock = clock
        self._tracing = tracing

    def ask(
        self,
        entry: ModelEntry,
        version: str | None,
        request: Request,
        reply: Reply,
        form_of: FormOf | None = None,
    ) -> None:
        """Answer a request now or later; whatever is wrong with it is said in the error form."""
        if self._tracing is not None:
            reply = self._tracing.telling(entry.name, request, reply)
        try:
            if self._access.closed:
                caller = self._access.demand(request, "infer", entry.name, entry.home).name
            else:
                caller = request.peer
            entry.admission.admit(request, caller, request.received)
        except Refusal as refusal:
            entry.counts.answered(refusal.status, perf_counter() - request.received)
            reply(refused(refusal))
            return
        entry.used = request.received
        if entry.serving is not None:
            self._hand_on(entry, version, request, reply, form_of)
            return

        def loaded(fault: BaseException | None) -> None:
            if fault is not None:
                self._fail(entry, version, request, reply, unavailable(entry, fault))
            else:
                self._hand_on(entry, version, request, reply, form_of)

        self._pool.load(entry, loaded)

    def _hand_on(
        self,
        entry: ModelEntry,
        version: str | None,
        request: Request,
        reply: Reply,
        form_of: FormOf | None,
    ) -> None:
        serving = entry.serving
        if serving is None or not serving.arms:
            self._fail(entry, version, request, reply, not_served(entry.name))
            return
        form = OPEN_INFERENCE
        try:
            if form_of is not None:
                form = form_of(serving, request)
            elif LENGTH in request.headers:
                form = binary_form(request.headers[LENGTH])
            self._submit(entry, serving, version, request, reply, form)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the client gets an answer
            self._fail(entry, version, request, reply, error)

    def _fail(
        self,
        entry: ModelEntry,
        version: str | None,
        request: Request,
        reply: Reply,
        error: BaseException,
    ) -> None:
        """Answer a request that never came to a batch, and record that it failed."""
        response, now = refused(error), perf_counter()
        entry.admission.done(now)
        took = now - request.received
        entry.counts.answered(response.status, took)
        reply(response)
        if not entry.desired.arms:
            return
        try:
            at = self._clock.now().isoformat()
            record = failure(entry.desired, response.status, at, took)
            entry.captures.append([record | on_version(entry.desired, version)])
        except Exception as broken:  # noqa: BLE001 - whatever breaks, the client gets an answer
            _LOG.error("a failed request was not recorded", error=repr(broken))


def demand_version(serving: Serving, version: str) -> int:
    """Return the arm of a version; Refusal (404) where it gets no traffic."""
    index = serving.index_of(version)
    if index is None:
        raise version_not_served(serving, version)
    return index


def not_served(model: str) -> Refusal:
    """Return what is told where there is no such model."""
    return Refusal(404, f"No model {model[:100]!r} is served here.")


def unavailable(entry: ModelEntry, fault: BaseException) -> Refusal:
    """Return what is told where a model could not be loaded."""
    return Refusal(
        503,
        f"The model {entry.name} could not be loaded: {fault}",
        ((b"retry-after", b"1"),),
    )
