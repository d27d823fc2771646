"""A server is killed at random points while releases go through its API and a gateway follows it.

Afterwards: the ledger's chain holds, every step that was acknowledged is in it once, steps are
counted without a gap, one version is the champion, no request to the gateway failed meanwhile, and
it comes to serve what the ledger says last. With SQLite and, where it answers, with PostgreSQL.
"""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from bench.kill.tally import Tally
from bench.live import Load, Process, World
from bench.waiting import until
from msgspec.structs import replace

from assay.deploy.desired import Desired, revision_told
from assay.deploy.fleet_state import FleetState
from assay.evidence.states import ReleaseState

__all__ = ["Servers", "run", "schema"]

ADDRESS = os.environ.get("ASSAY_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")
STEPS = (0.1, 0.2, 0.3, 0.4, 0.5)
_REFUSED = 409
_SETTLE = 5
"""The gateway's way to the last state is awaited after so many kills, and after the last."""

_LIVES = 8
"""Kills in one workspace."""

Step = tuple[int, str, int, str]
"""A step as it was acknowledged: revision, what, version and when."""


@dataclass
class Servers:
    """The lives of one server over one workspace."""

    folder: Path
    database: str | None = None
    seed: int = 0
    clients: int = 4
    tally: Tally = field(init=False)
    acknowledged: set[Step] = field(default_factory=set)
    asked: int = 0

    def __post_init__(self) -> None:
        self.tally = Tally(f"server, {'PostgreSQL' if self.database else 'SQLite'}")
        release = {"strategy": "canary", "steps": STEPS, "loss_budget_per_year": 90_000}
        self._world = World(self.folder, **release, capture="sync")
        if self.database:
            self._world.let_in(self.database)
        self._options = ("--database", self.database) if self.database else ()

    def kill(self, times: int) -> Tally:
        """Kill so often, and return what came of it."""
        draw = random.Random(self.seed)
        with ExitStack() as stack:
            server = stack.enter_context(self._world.server(*self._options))
            gateway = stack.enter_context(self._world.follower(server.url))
            load = Load([gateway.url], self.clients, pause=0.02)
            stack.callback(load.stop)
            until(lambda: bool(load.answers or load.failed or load.broken))
            for life in range(times):
                self._live(server, draw, life)
                server = stack.enter_context(self._world.server(*self._options, port=server.port))
                self._look(life)
                if life % _SETTLE == _SETTLE - 1 or life == times - 1:
                    self._settle(server.url, life)
            load.stop()
        self.asked = len(load.answers)
        self.tally.faults += [f"a request failed: {one}" for one in load.failed + load.broken]
        self.tally.acknowledged = len(self.acknowledged)
        said = f"{self.asked:,} requests answered meanwhile by the gateway that follows"
        self.tally.notes.append(said)
        return self.tally

    def _live(self, server: Process, draw: random.Random, life: int) -> None:
        """Take steps through the interface, and kill the server in between."""
        driver = threading.Thread(target=self._drive, args=(server.url, draw.random(), life))
        before = len(self.acknowledged)
        driver.start()
        if life % 3:  # the others are killed while the server begins
            until(lambda: len(self.acknowledged) > before or not driver.is_alive())
        time.sleep(draw.uniform(0.05, 1.5))
        server.kill()
        driver.join()
        self.tally.kills += 1

    def _drive(self, url: str, seed: float, life: int) -> None:
        """Ask for one step after the other until the server is gone."""
        draw = random.Random(seed)
        headers = {"authorization": f"Bearer {self._world.secret}"}
        place = f"/api/v1/models/{self._world.model}/release"
        query = {"environment": self._world.place}
        client = httpx.Client(base_url=url, headers=headers, timeout=60)
        with suppress(httpx.TransportError), client:
            while True:
                told = client.get(place, params=query).raise_for_status().json()
                asked = {**_next(told, draw), "environment": self._world.place}
                answer = client.post(place, json=asked)
                if answer.status_code == 200:
                    self.acknowledged |= {_step(one) for one in answer.json()["history"]}
                elif answer.status_code != _REFUSED:
                    self.tally.faults.append(f"life {life}: {asked} was answered: {answer.text}")

    def _look(self, life: int) -> None:
        """Compare the ledger with what was acknowledged."""
        workspace = self._world.workspace()
        workspace.ports.ledger.verify()
        state = workspace.release_state()
        found = Counter(
            (one.revision, one.what, one.version, one.at.isoformat()) for one in state.history
        )
        self.tally.lost = len(self.acknowledged - found.keys())
        self.tally.doubled = sum(n > 1 for n in found.values())
        self.tally.faults += [
            f"life {life}: {one}" for one in _faults(state, workspace.ports.desired.read())
        ]

    def _settle(self, url: str, life: int) -> None:
        """Wait until the gateway has taken up what the ledger says last."""

        def settled() -> bool:
            workspace = self._world.workspace()
            state, raw = workspace.release_state(), workspace.ports.desired.read()
            if raw is None or revision_told(raw) != state.revision:
                return False
            held = FleetState.read((self.folder / "far" / "fleet.json").read_bytes())
            told = replace(held.models[self._world.model], signature="")
            same = told.encode() == replace(Desired.read(raw), signature="").encode()
            return same and self._taken_up(url)

        try:
            until(settled)
        except TimeoutError:
            self.tally.faults.append(f"life {life}: the gateway did not come to the last state")

    def _taken_up(self, url: str) -> bool:
        """Whether the server heard that the gateway serves the last revision."""
        headers = {"authorization": f"Bearer {self._world.secret}"}
        listed = httpx.get(f"{url}/api/v1/fleet", headers=headers).raise_for_status().json()
        return [(one["behind"], one["health"]) for one in listed["listed"]] == [(False, "ok")]


