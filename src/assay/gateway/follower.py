"""Following the desired state: looking for news and taking it up, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import structlog

from assay.deploy.desired_source import DesiredSource
from assay.deploy.fleet_state import FleetState
from assay.gateway.pool import Pool

__all__ = ["Follower"]

_LOG: Any = structlog.get_logger("assay.gateway")
_LOOK, _SLOW = 0.5, 1.0


class Follower:
    """Takes what a source tells into the pool; what could not be taken up is tried again.

    `beside` is called at least twice a second: small things to look after that ride along.
    """

    def __init__(
        self, source: DesiredSource, pool: Pool, beside: Callable[[], None] = lambda: None
    ) -> None:
        self._source = source
        self._pool = pool
        self._beside = beside
        self._state: FleetState | None = None
        self._whole = True
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._complaint = ""

    def refresh(self, seconds: float = 0.0) -> bool:
        """Look, at most so long, and take up what is new; whether there was something new."""
        news = self._look(seconds)
        if self._state is not None and (news or not self._whole):
            self._take_up(self._state)
        return news

    def _look(self, seconds: float) -> bool:
        try:
            fresh = self._source.changed(seconds)
        except Exception as error:  # noqa: BLE001 - the promise is to serve on, whatever the fault
            self._complain(error)
            self._stopped.wait(seconds)
            return False
        self._complaint = ""
        if fresh is not None:
            self._state = fresh if self._state is None else self._state.followed_by(fresh)
        return fresh is not None

    def _take_up(self, state: FleetState) -> None:
        """Have a state served, and the newer ones that come meanwhile."""
        taking: FleetState | None = None
        while taking is not state:
            taking, begun = state, perf_counter()
            self._whole = self._pool.follow(state, partial(self._newer, state, begun))
            state = self._state or state
        self._source.took(state.revision, whole=self._whole)

    def _newer(self, taking: FleetState, begun: float) -> bool:
        """Look for news while a state is taken up; what of them needs no loading is served."""
        if perf_counter() - begun > _SLOW:
            # A server tells nothing new to a gateway that has not said how the last news went.
            self._source.took(taking.revision, whole=False)
        if self._look(0.0) and self._state is not None:
            self._pool.swap(self._state)
        return self._state is not taking

    def start(self) -> None:
        """Follow from now on, until stopped."""
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following; what is served stays. A second call does nothing."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.refresh(_LOOK)
            self._beside()

    def _complain(self, error: Exception) -> None:
        """Count each failure, and log each new one."""
        self._pool.counts.load_failures += 1
        text = f"{type(error).__name__}: {error}"
        if text != self._complaint:
            self._complaint = text
            _LOG.error("the desired state cannot be learned; serving on as before", error=text)
