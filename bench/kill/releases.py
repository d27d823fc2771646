"""Two controllers of one release are killed at random points; a third one looks afterwards.

After each kill: the chain holds, every entry is a step that the fold allows, each canary went
through its shares in order, each once, and after one more look gateways are told what the ledger
says: at most one champion, shares that sum to 1.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.charter import charter_document
from bench.kill.tally import Tally
from bench.waiting import until

from assay.charter.charter import Charter
from assay.deploy.desired import Desired, desired_state
from assay.deploy.release_step import Ruling
from assay.errors import CheckFailed, LedgerConflict
from assay.evidence.event import EventType
from assay.evidence.states import ReleaseState
from assay.lifecycle.approval import judge, model_state, write
from assay.lifecycle.controller import reconcile
from assay.lifecycle.releasing import release
from assay.lifecycle.telling import release_state
from assay.ports.ports import Ports
from assay.workspace.embedded import embedded

__all__ = ["bring_on", "run"]

STEPS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
_EARLY, _GOOD = Ruling("hold", "early"), Ruling("promote", "better")
_VERSIONS = 5
_LIVES = 15
"""Kills over one ledger."""


def _charter() -> Charter:
    release = {"strategy": "canary", "steps": STEPS, "loss_budget_per_year": 90_000}
    return Charter.model_validate(charter_document("bank", "test", release)).within("test")


def _ports(folder: Path, charter: Charter) -> Ports:
    ports = embedded(folder, charter.environment)
    if model_state(ports.ledger, charter).newest is None:
        for version in range(1, _VERSIONS + 1):
            content = {
                "bundle": f"{version:064d}",
                "charter": charter.digest,
                "sections": charter.digests(),
                "origin": {},
            }
            subject, type_ = f"model:bank/{version}", EventType.MODEL_REGISTERED
            write(ports.ledger, subject, type_, content, datetime.now(UTC))
    return ports


def bring_on(folder: Path, seed: int) -> None:
    """Start canaries and bring them on without an end: the process that is killed."""
    rng, charter = random.Random(seed), _charter()
    ports = _ports(folder, charter)
    print("ready", flush=True)
    while True:
        state = release_state(ports.ledger, charter)
        try:
            act = _start if state.challenger is None else _look
            took = act(ports, charter, state, rng).history[-1]
        except (CheckFailed, LedgerConflict):
            continue  # the other controller was there first
        print(took.revision, took.what, took.at.isoformat(), flush=True)


def _start(ports: Ports, charter: Charter, state: ReleaseState, rng: random.Random) -> ReleaseState:
    serving = None if state.champion is None else state.champion.version
    version = rng.choice([one for one in range(1, _VERSIONS + 1) if one != serving])
    now = datetime.now(UTC)
    judged = judge(ports.ledger, ports.blobs, charter, version, now)
    return release(
        ports.ledger,
        ports.desired,
        charter,
        judged,
        action="start",
        reason="",
        salt=str(rng.random()),
        now=now,
        state=state,
    )


def _look(ports: Ports, charter: Charter, state: ReleaseState, rng: random.Random) -> ReleaseState:
    """Look as a controller does, or step by hand from what was seen: a canary soaks for no time."""
    now = datetime.now(UTC)
    if rng.random() < 0.2:
        return reconcile(ports, charter, now, lambda _: _GOOD).state
    tried = None if state.challenger is None else state.challenger.version
    judged = judge(ports.ledger, ports.blobs, charter, tried, now)
    return release(
        ports.ledger,
        ports.desired,
        charter,
        judged,
        action="step",
        reason="early",
        salt="",
        now=now,
        state=state,
    )


def run(times: int) -> list[Tally]:
    """Kill so many times, and return what came of it.

    A year's loss budget grants twelve promotions: after some lives a new release is begun.
    """
    lives = [min(_LIVES, times - begun) for begun in range(0, times, _LIVES)]
    return [Tally.joined([_begun_anew(seed, some) for seed, some in enumerate(lives, start=1)])]


def _begun_anew(seed: int, times: int) -> Tally:
    rng, charter, told = random.Random(seed), _charter(), set[str]()
    tally = Tally("releases: two controllers", times)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / ".assay"
        _ports(folder, charter)
        for life in range(times):
            told |= _live_and_die(folder, rng, life, not told)
            tally.faults += [f"life {life}: {fault}" for fault in _faults(folder, charter)]
        state = release_state(embedded(folder, charter.environment).ledger, charter)
    there = Counter(f"{one.revision} {one.what} {one.at.isoformat()}" for one in state.history)
    tally.acknowledged = len(told)
    tally.lost = len(told - there.keys())
    tally.doubled = sum(n > 1 for n in there.values())
    ends = sum(step.what == "promoted" for step in state.history)
    tally.notes.append(f"{len(state.history)} steps, {ends} promotions")
    return tally


def _live_and_die(folder: Path, rng: random.Random, life: int, none_yet: bool) -> set[str]:
    """Let two controllers live for a moment; return the steps that they said they took.

    Where no life before took a step, the moment begins with the first one of this life: whoever
    is killed before it did anything proves nothing.
    """
    command = [sys.executable, "-m", "bench.kill.releases", str(folder)]
    both = [
        subprocess.Popen([*command, str(2 * life + one)], stdout=subprocess.PIPE, text=True)
        for one in range(2)
    ]
    for one in both:
        assert one.stdout is not None
        one.stdout.readline()
    said: tuple[list[str], list[str]] = [], []
    readers = [threading.Thread(target=_hear, args=told) for told in zip(both, said, strict=True)]
    for reader in readers:
        reader.start()
    try:
        if none_yet:
            until(lambda: any(said))
        time.sleep(rng.uniform(0.01, 0.8))
    finally:
        for one in both:
            one.kill()
        for one, reader in zip(both, readers, strict=True):
            one.wait()
            reader.join()
    return {line.strip() for heard in said for line in heard}


def _hear(process: subprocess.Popen[str], said: list[str]) -> None:
    """Add each whole line that a process says; what it was killed in the middle of is none."""
    assert process.stdout is not None
    with process.stdout as lines:
        said.extend(line for line in lines if line.endswith("\n"))


def _faults(folder: Path, charter: Charter) -> Iterator[str]:
    ports = embedded(folder, charter.environment)
    ports.ledger.verify()
    before = release_state(ports.ledger, charter)
    state = reconcile(ports, charter, datetime.now(UTC), lambda _: _EARLY).state
    if state != before:
        yield "a look without news moved the release"
    if [step.revision for step in state.history] != list(range(1, state.revision + 1)):
        yield "an entry is no step, or a step is there twice"
    yield from _faults_of_shares(state)
    raw = ports.desired.read()
    told = None if raw is None else Desired.read(raw)
    if state.history and told != desired_state(charter, state, state.revision):
        yield "gateways are told something else than the ledger says"
    if told is not None and [arm.name for arm in told.arms].count("champion") > 1:
        yield "there are two champions"


def _faults_of_shares(state: ReleaseState) -> Iterator[str]:
    weights: list[float] = []
    for step in state.history:
        if step.what == "started":
            weights = []
        if step.what in {"started", "stepped"}:
            weights.append(step.weight)
        if tuple(weights) != STEPS[: len(weights)]:
            yield f"the shares of version {step.version} were {weights}"


if __name__ == "__main__":
    bring_on(Path(sys.argv[1]), int(sys.argv[2]))