def run(times: int) -> list[Tally]:
    """Kill servers so often, half of them with each database where both are there.

    A year's loss budget grants twelve promotions: after a few lives a new workspace is begun.
    """
    with schema() as there:
        both = there is not None
    found = []
    for kind, kills in enumerate((times // 2, times - times // 2) if both else (0, times)):
        lives = [min(_LIVES, kills - begun) for begun in range(0, kills, _LIVES)]
        parts = [_begun_anew(kind == 0, seed, some) for seed, some in enumerate(lives)]
        if parts:
            found.append(Tally.joined(parts))
    return found


def _begun_anew(in_postgres: bool, seed: int, kills: int) -> Tally:
    with ExitStack() as stack:
        database = stack.enter_context(schema()) if in_postgres else None
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        return Servers(Path(folder), database, seed).kill(kills)


@contextmanager
def schema() -> Iterator[str | None]:
    """Give the address of an empty schema of our own, and remove it; None where nobody answers."""
    name = f"assay_kill_{uuid.uuid4().hex}"
    try:
        admin = psycopg.connect(ADDRESS, autocommit=True, connect_timeout=2)
    except psycopg.OperationalError:
        yield None
        return
    with admin:
        admin.execute(f"CREATE SCHEMA {name}")
        try:
            yield f"{ADDRESS}?options=-csearch_path%3D{name}"
        finally:
            # Whoever was killed may hold a connection for a moment longer.
            admin.execute("SET lock_timeout TO '20s'")
            admin.execute(f"DROP SCHEMA {name} CASCADE")


def _next(told: Any, draw: random.Random) -> dict[str, Any]:
    """Return a step that may follow on how a release stands."""
    if told["challenger"] is None:
        taken = [one["what"] for one in told["history"]]
        if taken[-1] == "promoted" and taken.count("promoted") > 1 and draw.random() < 0.5:
            return {"action": "roll_back"}
        return {"action": "start", "version": 3 - told["champion"]["version"]}
    action = draw.choices(["step", "roll_back", "promote"], [0.7, 0.15, 0.15])[0]
    return {"action": action}


def _step(told: Any) -> Step:
    at = datetime.fromisoformat(told["at"])
    return told["revision"], told["what"], told["version"], at.isoformat()


def _faults(state: ReleaseState, raw: bytes | None) -> Iterator[str]:
    if [one.revision for one in state.history] != list(range(1, state.revision + 1)):
        yield "an entry is no step, or a step is there twice"
    if state.champion is None:
        yield "there is no champion"
    arms = [] if raw is None else list(Desired.read(raw).arms)
    if [one.name for one in arms].count("champion") != 1:
        yield "gateways are not told of one champion"
    if abs(sum(one.weight for one in arms) - 1) > 1e-9:
        yield "the shares do not sum to 1"
