"""The loop that brings releases on: one server leads and acts, the others wait."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import structlog

from assay.errors import AssayError
from assay.evidence.folds import ReleaseState
from assay.lifecycle.controller import Reconciled
from assay.lifecycle.fleet_waits import awaited
from assay.ports.election import Election
from assay.ports.server_store import ServerStore, Table
from assay.server.estate import Estate

__all__ = ["Reconciling"]

_LOG: Any = structlog.get_logger("assay.server")
_RUNNING = 5.0
_QUIET = 60.0
_QUIET_EACH = 2.0
_TURN = 0.05
"""Seconds of work in one turn: many models are looked at one after the other."""


class Reconciling:
    """Takes the one step that is due in each release; can be killed at any point and goes on.

    Nothing is kept here: what is done next is folded from the ledger each time, and written at the
    revision that it was decided on. A release that runs is looked at every `running` seconds, and
    one whose desired state changed soon; the others once a minute, or more rarely where they are
    many, so that a desired state that a killed command did not write is written.
    """

    def __init__(
        self, estate: Estate, store: ServerStore, election: Election, *, running: float = _RUNNING
    ) -> None:
        self._estate = estate
        self._store = store
        self._election = election
        self._running = running
        self._due: dict[tuple[str, str], float] = {}
        self._table = Table(0, ())
        self._listening = datetime.now(UTC)
        self._held: dict[tuple[str, str], int] = {}
        self.leads = False
        self.steps = 0

    def run(self, stopped: threading.Event, every: float = 1.0) -> None:
        """Act while this server leads, until stopped; then let go of the lead."""
        while not stopped.wait(every):
            self.turn()
        self._election.resign()
        self.leads = False

    def turn(self) -> None:
        """Look once who leads, and act where it is this server."""
        try:
            leads = self._election.leads()
        except AssayError as error:
            _LOG.error("nobody can say who leads", error=str(error))
            leads = False
        if leads and not self.leads:
            _LOG.info("this server leads")
            self._due = {}
        self.leads = leads
        if leads:
            self._act(time.monotonic() + _TURN)

    def _act(self, until: float) -> None:
        """Look at what is due, that which waits longest first, until the time is up."""
        places = [
            (model, environment)
            for model in self._estate.models
            for environment in self._environments(model)
        ]
        now = time.monotonic()
        for place in sorted(places, key=lambda one: self._due.get(one, 0.0)):
            if self._due.get(place, 0.0) > now or time.monotonic() > until:
                return
            self._look(*place)

    def _environments(self, model: str) -> tuple[str, ...]:
        try:
            return self._estate.environments(model)
        except AssayError as error:
            _LOG.error("a model cannot be looked after", model=model, error=str(error))
            return ()

    def _look(self, model: str, environment: str) -> None:
        self._due[model, environment] = time.monotonic() + self._running
        try:
            self._release(model, environment)
        except AssayError as error:
            _LOG.error("a model cannot be looked after", model=model, error=str(error))
        except Exception as error:  # noqa: BLE001 - logged in full
            # One model that we fail on must not keep the others from their steps.
            _LOG.exception("a fault of Assay's own", model=model, error=repr(error))

    def news(self, table: Table) -> None:
        """Hear that desired states changed: their releases are looked at next."""
        before, self._table = self._table, table
        for row in table.rows:
            if row.changed > before.revision:
                self._due.pop((row.model, row.environment), None)

    def _release(self, model: str, environment: str) -> None:
        workspace = self._estate.workspace(model, environment)
        with self._estate.alone(model):
            found = workspace.reconcile(waits=self.waits)
        if found.step is not None and found.step.do != "hold":
            self.steps += 1
            _LOG.info("a step was taken", model=model, environment=environment, did=found.step.do)
        self._tell_held(model, environment, found)
        if found.state.challenger is None:
            quiet = max(_QUIET, _QUIET_EACH * len(self._estate.models))
            self._due[model, environment] = time.monotonic() + quiet

    def _tell_held(self, model: str, environment: str, found: Reconciled) -> None:
        """Log once why a release that is to be flipped is not."""
        state, step = found.state, found.step
        flips = state.strategy == "blue_green" and step is not None and step.do == "hold"
        if flips and step and self._held.get((model, environment)) != state.revision:
            self._held[model, environment] = state.revision
            _LOG.info("a release waits", model=model, environment=environment, why=step.reason)

    def waits(self, state: ReleaseState) -> str:
        """Say which of the gateways that are heard a flip waits for (see `awaited`)."""
        agents = self._store.agents()
        return str(awaited(state, self._table, agents, datetime.now(UTC), self._listening))
