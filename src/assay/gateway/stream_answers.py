"""Messages answered by a gateway that nobody can call: joined at each tick, captured, counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import perf_counter
from typing import Any

import structlog

from assay.deploy.stream import StreamRequest, answered, dead_letter, request_of
from assay.errors import DataError, ServiceError
from assay.gateway.app import Gateway
from assay.gateway.http_message import Request, Response
from assay.ports.stream import Arrived, Sent

__all__ = ["StreamAnswers"]

_LOG: Any = structlog.get_logger("assay.stream")
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 2.0
_FAULTS = 5


class StreamAnswers:
    """Answers each message as the gateway's one model answers requests.

    What is wrong with a message is a dead letter. What is wrong with the world (no version is
    released, the disk is full) is tried again until it is mended, after ever longer waits: nothing
    else is taken in meanwhile than what was under way. `stopping` ends those waits.
    """

    def __init__(self, gateway: Gateway, stopping: asyncio.Event) -> None:
        self._gateway = gateway
        self._stopping = stopping
        self.counts: Counter[str] = Counter()

    async def __call__(self, arrived: Arrived) -> Sent:
        """Return what is sent about a message; ServiceError where it is to come again."""
        wait, faults = _FIRST_WAIT, 0
        while True:
            try:
                sent, why = await self._answered(arrived)
            except Exception as error:  # noqa: BLE001 - one message must not hold up the others
                _LOG.error("a fault of the stream's own", error=type(error).__name__)
                sent, why = None, "500"
            faults += why.startswith("500")
            if sent is None and faults >= _FAULTS:
                sent = dead_letter(arrived, "The model failed on it again and again; see the log.")
            if sent is not None:
                self.counts["dead" if sent.dead else "answered"] += 1
                return sent
            self.counts["retried"] += 1
            if self._stopping.is_set():
                raise ServiceError(f"Stopped before the message {arrived.id} was answered: {why}")
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def metrics(self) -> bytes:
        """Return what was counted, for Prometheus."""
        lines = [
            "# HELP assay_stream_messages_total Messages by what became of them.",
            "# TYPE assay_stream_messages_total counter",
            *(
                f'assay_stream_messages_total{{outcome="{name}"}} {self.counts[name]}'
                for name in ("answered", "dead", "retried")
            ),
        ]
        return self._gateway.metrics() + ("\n".join(lines) + "\n").encode()

    async def _answered(self, arrived: Arrived) -> tuple[Sent | None, str]:
        """Return what is sent; None, and why, where it is to be tried again."""
        entry = next(iter(self._gateway.pool.entries.values()), None)
        if entry is None or not entry.desired.arms:
            return None, "no version is released"
        serving = entry.serving
        try:
            request = request_of(arrived, {} if serving is None else serving.reads)
        except DataError as error:
            return dead_letter(arrived, str(error)), ""
        response = await self._asked(entry.name, request)
        if response.status == 200:
            return answered(arrived, request, response.body), ""
        text = response.body.decode(errors="replace")
        if response.status in {404, 408, 429} or response.status >= 500:
            return None, f"{response.status} {text}"
        return dead_letter(arrived, text), ""

    async def _asked(self, model: str, request: StreamRequest) -> Response:
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        path = f"/v2/models/{model}/infer"
        asked = Request("POST", path, "", {}, request.body, perf_counter(), "stream")
        self._gateway(asked, answer.set_result)
        return await answer
