"""A gateway is killed at random points under load, while releases are swapped under it.

After each kill: what was answered is in the captures, each once (`sync`); of what was answered
before its capture was on disk (`async`), at most the last moments are missing, and nothing that is
older than something that is there. The gateway that follows serves within seconds, by the version
that was released last.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.request import urlopen

from bench.kill.tally import Tally
from bench.live import Answer, Load, Process, World
from bench.waiting import until

from assay.adapters.lake_captures import LakeCaptures

__all__ = ["Gateways", "run"]

Capture = Literal["sync", "async"]

_INTERVAL = 0.010
"""Seconds for which an `async` log gathers what nobody waits for."""
_WRITE = 0.25
"""Seconds that writing a group may take on a busy disk, and the answers of a killed process to
reach a busy client: what an `async` log may lose beyond its interval."""


@dataclass
class Gateways:
    """The lives of one gateway over one workspace.

    `restart` are the seconds within which a gateway that is started again has to serve.
    """

    folder: Path
    capture: Capture
    seed: int = 0
    clients: tuple[int, int] = (16, 64)
    restart: float = 10.0
    tally: Tally = field(init=False)
    promised: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)
    position: str = ""
    oldest: float = 0.0
    slowest: float = 0.0

    def __post_init__(self) -> None:
        self.tally = Tally(f"gateway, {self.capture}", allowed=self.capture == "async")
        self._world = World(self.folder, strategy="immediate", capture=self.capture)
        self._workspace = self._world.workspace()
        self._serves, self._port = 1, "0"

    def kill(self, times: int) -> Tally:
        """Kill so often, and return what came of it."""
        draw = random.Random(self.seed)
        for life in range(times):
            self._live(life, draw)
        there = Counter(str(one["id"]) for one in LakeCaptures(self._world.captures).read())
        if there != self.seen:
            self.tally.faults.append("who reads on by position has seen something else")
        self.tally.acknowledged = len(self.promised)
        self.tally.doubled = sum(n > 1 for n in there.values())
        self.tally.notes.append(f"served again after at most {self.slowest:.1f} s")
        if self.capture == "async":
            told = f"what was lost was answered at most {1000 * self.oldest:.0f} ms before the kill"
            self.tally.notes.append(told)
        return self.tally

    def _live(self, life: int, draw: random.Random) -> None:
        """Start a gateway, load it, swap what it serves, kill it, and look."""
        begun = time.monotonic()
        with self._world.gateway(port=self._port) as gateway:
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if life and time.monotonic() - begun > self.restart:
                self.tally.faults.append(f"life {life}: it took {time.monotonic() - begun:.1f} s")
            self._port = gateway.port
            load = Load([gateway.url], draw.randint(*self.clients))
            try:
                answers, killed = self._killed(life, gateway, load, draw)
            finally:
                load.stop()
        self.tally.kills += 1
        self.tally.faults += [f"life {life}: {one}" for one in load.failed[:3]]
        self._count(life, answers, killed)

    def _killed(
        self, life: int, gateway: Process, load: Load, draw: random.Random
    ) -> tuple[list[Answer], float]:
        """Return what was answered in a life, and when it ended."""
        until(lambda: bool(load.answers or load.broken))
        first = load.answers[0].version if load.answers else "none"
        if first != str(self._serves):
            self.tally.faults.append(f"life {life}: served version {first}, not {self._serves}")
        if _failures(gateway.url):
            self.tally.faults.append(f"life {life}: a desired state could not be served")
        stopped = threading.Event()
        swapping = threading.Thread(target=self._swap, args=(stopped,))
        swapping.start()
        time.sleep(draw.uniform(0.02, 0.8))
        killed = time.monotonic()
        gateway.kill()
        stopped.set()
        swapping.join()
        load.stop()
        return load.answers, killed

    def _swap(self, stopped: threading.Event) -> None:
        """Release one version after the other until stopped."""
        while not stopped.wait(0.05):
            self._workspace.release(3 - self._serves)
            self._serves = 3 - self._serves

    def _count(self, life: int, answers: list[Answer], killed: float) -> None:
        """Read on, and compare with what was answered."""
        log, more = LakeCaptures(self._world.captures), True
        while more:
            read = log.read_after(self.position)
            self.position, more = read.position, read.more
            self.seen.update(str(record["id"]) for record in read.records)
        self.promised |= {one.id for one in answers}
        lost = [one for one in answers if one.id not in self.seen]
        self.tally.lost += len(lost)
        if not lost:
            return
        age = killed - min(one.at for one in lost)
        self.oldest = max(self.oldest, age)
        if self.capture == "sync":
            self.tally.faults.append(f"life {life}: {len(lost)} captures are lost")
        elif age > _INTERVAL + _WRITE:
            self.tally.faults.append(f"life {life}: lost what was {1000 * age:.0f} ms old")


def run(times: int) -> list[Tally]:
    """Kill gateways so often, half of them with each way to capture."""
    share: dict[Capture, int] = {"sync": times - times // 2, "async": times // 2}
    found = []
    for capture, kills in share.items():
        with tempfile.TemporaryDirectory() as folder:
            found.append(Gateways(Path(folder), capture).kill(kills))
    return found


def _failures(url: str) -> bool:
    """Whether a gateway counted a desired state that it could not serve."""
    with urlopen(f"{url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    counted = [one for one in lines if one.startswith("assay_load_failures_total")]
    return any(float(one.rsplit(" ", 1)[1]) > 0 for one in counted)
