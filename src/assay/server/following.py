"""Notices that a desired state changed, whoever changed it, and gives the change a revision."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from assay.charter.environments import PRODUCTION
from assay.deploy.desired import Desired
from assay.errors import AssayError
from assay.ports.server_store import Followed, ServerStore, Table

__all__ = ["Following"]

_LOG: Any = structlog.get_logger("assay.server")
_FILE = "desired.json"
_SETTLE = 0.02
_ROUNDS = 10
_MANY = 50
_ASK = 1.0
_LIST = 2.0
"""Seconds between looks for environments that serve for the first time."""

Place = tuple[str, str]
"""An environment, and a file in it."""

Stamp = tuple[int, int, int]


class Following:
    """Looks at the files of desired states, which every command and every server writes.

    A look costs a `stat` for each file; the store, where another server may have told of a change,
    is asked once a second. Files that change together, within a few milliseconds of each other,
    get one revision.
    """

    def __init__(self, states: Sequence[Path], store: ServerStore) -> None:
        self._states = states
        self._store = store
        self._stamps: dict[Place, Stamp] = {}
        self._models: dict[Place, str] = {}
        self._blind: set[Place] = set()
        self._revision = -1
        self._asked = float("-inf")
        self._places: list[Place] = []
        self._listed = float("-inf")
        self.every = 0.1 if len(states) <= _MANY else 0.2

    def look(self, wait: Callable[[float], object] = lambda _seconds: None) -> Table | None:
        """Return the table where anything changed since the last look; `wait` lets files settle."""
        self._list()
        stamps = self._stamped()
        if stamps == self._stamps:
            if time.monotonic() < self._asked + _ASK:
                return None
            self._asked = time.monotonic()
            if self._store.fleet_revision() == self._revision:
                return None
            table = self._store.fleet()
        else:
            for _ in range(_ROUNDS):
                before = stamps
                wait(_SETTLE)
                stamps = self._stamped()
                if stamps == before:
                    break
            table = self._store.follow(*self._read(stamps))
            self._stamps = stamps
        if table.revision == self._revision:
            return None
        self._revision = table.revision
        return table

    def moved(self) -> bool:
        """Whether a file changed since the last look: quick enough for an event loop."""
        return self._stamped() != self._stamps

    def follow(
        self, told: Callable[[Table], None], stopped: threading.Event, moved: threading.Event
    ) -> None:
        """Look when something `moved`, and once a second; tell of each change until stopped.

        A store that fails is asked again, and a change that could not be told is told again.
        """
        while not stopped.is_set():
            before = self._revision
            try:
                table = self.look(stopped.wait)
                if table is not None:
                    told(table)
            except AssayError as error:
                self._revision = before
                _LOG.error("desired states cannot be followed; those told hold", error=str(error))
                stopped.wait(1.0)
                continue
            except Exception as error:  # noqa: BLE001 - logged in full
                # Whatever fails here, a fleet must go on hearing of rollbacks.
                self._revision = before
                _LOG.exception("a fault of Assay's own", error=repr(error))
                stopped.wait(1.0)
                continue
            moved.wait(_ASK)
            moved.clear()

    def _list(self) -> None:
        now = time.monotonic()
        if now > self._listed + _LIST:
            self._listed = now
            self._places = [place for state in self._states for place in self._within(state)]

    def _within(self, state: Path) -> list[Place]:
        """Return where a workspace's desired states lie; as before where that cannot be seen."""
        try:
            return _places(state)
        except OSError as error:
            self._unseen((PRODUCTION, f"{state}/environments"), error)
            return [place for place in self._places if place[1].startswith(f"{state}/")]

    def _stamped(self) -> dict[Place, Stamp]:
        found = {}
        for place in self._places:
            try:
                seen = os.stat(place[1])  # noqa: PTH116 - ten times a second for each model
            except FileNotFoundError:
                continue
            except OSError as error:
                # A folder that cannot be looked into says nothing of what lies there.
                self._unseen(place, error)
                if place in self._stamps:
                    found[place] = self._stamps[place]
                continue
            self._blind.discard(place)
            found[place] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
        return found

    def _unseen(self, place: Place, error: OSError) -> None:
        """Say once that a file cannot be looked at."""
        if place not in self._blind:
            self._blind.add(place)
            _LOG.error("a desired state cannot be seen; the one told holds", error=str(error))

    def _read(self, stamps: Mapping[Place, Stamp]) -> tuple[dict[Place, Followed], list[Place]]:
        """Return what changed, by environment and model, and what is gone."""
        found: dict[Place, Followed] = {}
        for place, stamp in stamps.items():
            if self._stamps.get(place) == stamp:
                continue
            environment, path = place
            try:
                # That it can be served is for gateways to judge, each on its own.
                desired = msgspec.json.decode(Path(path).read_bytes(), type=Desired)
            except (ValueError, OSError) as error:
                _LOG.error("a desired state does not read; the one before holds", error=str(error))
                continue
            self._models[place] = desired.model
            found[environment, desired.model] = Followed(
                desired.revision, msgspec.json.encode(desired)
            )
        gone = [place for place in self._stamps if place not in stamps]
        return found, [(place[0], self._models[place]) for place in gone if place in self._models]


def _places(state: Path) -> list[Place]:
    """Return where a workspace's desired states lie, those of its environments too."""
    found = [(PRODUCTION, f"{state}/{_FILE}")]
    try:
        with os.scandir(f"{state}/environments") as folders:
            found += [(one.name, f"{one.path}/{_FILE}") for one in folders]
    except FileNotFoundError:
        return found
    return found
