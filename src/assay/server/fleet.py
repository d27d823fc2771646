"""What agents are told: the desired states at a revision, as bytes that are made once."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from assay.deploy.fleet_state import FORMAT
from assay.ports.server_store import Row, Table
from assay.server.labels import relevant, written

__all__ = ["Answer", "Fleet", "Variant"]

Variant = Callable[[str, str, Mapping[str, str]], bytes | None]
"""(environment, model, labels) -> the document for gateways of those labels; None: as for all."""

_LOG: Any = structlog.get_logger("assay.server")

_SMALL = 1024
"""Bytes below which an answer is not worth packing."""

_KEPT = 512
"""Answers kept at most between two revisions."""


class _Told(msgspec.Struct, frozen=True):
    """A `FleetState` whose desired states are bytes already."""

    revision: int
    full: bool
    models: Mapping[str, msgspec.Raw]
    removed: tuple[str, ...]
    format: int = FORMAT


@dataclass(frozen=True)
class Answer:
    """One answer's bytes, plain and packed, and the revision that it brings an agent to."""

    revision: int
    plain: bytes
    packed: bytes | None


@dataclass(frozen=True)
class _Environment:
    revision: int
    rows: tuple[Row, ...] = ()
    labels: frozenset[str] = frozenset()
    """Names of the labels that decide what some of its models serve."""


_NOTHING = _Environment(0)


@dataclass(eq=False)
class Fleet:
    """Answers agents on one event loop, and wakes those that wait when something changed.

    `variant` gives a model's document for labels.
    """

    variant: Variant = lambda _environment, _model, _labels: None
    _environments: dict[str, _Environment] = field(default_factory=dict)
    _answers: dict[tuple[int, str, str], Answer] = field(default_factory=dict)
    _making: dict[tuple[int, str, str], asyncio.Task[Answer]] = field(default_factory=dict)
    _waiting: dict[str, set[asyncio.Future[None]]] = field(default_factory=dict)

    def revision(self, environment: str) -> int:
        """Return the revision at which anything in an environment changed last."""
        found = self._environments.get(environment)
        return 0 if found is None else found.revision

    @property
    def waiting(self) -> int:
        """How many agents wait for a change."""
        return sum(map(len, self._waiting.values()))

    def take(
        self, table: Table, names: Mapping[tuple[str, str], Iterable[str]] | None = None
    ) -> None:
        """Take a new table over, and wake the agents whose environment it changes.

        `names` are those of the labels that decide what a model serves, by environment and model.
        """
        apart: dict[str, list[Row]] = {}
        for row in table.rows:
            apart.setdefault(row.environment, []).append(row)
        for name, rows in apart.items():
            revision = max(row.changed for row in rows)
            if revision == self.revision(name):
                continue
            labels = frozenset(
                label for row in rows for label in (names or {}).get((name, row.model), ())
            )
            self._environments[name] = _Environment(revision, tuple(rows), labels)
            self._answers = {key: answer for key, answer in self._answers.items() if key[1] != name}
            for future in self._waiting.pop(name, ()):
                _wake(future)

    def wake(self) -> None:
        """Wake every agent that waits, though nothing changed."""
        for waiting in self._waiting.values():
            for future in waiting:
                _wake(future)

    async def changed(self, environment: str, seconds: float) -> None:
        """Wait until something in an environment changes, or so many seconds have passed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        waiting = self._waiting.setdefault(environment, set())
        waiting.add(future)
        timer = loop.call_later(seconds, _wake, future)
        try:
            await future
        finally:
            timer.cancel()
            waiting.discard(future)

    async def answer(self, environment: str, since: int, labels: Mapping[str, str]) -> Answer:
        """Return what an agent at a revision is to hear; 0, or one never given: everything.

        Agents of the same revision whose labels matter the same get the same bytes.
        """
        if len(self._answers) >= _KEPT:
            self._answers.clear()
        there = self._environments.get(environment, _NOTHING)
        since = since if 0 < since <= there.revision else 0
        if not there.labels or not (labels := relevant(labels, there.labels)):
            key = (since, environment, "")
            answer = self._answers.get(key)
            if answer is None:
                answer = self._answers[key] = _made(there, since, {})
            return answer
        key = (since, environment, written(labels))
        answer = self._answers.get(key)
        return answer if answer is not None else await self._looked_up(key, there, labels)

    async def _looked_up(
        self, key: tuple[int, str, str], there: _Environment, labels: Mapping[str, str]
    ) -> Answer:
        """Make the answer for labels, which the ledger decides: once, and off the loop."""
        task = self._making.get(key)
        if task is None:

            async def make() -> Answer:
                since, environment, _ = key
                try:
                    own, whole = await asyncio.to_thread(
                        self._variants, environment, there, since, labels
                    )
                    answer = _made(there, since, own)
                    if whole and self._environments.get(environment) is there:
                        self._answers[key] = answer
                    return answer
                finally:
                    del self._making[key]

            task = self._making[key] = asyncio.ensure_future(make())
        return await asyncio.shield(task)

    def _variants(
        self, environment: str, there: _Environment, since: int, labels: Mapping[str, str]
    ) -> tuple[dict[str, bytes], bool]:
        """Return the documents for labels, and whether all were made; raises where none was."""
        found, faults, asked = {}, [], 0
        for row in there.rows:
            if row.changed <= since or row.document is None:
                continue
            asked += 1
            try:
                document = self.variant(environment, row.model, labels)
            except Exception as error:  # noqa: BLE001 - one model must not silence the others
                faults.append(error)
                _LOG.error("a stage is told what all are told", model=row.model, error=repr(error))
                continue
            if document is not None:
                found[row.model] = document
        if faults and len(faults) == asked:
            raise faults[0]
        return found, not faults


def _made(there: _Environment, since: int, own: Mapping[str, bytes]) -> Answer:
    """Return the answer to an agent at a revision; `own` are documents for its labels."""
    rows = [row for row in there.rows if row.changed > since]
    models = {
        row.model: msgspec.Raw(own.get(row.model, row.document))
        for row in rows
        if row.document is not None
    }
    gone = tuple(row.model for row in rows if row.document is None) if since else ()
    told = _Told(there.revision, full=not since, models=models, removed=gone)
    plain = msgspec.json.encode(told)
    packed = gzip.compress(plain, 5, mtime=0) if len(plain) > _SMALL else None
    return Answer(there.revision, plain, packed)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
