"""Following the desired state: a new one is loaded beside the old one, then takes its place."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from assay.deploy.desired import Desired
from assay.gateway.metrics import Metrics
from assay.gateway.serving import LoadEngine, Serving, load_serving
from assay.ports.blobs import Blobs
from assay.ports.desired import DesiredStore

__all__ = ["Follower"]

_LOG: Any = structlog.get_logger("assay.gateway")


class Follower:
    """Holds what is served now, and changes it in one step when the desired state does.

    Requests take `serving` once and keep it to their end, so that none is dropped by a change.
    Whatever is wrong with a new state, the last good one serves on; the new one is tried again.
    """

    def __init__(
        self, store: DesiredStore, blobs: Blobs, load_engine: LoadEngine, metrics: Metrics
    ) -> None:
        self.serving: Serving | None = None
        self._store = store
        self._blobs = blobs
        self._load_engine = load_engine
        self._metrics = metrics
        self._seen: bytes | None = None
        self._complaint = ""

    def refresh(self) -> bool:
        """Look once; whether what is served has changed."""
        try:
            raw = self._store.read()
            if raw is None or raw == self._seen:
                return False
            fresh = self._loaded(Desired.read(raw))
        except Exception as error:  # noqa: BLE001 - the promise is to serve on, whatever the fault
            self._complain(error)
            return False
        self._seen, self._complaint = raw, ""
        if fresh is None:
            return False
        self.serving = fresh
        self._metrics.revision.set(fresh.desired.revision)
        _LOG.info(
            "serving",
            model=fresh.desired.model,
            revision=fresh.desired.revision,
            versions=fresh.versions,
        )
        return True

    async def follow(self, every: float = 0.2) -> None:
        """Look again and again, `every` so many seconds, until cancelled."""
        while True:
            await asyncio.sleep(every)
            await asyncio.to_thread(self.refresh)

    def _loaded(self, desired: Desired) -> Serving | None:
        """Load a state; None where it is older than what is served."""
        now = self.serving
        same_model = now is not None and desired.model == now.desired.model
        if now is not None and same_model and desired.revision < now.desired.revision:
            _LOG.warning("older state ignored", revision=desired.revision)
            return None
        return load_serving(desired, self._blobs, self._load_engine, now)

    def _complain(self, error: Exception) -> None:
        """Count each failure, and log each new one."""
        self._metrics.load_failures.inc()
        text = f"{type(error).__name__}: {error}"
        if text != self._complaint:
            self._complaint = text
            _LOG.error("the desired state cannot be served; serving on as before", error=text)
