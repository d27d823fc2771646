"""Workspaces on this machine as what a gateway follows: their desired states, read from files."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from assay.deploy.desired import Desired
from assay.deploy.fleet_state import FleetState
from assay.errors import AssayError, StoreError
from assay.gateway.prediction_id import drawn_key
from assay.ports.blobs import Blobs
from assay.ports.captures import CaptureLog
from assay.ports.desired import DesiredStore
from assay.ports.keys import Keys
from assay.ports.outcome_inbox import OutcomeInbox

__all__ = ["Place", "WorkspacesSource"]

_LOG: Any = structlog.get_logger("assay.gateway")


@dataclass(frozen=True)
class Place:
    """What a gateway has of one workspace, in one environment.

    `demand` raises where a state, as it was read, may not be served: who signed it is asked there.
    `govern` is told each state before it serves: how its captures are protected and rotated.
    `key` returns the installation's key, which is made where it is first asked for.
    """

    name: str
    desired: DesiredStore
    blobs: Blobs
    captures: CaptureLog
    outcomes: OutcomeInbox
    keys: Keys
    govern: Callable[[Desired], None] = lambda _: None
    demand: Callable[[Desired], None] = lambda _: None
    key: Callable[[], bytes] = drawn_key


class WorkspacesSource:
    """A `DesiredSource` over workspaces: looks every `poll` seconds whether a file was replaced.

    A document that does not read is complained of once, and the model it was
    about is told as before; so is a model that a second workspace has too: the first one keeps it.
    """

    def __init__(
        self,
        places: Sequence[Place],
        poll: float = 0.05,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._places = places
        self._poll = poll
        self.failures = 0
        self._sleep = sleep
        self._seen: dict[str, bytes] = {}
        self._complaints: dict[str, str] = {}
        self._states: dict[str, Desired] = {}
        self._owners: dict[str, Place] = {}
        self._revision = 0

    def changed(self, seconds: float) -> FleetState | None:
        """Look at once, then again and again for so long; the whole state where something changed.

        The first call tells a state even where nothing is to be served.
        """
        until = time.monotonic() + seconds
        while not self._look() and self._revision:
            left = until - time.monotonic()
            if left <= 0:
                return None
            self._sleep(min(self._poll, left))
        self._revision += 1
        return FleetState(self._revision, full=True, models=self._models())

    def blobs_of(self, model: str) -> Blobs:
        """Return where the bundles of a model lie."""
        return self.place_of(model).blobs

    def place_of(self, model: str) -> Place:
        """Return the workspace that a model belongs to; StoreError where none has it."""
        found = self._owners.get(model)
        if found is None:
            raise StoreError(f"No workspace here has a model {model!r}.")
        return found

    def took(self, revision: int, *, whole: bool) -> None:
        """Files are told nothing."""

    def stop(self) -> None:
        """Nothing is open between two looks."""

    def _look(self) -> bool:
        news = [self._read(place) for place in self._places]
        return any(news)

    def _read(self, place: Place) -> bool:
        """Read one workspace's document; whether it says something new."""
        try:
            raw = place.desired.read()
            # The store gives the same bytes again while the file is the same: no comparing them.
            if raw is None or raw is self._seen.get(place.name):
                return False
            self._seen[place.name] = raw
            fresh = Desired.read(raw)
            place.demand(fresh)
        except AssayError as error:
            self._complain(place, error)
            return False
        self._complaints.pop(place.name, None)
        changed = fresh != self._states.get(place.name)
        self._states[place.name] = fresh
        return changed

    def _models(self) -> Mapping[str, Desired]:
        """Return each model's state; the first workspace keeps a name that two of them have."""
        models: dict[str, Desired] = {}
        for place in self._places:
            state = self._states.get(place.name)
            if state is None:
                continue
            if state.model in models:
                _LOG.error("two workspaces have this model", model=state.model, left=place.name)
                continue
            models[state.model] = state
            self._owners[state.model] = place
        return models

    def _complain(self, place: Place, error: AssayError) -> None:
        """Tell of each failure, and log each new one."""
        text = str(error)
        if self._complaints.get(place.name) != text:
            self._complaints[place.name] = text
            self.failures += 1
            _LOG.error("a desired state does not read", place=place.name, error=text)
