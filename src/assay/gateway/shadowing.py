"""Shadow copies: scored beside the answers, never before them, and dropped when they pile up."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from assay.deploy.answering import Asked, shadowed
from assay.deploy.serving import Serving
from assay.errors import StoreError
from assay.gateway.counts import ModelCounts
from assay.gateway.failure_record import failure
from assay.ports.captures import CaptureLog

__all__ = ["ShadowQueue", "Shadowing"]

_LOG: Any = structlog.get_logger("assay.gateway")
_Copy = tuple["ShadowQueue", Serving, Asked, str]
_LOWEST = 19


class Shadowing:
    """One thread for all models of a gateway, at the lowest priority that the system knows.

    It takes copies in the order in which they came. `most` rows wait at one time, of all models
    together: what comes beyond that is dropped and counted.
    """

    def __init__(self, most: int = 10_000) -> None:
        self.most = most
        self.rows = 0
        self._waiting: deque[_Copy] = deque()
        self._wake = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def offer(self, copy: _Copy) -> bool:
        """Take a copy; False where it would be one too many."""
        rows = len(copy[2].ids)
        with self._wake:
            if self._stopped or self.rows + rows > self.most:
                return False
            self.rows += rows
            self._waiting.append(copy)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
                self._thread.start()
            self._wake.notify()
        return True

    def drain(self, seconds: float = 10.0) -> bool:
        """Wait until nothing is left; whether that came in time."""
        with self._wake:
            return self._wake.wait_for(lambda: not self.rows, seconds)

    def stop(self) -> None:
        """Finish the copy at hand and leave the others; a second call does nothing."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        with suppress(OSError, AttributeError):  # systems where a thread has no priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST)
        while True:
            with self._wake:
                self._wake.wait_for(lambda: bool(self._waiting) or self._stopped)
                if self._stopped:
                    return
                queue, serving, asked, at = self._waiting.popleft()
            queue.score(serving, asked, at)
            with self._wake:
                self.rows -= len(asked.ids)
                self._wake.notify_all()


class ShadowQueue:
    """Where one model's copies go."""

    def __init__(
        self, shadowing: Shadowing, captures: Callable[[], CaptureLog], counts: ModelCounts
    ) -> None:
        self._shadowing = shadowing
        self._captures = captures
        self._counts = counts
        self._complaint = ""

    def offer(self, serving: Serving, asked: Asked, at: str) -> None:
        """Take a copy of rows that were answered; returns at once.

        Nothing is done where the state has no shadow. `asked` must not be changed any more.
        """
        if serving.shadow is None:
            return
        if not self._shadowing.offer((self, serving, asked, at)):
            self._counts.shadow_dropped += len(asked.ids)

    def score(self, serving: Serving, asked: Asked, at: str) -> None:
        """Score a copy and record it; a fault is counted, and logged where it is a new one."""
        try:
            batches = shadowed(serving, asked, at)
            if batches:
                self._captures().add(batches, soon=False)
        except Exception as error:  # noqa: BLE001 - a shadow's fault must reach nobody's answer
            self._counts.shadow_failed += len(asked.ids)
            text = f"{type(error).__name__}: {error}"
            if text != self._complaint:
                self._complaint = text
                _LOG.error("a shadow copy was not scored", model=serving.desired.model, error=text)
            with suppress(StoreError, OSError):  # it is counted and logged already
                self._captures().append(_failures(serving, asked, at))


def _failures(serving: Serving, asked: Asked, at: str) -> list[dict[str, Any]]:
    """Return a record for each row of a copy that was not scored."""
    version = None if serving.shadow is None else serving.shadow.arm.version
    record = failure(serving.desired, 500, at, 0.0) | {"arm": "shadow", "version": version}
    del record["latency_ms"]  # nobody waited for it
    if asked.entities is None:
        return [record for _ in asked.ids]
    return [{**record, "entity": entity} for entity in asked.entities]
