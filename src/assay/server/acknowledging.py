"""What agents tell, gathered for a moment and written in one durable transaction."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import structlog

from assay.errors import StoreError
from assay.ports.server_store import Seen, ServerStore, Told

__all__ = ["Acknowledging"]

_LOG: Any = structlog.get_logger("assay.server")
_AGAIN = 1.0
"""Seconds until a batch that could not be written is tried again."""


class Acknowledging:
    """Takes in what agents tell on one event loop; what is news is on disk a moment later.

    `gather` is how long a batch gathers, in seconds. That an agent was heard of without news is
    written every `beat` seconds, all of them together.
    """

    def __init__(self, store: ServerStore, *, gather: float = 0.075, beat: float = 60.0) -> None:
        self._store = store
        self._gather, self._beat = gather, beat
        self._known: dict[str, Told] = {}
        self._news: dict[str, Seen] = {}
        self._heard: set[str] = set()
        self._writing: asyncio.Task[None] | None = None
        self._beating: asyncio.TimerHandle | None = None
        self.written = 0
        self.transactions = 0

    async def start(self) -> None:
        """Read what was known before, and begin to write."""
        known = [one.told for one in await asyncio.to_thread(self._store.agents)]
        self._known = {one.agent: one for one in known}
        self._arm()

    def take(self, told: Told) -> Told | None:
        """Take in what an agent tells, and return what it told before."""
        agent = told.agent
        before = self._known.get(agent)
        if before is told or before == told:
            self._heard.add(agent)
            return before
        self._known[agent] = told
        self._news[agent] = Seen(told, datetime.now(UTC))
        self._begin()
        return before

    def forget(self, agent: str) -> None:
        """Drop an agent from what is remembered here."""
        self._known.pop(agent, None)
        self._news.pop(agent, None)
        self._heard.discard(agent)

    async def close(self) -> None:
        """Write what is left."""
        if self._beating is not None:
            self._beating.cancel()
        self._pulse()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=10.0)

    def _arm(self) -> None:
        self._beating = asyncio.get_running_loop().call_later(self._beat, self._pulsed)

    def _pulsed(self) -> None:
        self._pulse()
        self._arm()

    def _pulse(self) -> None:
        now = datetime.now(UTC)
        heard = {agent: Seen(self._known[agent], now) for agent in self._heard}
        self._news, self._heard = {**heard, **self._news}, set()
        self._begin()

    def _begin(self) -> None:
        if self._news and (self._writing is None or self._writing.done()):
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while self._news:
            await asyncio.sleep(self._gather)
            batch, self._news = self._news, {}
            try:
                await asyncio.to_thread(self._store.acknowledge, tuple(batch.values()))
            except StoreError as error:
                _LOG.error("acknowledgements cannot be written; they wait", error=str(error))
                self._news = {**batch, **self._news}
                await asyncio.sleep(_AGAIN)
            else:
                self.written += len(batch)
                self.transactions += 1
