"""A model with versions in memory, and stores that can be killed in the middle of a write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.memory_captures import MemoryCaptures
from assay.adapters.memory_desired import MemoryDesired
from assay.adapters.memory_ledger import MemoryLedger
from assay.adapters.memory_outbox import MemoryOutbox
from assay.adapters.memory_outcomes import MemoryOutcomes
from assay.adapters.memory_profiles import MemoryProfiles
from assay.adapters.memory_windows import MemoryWindows
from assay.adapters.polars_tables import PolarsTables
from assay.adapters.system_clock import FixedClock
from assay.charter.charter import Charter
from assay.charter.people import Role
from assay.deploy.release_step import Ruling
from assay.evidence.event import Event, EventType
from assay.evidence.states import ReleaseState
from assay.lifecycle.approval import judge, sign, write
from assay.lifecycle.controller import Reconciled, reconcile
from assay.lifecycle.releasing import Action, release
from assay.lifecycle.telling import release_state
from assay.lifecycle.ways_back import fall_back_to
from assay.ports.ports import Ports

FRIDAY = datetime(2026, 5, 1, 12, tzinfo=UTC)
REGIONS = ({"region": "north"}, {"region": "south"}, {"region": "east"})


class Killed(BaseException):
    """The process was killed here."""


@dataclass
class Kill:
    """Where the next process is killed, if anywhere, and what runs just before it appends."""

    at: str | None = None
    meanwhile: Callable[[], object] | None = None

    def here(self, point: str) -> None:
        if self.at == point:
            self.at = None
            raise Killed

    def others(self) -> None:
        run, self.meanwhile = self.meanwhile, None
        if run is not None:
            run()


class KillableLedger(MemoryLedger):
    """A ledger whose writer may be killed before or after it wrote, or be overtaken."""

    def __init__(self, kill: Kill) -> None:
        super().__init__()
        self.kill = kill

    def append(self, subject: str, type_: str, content: bytes, expected: int | None) -> Event:
        if not subject.startswith("release:"):
            return super().append(subject, type_, content, expected)
        self.kill.others()
        self.kill.here("before append")
        event = super().append(subject, type_, content, expected)
        self.kill.here("after append")
        return event


class KillableDesired(MemoryDesired):
    """A desired state whose writer may be killed before or after it wrote."""

    def __init__(self, kill: Kill) -> None:
        super().__init__()
        self.kill = kill

    def publish(self, document: bytes, revision: int) -> bool:
        self.kill.here("before publish")
        done = super().publish(document, revision)
        self.kill.here("after publish")
        return done


def make_charter(strategy: str = "canary", *, price: int = 9, **release: Any) -> Charter:
    """A charter whose gate in `test` asks for one signature alone."""
    stages = {"stages": REGIONS} if strategy == "staged" else {}
    return Charter.model_validate(
        {
            "name": "bank",
            "title": "Whom to call",
            "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
            "strategy": {"objective": "o", "kpi": "k"},
            "people": "solo",
            "data": {"source": "bank.csv", "outcome": "y", "positive": "yes", "entity": "c"},
            "value": {
                "currency": "EUR",
                "actions": {"call": {"yes": price, "no": -1}, "skip": 0},
                "baselines": {"nobody": "skip", "everybody": "call"},
                "baseline": "nobody",
                "decisions_per_month": 1000,
            },
            "risk": {"tier": "low"},
            "release": {"strategy": strategy, "steps": (0.1, 0.3, 0.6), **stages, **release},
            "environments": {
                "test": {"gate": False, "sign_off": ["risk_officer"]},
                "stage": {"gate": False, "after": "test", "soak": "2 days"},
            },
        }
    ).within("test")


@dataclass
class World:
    """One model's ports, its clock and its charter; each call is a process of its own."""

    charter: Charter
    now: datetime = FRIDAY
    kill: Kill = field(default_factory=Kill)
    versions: int = 0

    def __post_init__(self) -> None:
        self.ports = Ports(
            ledger=KillableLedger(self.kill),
            blobs=MemoryBlobs(),
            captures=MemoryCaptures(),
            outcomes=MemoryOutcomes(),
            desired=KillableDesired(self.kill),
            tables=PolarsTables(),
            clock=FixedClock(self.now),
            outbox=MemoryOutbox(),
            windows=MemoryWindows(),
            profiles=MemoryProfiles(),
        )

    @property
    def state(self) -> ReleaseState:
        return release_state(self.ports.ledger, self.charter)

    def wait(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    def register(self) -> int:
        self.versions += 1
        content = {
            "bundle": f"{self.versions:064d}",
            "charter": self.charter.digest,
            "sections": self.charter.digests(),
            "origin": {},
        }
        subject = f"model:bank/{self.versions}"
        write(self.ports.ledger, subject, EventType.MODEL_REGISTERED, content, self.now, 0)
        return self.versions

    def sign(self, version: int) -> None:
        signature = ("Ana", Role.RISK_OFFICER, "")
        sign(self.ports.ledger, self.charter, version, signature, self.now)

    def release(
        self, version: int, action: Action = "start", charter: Charter | None = None
    ) -> ReleaseState:
        charter = charter or self.charter
        judged = judge(self.ports.ledger, self.ports.blobs, charter, version, self.now)
        return release(
            self.ports.ledger,
            self.ports.desired,
            charter,
            judged,
            action=action,
            reason="by hand",
            salt=f"salt-{version}",
            now=self.now,
        )

    def act(self, action: Action) -> ReleaseState:
        ports = self.ports
        return release(
            ports.ledger,
            ports.desired,
            self.charter,
            None,
            action=action,
            reason="by hand",
            salt="",
            now=self.now,
        )

    def fall_back(self) -> ReleaseState:
        ports, charter = self.ports, self.charter
        return fall_back_to(
            ports.ledger, ports.desired, charter, "everybody", reason="stop", now=self.now
        )

    def reconcile(
        self,
        ruling: Ruling | None = None,
        *,
        loaded: bool = True,
        meanwhile: Callable[[], object] | None = None,
    ) -> Reconciled:
        """Run the controller once; `meanwhile` runs while it gathers what evidence says."""

        def decide(_: ReleaseState) -> Ruling | None:
            if meanwhile is not None:
                meanwhile()
            return ruling

        waits = "" if loaded else "It waits for agent e1."
        return reconcile(self.ports, self.charter, self.now, decide, waits=lambda _: waits)
