"""A server elsewhere as what a gateway follows: asked over and over, checked, kept on disk."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from assay.deploy.desired import Desired
from assay.deploy.fleet_state import FleetState
from assay.errors import AssayError, ServiceError, StoreError, Untrusted
from assay.gateway.workspaces import Place
from assay.ports.blobs import Blobs
from assay.ports.control_plane import ControlPlane
from assay.ports.desired import DesiredStore

__all__ = ["Follows", "ServerSource"]

_LOG: Any = structlog.get_logger("assay.gateway")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_TAKING = 30.0
"""Seconds that a state may take to be taken up before the server is asked again regardless."""
_HOLD_FAILED = "2"
"""Seconds to wait for news while something is wrong: the server is to hear soon that it is not."""


@dataclass(frozen=True)
class Follows:
    """Who follows: its name, its environment, and its labels as text (`region=north`)."""

    agent: str
    environment: str
    labels: str = ""


class ServerSource:
    """A `DesiredSource` over a control plane.

    A thread of its own asks, with the revision that was taken up, which acknowledges it; where the
    server does not answer it asks again after ever longer, random waits, and what was told last
    serves on. `demand` raises where a state may not be served; the model's state before it then
    stays. What may be served is kept in `kept`, checked again when it is read, and told first
    after a restart. `place_for` makes what a model's records go to.
    """

    def __init__(
        self,
        plane: ControlPlane,
        who: Follows,
        kept: DesiredStore,
        demand: Callable[[Desired], None],
        place_for: Callable[[str], Place],
        home: Place,
    ) -> None:
        self.failures = 0
        self.places: list[Place] = [home]
        self._plane = plane
        self._who = who
        self._kept = kept
        self._demand = demand
        self._place_for = place_for
        self._owners: dict[str, Place] = {}
        self._news = threading.Condition()
        self._fresh: FleetState | None = None
        self._held = FleetState(0, full=True)
        self._taken: tuple[int, bool] = (0, True)
        self._refused: dict[str, str] = {}
        self._complaint = ""
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._draw = random.Random()  # noqa: S311 - to spread gateways out, not to keep a secret

    def changed(self, seconds: float) -> FleetState | None:
        """Wait for news; the first call tells what was kept, and begins to ask."""
        if self._thread is None:
            self._begin()
            return self._held
        with self._news:
            self._news.wait_for(lambda: self._fresh is not None, timeout=seconds)
            fresh, self._fresh = self._fresh, None
        return fresh

    def blobs_of(self, model: str) -> Blobs:
        """Return where the bundles of a model lie."""
        return self.place_of(model).blobs

    def place_of(self, model: str) -> Place:
        """Return where a model's records go; StoreError where it was never told of."""
        found = self._owners.get(model)
        if found is None:
            raise StoreError(f"The server tells of no model {model!r}.")
        return found

    def took(self, revision: int, *, whole: bool) -> None:
        """Hear which revision was taken up, and whether all of it is served."""
        with self._news:
            self._taken = (revision, whole)
            self._news.notify_all()

    def stop(self) -> None:
        """Ask no more; an answer that is still awaited is not waited for."""
        self._stopped.set()

    def _begin(self) -> None:
        try:
            raw = self._kept.read()
            if raw is not None:
                self._held = self._checked(FleetState.read(raw))
        except AssayError as error:
            self._complain(error)
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        wait = _FIRST_WAIT
        while not self._stopped.is_set():
            try:
                answer = FleetState.read(self._plane.watch(self._told()))
                self._complaint, wait = "", _FIRST_WAIT
                self._take(answer)
            except Exception as error:  # noqa: BLE001 - the promise is to serve on and to ask again
                self._complain(error)
                self._stopped.wait(wait * self._draw.uniform(0.5, 1.5))
                wait = min(2 * wait, _LONGEST_WAIT)

    def _told(self) -> Mapping[str, str]:
        """Return what the server is told: what was taken up, and how that went."""
        with self._news:
            revision, whole = self._taken
        told = {"agent": self._who.agent, "environment": self._who.environment}
        told |= {"labels": self._who.labels, "revision": str(revision)}
        wrong = sorted(self._refused) + ([] if whole else ["not everything is loaded"])
        if not wrong:
            return told
        note = ", ".join(wrong)[:500]
        return {**told, "health": "failed", "note": note, "hold": _HOLD_FAILED}

    def _take(self, answer: FleetState) -> None:
        """Check an answer, keep it, tell the gateway, and wait until it was taken up."""
        if answer.revision == 0 and self._held.revision:
            # A server that has just begun, or lost what it knew: not that nothing is to be served.
            raise ServiceError("The server knows of nothing that is served. It is asked again.")
        if answer.revision == self._held.revision and not answer.models and not answer.full:
            return
        state = self._checked(answer)
        if state == self._held and self._taken[0] == state.revision:
            return
        self._held = state
        self._keep(state)
        with self._news:
            self._fresh = state
            self._news.notify_all()
            self._news.wait_for(
                lambda: self._taken[0] == state.revision or self._stopped.is_set(), timeout=_TAKING
            )

    def _checked(self, answer: FleetState) -> FleetState:
        """Return the whole state after an answer, with the states before for what is refused."""
        before = {} if answer.full else dict(self._held.models)
        models = {name: one for name, one in before.items() if name not in answer.removed}
        refused = {name: why for name, why in self._refused.items() if name in models}
        for name, told in answer.models.items():
            refused.pop(name, None)
            try:
                models[name] = self._demanded(name, told)
                self._owner(name)
            except AssayError as error:
                refused[name[:80]] = str(error)
                if name in self._held.models:
                    models[name] = self._held.models[name]
        self._tell_refused(refused)
        return FleetState(answer.revision, full=True, models=models)

    def _demanded(self, name: str, told: Desired) -> Desired:
        """Return a state that may be served; AssayError says why it may not."""
        if _NAME.fullmatch(name) is None or told.model != name:
            raise Untrusted(f"{name[:80]!r} is no name of a model, or not that of its state.")
        self._demand(told)
        held = self._held.models.get(name)
        if held is not None and told.revision < held.revision:
            raise Untrusted(
                f"The server tells of revision {told.revision} of {name}, which is older than "
                f"{held.revision}, which serves: an old state may have been sent again."
            )
        return Desired.read(told.encode())

    def _owner(self, name: str) -> None:
        if name not in self._owners:
            self._owners[name] = self._place_for(name)
            self.places.append(self._owners[name])

    def _keep(self, state: FleetState) -> None:
        try:
            self._kept.publish(state.encode(), state.revision)
        except StoreError as error:
            self._complain(error)  # it is served all the same

    def _tell_refused(self, refused: Mapping[str, str]) -> None:
        for name, why in refused.items():
            if self._refused.get(name) != why:
                self.failures += 1
                _LOG.error("a desired state is refused", model=name, error=why)
        self._refused = dict(refused)

    def _complain(self, error: Exception) -> None:
        """Count each failure, and log each new one."""
        self.failures += 1
        text = f"{type(error).__name__}: {error}"
        if text != self._complaint:
            self._complaint = text
            _LOG.error("the server cannot be followed; serving on as before", error=text)
