"""Requests joined at each tick of the event loop: read, answered, recorded and written together.

No timer: the first request of a tick has the batch answered at the end of it, with whatever came
meanwhile. So a lone request waits for nothing, and under load batches grow by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import Any

import structlog

from assay.deploy.serving import Serving
from assay.gateway.batch import Batch
from assay.gateway.failure_record import failure, on_arm
from assay.gateway.http_message import Reply, Request, Response
from assay.gateway.prediction_id import fresh_names
from assay.gateway.refusal import Refusal, refused
from assay.gateway.waiting import OPEN_INFERENCE, Entry, Form, Waiting, plan_of
from assay.ports.clock import Clock

__all__ = ["OPEN_INFERENCE", "Batcher", "Entry", "Form", "version_not_served"]

_LOG: Any = structlog.get_logger("assay.gateway")
_WORK_FOR_A_THREAD = 64 * 2**10
_THREADS = 2
_MOST_TOGETHER = 512
"""Requests that are answered at once; more of them would wait for each other for nothing."""


class Batcher:
    """Answers requests of any models, those of one state together.

    All that is done for a request once it was admitted: it is counted, its answer recorded (before
    it is sent where the charter says `sync`), a copy offered to the shadow, a failure recorded.
    Bodies above 64 KiB, and models whose engine is elsewhere (`AsyncEngine`), are worked on by
    threads: while such an engine is busy, its requests gather.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fresh = fresh_names()
        self._waiting: list[Waiting] = []
        self._threads = ThreadPoolExecutor(_THREADS, "answer")
        self._busy: dict[Serving, list[Waiting]] = {}

    def submit(
        self,
        entry: Entry,
        serving: Serving,
        pinned: str | None,
        request: Request,
        reply: Reply,
        form: Form = OPEN_INFERENCE,
    ) -> None:
        """Take a request in; `reply` is called on the event loop once.

        `serving` is the state that answers it, `pinned` the version asked for. To be called on the
        loop.
        """
        waiting = Waiting(entry, serving, request, reply, form)
        if pinned is not None:
            arm = serving.index_of(pinned)
            if arm is None:
                self._fail(waiting, version_not_served(serving, pinned))
                return
            waiting.pinned = arm
        if len(request.body) > _WORK_FOR_A_THREAD and not _elsewhere(serving):
            self._on_thread([waiting], lambda: None)
            return
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def close(self) -> None:
        """Finish what threads are at."""
        self._threads.shutdown(wait=True)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        groups: dict[tuple[Serving, int | None], list[Waiting]] = {}
        for one in waiting:
            groups.setdefault((one.serving, one.pinned), []).append(one)
        for (serving, _), group in groups.items():
            if _elsewhere(serving):
                self._gather(serving, group)
                continue
            for first in range(0, len(group), _MOST_TOGETHER):
                self._answer(group[first : first + _MOST_TOGETHER])

    def _answer(self, group: Sequence[Waiting]) -> None:
        try:
            batches = self._batches(group)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the clients get answers
            for one in group:
                self._fail(one, error)
        else:
            self._finish(batches)

    def _batches(self, group: Sequence[Waiting]) -> list[Batch]:
        """Answer requests of one state; nothing is sent yet."""
        return Batch.answered(group, self._clock.now().isoformat(), self._fresh)

    # --- threads --------------------------------------------------------------------------------

    def _on_thread(self, group: list[Waiting], then: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()

        def finish(done: Future[list[Batch]]) -> None:
            loop.call_soon_threadsafe(self._back, group, done, then)

        self._threads.submit(self._batches, group).add_done_callback(finish)

    def _back(
        self, group: list[Waiting], done: Future[list[Batch]], then: Callable[[], None]
    ) -> None:
        error = done.exception()
        if error is None:
            self._finish(done.result())
        else:
            for one in group:
                self._fail(one, error)
        then()

    def _gather(self, serving: Serving, group: list[Waiting]) -> None:
        """Have requests answered elsewhere, or let them wait together until its turn is over."""
        if serving in self._busy:
            self._busy[serving] += group
            return
        self._busy[serving] = []

        def then() -> None:
            gathered = self._busy.pop(serving)
            by_pin: dict[int | None, list[Waiting]] = {}
            for one in gathered:
                by_pin.setdefault(one.pinned, []).append(one)
            for again in by_pin.values():
                self._gather(serving, again)

        self._on_thread(group[:_MOST_TOGETHER], then)
        self._busy[serving] += group[_MOST_TOGETHER:]

    # --- answers --------------------------------------------------------------------------------

    def _finish(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            for waiting, error in batch.failed:
                self._fail(waiting, error)
            if batch.group:
                self._record(batch)

    def _record(self, batch: Batch) -> None:
        """Hand the captures in; answer at once, or when they are on disk."""
        entry, serving = batch.entry, batch.serving
        sync = serving.desired.capture == "sync"
        for capture in batch.captures:
            entry.counts.predicted(capture.shared["version"], capture.shared["arm"], capture.n)
        try:
            written = entry.captures.add(batch.captures, soon=sync)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the clients get answers
            self._recorded(batch, error)
        else:
            if written.done():
                self._recorded(batch, written.exception())
            else:
                loop = asyncio.get_running_loop()
                written.add_done_callback(partial(self._written, loop, batch, perf_counter()))
                if not sync:
                    self._send(batch)
        if serving.shadow is not None:
            entry.shadow.offer(serving, batch.asked, batch.at)

    def _written(
        self, loop: asyncio.AbstractEventLoop, batch: Batch, handed: float, done: Future[None]
    ) -> None:
        """Tell the loop what became of captures; called on the thread that writes them."""
        batch.entry.counts.capture_lag = perf_counter() - handed
        error = done.exception()
        if batch.serving.desired.capture == "sync":
            loop.call_soon_threadsafe(self._recorded, batch, error)
        elif error is not None:
            loop.call_soon_threadsafe(self._lost, batch, error)

    def _recorded(self, batch: Batch, error: BaseException | None) -> None:
        if error is None:
            self._send(batch)
            return
        self._lost(batch, error)
        if batch.serving.rules.capture.on_failure == "withhold":
            for waiting in batch.group:
                self._fail(waiting, error)
            return
        batch.captured = False
        self._send(batch)

    def _lost(self, batch: Batch, error: BaseException) -> None:
        rows = sum(capture.n for capture in batch.captures)
        batch.entry.counts.lost += rows
        _LOG.error("predictions were not recorded", error=str(error), n=rows)

    def _send(self, batch: Batch) -> None:
        """Answer each request once, whatever breaks at another, and count them all as answered."""
        seconds: list[float] = []
        failed = 0
        try:
            for waiting, body in batch.written():
                if isinstance(body, Exception):
                    failed += 1
                    self._fail(waiting, body)
                    continue
                try:
                    waiting.reply(Response(200, body))
                except Exception as error:  # noqa: BLE001 - the others get their answers
                    _unsent(error)
                seconds.append(perf_counter() - waiting.request.received)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the clients get answers
            for waiting in batch.group[len(seconds) + failed :]:
                self._fail(waiting, error)
        finally:
            batch.entry.admission.done(perf_counter(), len(seconds))
            batch.entry.counts.answered(200, *seconds)

    def _fail(self, waiting: Waiting, error: BaseException) -> None:
        """Answer with an error, and record that."""
        entry, response, now = waiting.entry, refused(error), perf_counter()
        took = now - waiting.request.received
        try:
            waiting.reply(response)
        except Exception as broken:  # noqa: BLE001 - it is counted all the same
            _unsent(broken)
        entry.counts.answered(response.status, took)
        entry.admission.done(now)
        try:
            serving, at = waiting.serving, self._clock.now().isoformat()
            record = failure(serving.desired, response.status, at, took)
            record |= on_arm(serving, waiting.pinned, waiting.ids, waiting.entities)
            entry.captures.append([record])
        except Exception as broken:  # noqa: BLE001 - whatever breaks, the next client gets an answer
            _LOG.error("a failed request was not recorded", error=repr(broken))


def _unsent(error: Exception) -> None:
    _LOG.error("an answer was not handed over", error=repr(error))


def version_not_served(serving: Serving, version: str) -> Refusal:
    """Return what is told where a version that was asked for decides on nothing now."""
    return Refusal(
        404,
        f"Version {version[:100]!r} of {serving.desired.model} gets no traffic; "
        f"served are {', '.join(serving.deciding) or 'none, the baseline decides'}.",
    )


def _elsewhere(serving: Serving) -> bool:
    """Whether an arm's model answers later and elsewhere."""
    return plan_of(serving).elsewhere
