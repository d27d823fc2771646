"""A gateway's parts put together: what it follows, what it holds, and how it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from assay.deploy.desired import Desired
from assay.deploy.desired_source import DesiredSource
from assay.deploy.serving import LoadEngine
from assay.errors import AssayError
from assay.gateway.access import Access
from assay.gateway.asking import Asking
from assay.gateway.batching import Batcher
from assay.gateway.counts import GatewayCounts
from assay.gateway.follower import Follower
from assay.gateway.http_message import Reply, Request
from assay.gateway.memory import Budget
from assay.gateway.metrics import counted, prometheus_text
from assay.gateway.models import ModelEntry
from assay.gateway.outcomes import OutcomeDesk
from assay.gateway.pool import Pool
from assay.gateway.routes import Routes
from assay.gateway.shadowing import Shadowing
from assay.gateway.tracing import Tracing
from assay.gateway.workspaces import Place
from assay.ports.clock import Clock

__all__ = ["Beside", "Gateway", "SharedCounts"]

_LOG: Any = structlog.get_logger("assay.gateway")


class SharedCounts(Protocol):
    """What the workers of one port tell each other of their counters."""

    @property
    def worker(self) -> str:
        """This worker's name."""
        ...

    def tell(self, document: Mapping[str, Any]) -> None:
        """Put down what this worker counted, in place of what it counted before."""
        ...

    def others(self) -> dict[str, Any]:
        """Return what each other worker put down last, by its name."""
        ...


@dataclass(frozen=True)
class Beside:
    """What a gateway may do without.

    `memory_mib` is what the models of this worker may take; `resident` tells its memory in bytes.
    `counts` is given where several workers share a port, `tracing` where traces are wanted.
    """

    memory_mib: float | None = None
    resident: Callable[[], int] = lambda: 0
    counts: SharedCounts | None = None
    tracing: Tracing | None = None


class Gateway:
    """One worker: a handler of requests, and everything behind it.

    `source` tells what to serve, `place_of` where a model's records go; `places` are all of those.
    """

    def __init__(
        self,
        source: DesiredSource,
        place_of: Callable[[str], Place],
        places: Sequence[Place],
        load_engine: LoadEngine,
        clock: Clock,
        beside: Beside | None = None,
    ) -> None:
        self._beside = beside or Beside()
        self._source = source
        self._places = places
        self._place_of = place_of
        self.access = Access({place.name: place.keys for place in places})
        self.shadowing = Shadowing()
        budget = Budget(self._beside.memory_mib, self._beside.resident)
        self.pool = Pool(self._entry, source.blobs_of, load_engine, budget, GatewayCounts())
        self.follower = Follower(source, self.pool, self._look_after)
        self.batcher = Batcher(clock)
        asking = Asking(self.pool, self.batcher.submit, self.access, clock, self._beside.tracing)
        desk = OutcomeDesk(self.pool, self.access)
        self.routes = Routes(self.pool, asking, desk, self.access, self.metrics)

    def __call__(self, request: Request, reply: Reply) -> None:
        """Answer a request now or later."""
        self.routes(request, reply)

    async def start(self, *, follow: bool = True) -> None:
        """Take up what is to be served, and `follow` it from now on; on the requests' loop."""
        self.pool.on_loop = asyncio.get_running_loop().call_soon_threadsafe
        await asyncio.to_thread(self.follower.refresh)
        if follow:
            self.follower.start()

    async def stop(self) -> None:
        """Finish what was begun and write what is left, after the last answer."""
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Stop every thread, and close what was opened; a second call does nothing."""
        self._source.stop()
        self.follower.stop()
        self.pool.stop()
        self.batcher.close()
        self.shadowing.stop()
        for place in self._places:
            place.captures.close()
            place.outcomes.close()
        if self._beside.tracing is not None:
            self._beside.tracing.stop()

    def metrics(self) -> bytes:
        """Return what was counted, by every worker that shares the port, for Prometheus."""
        shared = self._beside.counts
        if shared is None:
            return prometheus_text({"0": self._counted()})
        return prometheus_text({**shared.others(), shared.worker: self._counted()})

    def _counted(self) -> dict[str, Any]:
        document = counted(self.pool, self.shadowing.rows, self._beside.resident())
        document["load_failures"] += self._source.failures
        return document

    def _entry(self, desired: Desired) -> ModelEntry:
        place = self._place_of(desired.model)
        return ModelEntry(
            desired,
            place.name,
            place.captures,
            place.outcomes,
            self.shadowing,
            place.govern,
            place.key,
        )

    def _look_after(self) -> None:
        """See to keys and shared counters, twice a second; serving goes on whatever breaks."""
        self.access.refresh()
        if self._beside.counts is not None:
            try:
                self._beside.counts.tell(self._counted())
            except AssayError as error:
                _LOG.error("what was counted is not shared", error=str(error))
