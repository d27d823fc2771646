"""Many agents that follow one server: how soon they learn of a change, and when all is written.

`python -m bench.fleet [AGENTS]`: one server process (SQLite), agents as raw sockets in two more
processes, all on this machine's cores. `learn` is from just before the desired state is written to
the agent having read the answer; `acknowledged` until the last of them is durable.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from assay.deploy.desired import Arm, Desired

__all__ = ["Changed", "measured", "run"]

_CHARTER = """\
name: {name}
title: A model of the fleet
problem: {{business: B, analytical: A, hypothesis: H}}
strategy: {{objective: O, kpi: K}}
people: solo
data: {{source: t.csv, outcome: y, positive: 1, order: rows, label_delay: 1 window}}
value:
  currency: EUR
  actions: {{call: {{1: 5, 0: -1}}, skip: 0}}
  baselines: {{nobody: skip}}
  baseline: nobody
  decisions_per_month: 100
risk: {{tier: low, register: []}}
monitoring: {{window: 10 rows}}
"""
_START, _CHANGES, _IDLE = 90.0, 7, 20.0


@dataclass(frozen=True)
class Changed:
    """One change: milliseconds until half, 99 % and all agents knew, and until all was durable."""

    p50: float
    p99: float
    most: float
    durable: float
    cpu: float


def run(agents: int = 2000) -> None:
    """Print what one server does for a fleet, with one model and with 300."""
    print(f"{agents} agents, 2 processes of them, {os.cpu_count()} cores shared with the server")
    head = ("models", "learn p50", "p99", "max ms", "durable ms", "us/agent", "idle CPU", "RSS MB")
    print("".join(f"{one:>12}" for one in head))
    durable = {}
    for models in (1, 300):
        changes, idle, memory = measured(agents, models)
        one = _middle(changes)
        durable[models] = one.durable
        cells = (f"{models}", f"{one.p50:.0f}", f"{one.p99:.0f}", f"{one.most:.0f}")
        cost = one.cpu / agents * 1e6
        more = (f"{one.durable:.0f}", f"{cost:.0f}", f"{idle:.2%}", f"{memory:.0f}")
        print("".join(f"{one:>12}" for one in (*cells, *more)), flush=True)
    print(f"300 models to one, until all is durable: {durable[300] / durable[1]:.2f}")


def measured(
    agents: int, models: int, changes: int = _CHANGES, idle: float = _IDLE
) -> tuple[list[Changed], float, float]:
    """Return each change's figures, the server's idle share of a core, and its memory in MB."""
    folder = Path(tempfile.mkdtemp(prefix="assay-fleet-"))
    try:
        directories = [_workspace(folder, number) for number in range(models)]
        with _Server(directories) as server, _Agents(server, agents) as fleet:
            found = [
                _change(directories, server, fleet, agents, revision)
                for revision in range(2, changes + 2)
            ]
            time.sleep(1.0)
            before = server.cpu()
            time.sleep(idle)
            share = (server.cpu() - before) / idle
            return found, share, server.memory()
    finally:
        shutil.rmtree(folder)


def _middle(changes: list[Changed]) -> Changed:
    """Return the median of each figure."""
    names = ("p50", "p99", "most", "durable", "cpu")
    found = [sorted(getattr(one, name) for one in changes)[len(changes) // 2] for name in names]
    return Changed(*found)


def _workspace(folder: Path, number: int) -> Path:
    directory = folder / f"m{number:03d}"
    (directory / ".assay").mkdir(parents=True)
    (directory / "charter.yaml").write_text(_CHARTER.format(name=directory.name))
    _publish(directory, 1)
    return directory


def _publish(directory: Path, revision: int) -> None:
    """Write a desired state as a release does, whole; the disk is not what is measured."""
    arms = (Arm("champion", revision, f"{revision:064x}", 1.0),)
    document = Desired(revision, directory.name, arms, salt=f"{revision:016x}").encode()
    fresh = directory / ".assay" / "desired.new"
    fresh.write_bytes(document)
    fresh.replace(directory / ".assay" / "desired.json")


class _Server:
    """One server process."""

    def __init__(self, directories: list[Path]) -> None:
        self._directories = [str(one) for one in directories]
        self.store = directories[0] / ".assay" / "server.sqlite"

    def __enter__(self) -> _Server:
        made = [sys.executable, "-m", "assay", "server", "token", "add", "fleet"]
        made += [self._directories[0], "--scope", "agent", "--json"]
        self.token = json.loads(subprocess.check_output(made))["secret"]
        command = [sys.executable, "-m", "assay", "server", *self._directories, "--port", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().rsplit(":", 1)[1])
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used."""
        parts = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Return its resident memory in MB."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class _Agents:
    """Two processes of agents; each tells when its agents learned a revision."""

    def __init__(self, server: _Server, agents: int) -> None:
        self._server, self._agents = server, agents

    def __enter__(self) -> _Agents:
        half = self._agents // 2
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.fleet", "--agents", str(first), str(last)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for first, last in ((0, half), (half, self._agents))
        ]
        for one in self._processes:
            assert one.stdin is not None
            one.stdin.write(f"{self._server.port} {self._server.token}\n")
            one.stdin.flush()
        self.learned(1)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._processes:
            one.kill()
            one.communicate()

    def learned(self, revision: int) -> list[float]:
        """Return when each agent had read a revision, by the clock of all processes."""
        times: list[float] = []
        for one in self._processes:
            assert one.stdout is not None
            told, found = 0, []
            while told < revision:
                told, found = json.loads(one.stdout.readline())
            times += found
        return times


def _change(
    directories: list[Path], server: _Server, fleet: _Agents, agents: int, revision: int
) -> Changed:
    cpu, start = server.cpu(), time.monotonic()
    for directory in directories:
        _publish(directory, revision)
    durable, reached = _durable(server.store, agents, revision, start + 30.0)
    times = sorted((one - start) * 1000 for one in fleet.learned(reached))
    time.sleep(0.3)
    return Changed(
        times[len(times) // 2],
        times[int(0.99 * len(times))],
        times[-1],
        (durable - start) * 1000,
        server.cpu() - cpu,
    )


def _durable(store: Path, agents: int, version: int, until: float) -> tuple[float, int]:
    """Return when the last acknowledgement was in the database, and the fleet's revision.

    Looked at every 20 ms. Files that were written too slowly for one revision count from the last.
    """
    query = (
        "SELECT number, (SELECT min(revision) FROM server_fleet), "
        "(SELECT count(*) FROM server_agent WHERE revision >= number) "
        "FROM server_number WHERE name = 'fleet'"
    )
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        while time.monotonic() < until:
            reached, oldest, told = connection.execute(query).fetchone()
            if (oldest, told) == (version, agents):
                return time.monotonic(), reached
            time.sleep(0.02)
    raise SystemExit(f"version {version} was not acknowledged by all {agents} agents")


class _Agent(asyncio.Protocol):
    """One agent on one connection: asks, reads, notes when, asks again."""

    def __init__(self, name: str, token: str, learned: _Learned) -> None:
        head = f"&labels=region%3Dr{hash(name) % 7}%2Chost%3D{name} HTTP/1.1\r\nhost: s\r\n"
        tail = f"accept-encoding: gzip\r\nauthorization: Bearer {token}\r\n\r\n"
        self._asked = (f"GET /api/v1/watch?agent={name}&revision=", head + tail)
        self._learned = learned
        self._revision = 0
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(self._buffer) < end + 4 + length:
            return
        del self._buffer[: end + 4 + length]
        revision = int(head.split(b"assay-revision: ")[1].split(b"\r\n")[0])
        if revision != self._revision:
            self._learned.note(revision)
        self._revision = revision
        self._ask()

    def _ask(self) -> None:
        text = f"{self._asked[0]}{self._revision}{self._asked[1]}"
        self._transport.write(text.encode())  # type: ignore[attr-defined]


class _Learned:
    """When the agents of one process learned each revision; printed when all have."""

    def __init__(self, agents: int) -> None:
        self._agents = agents
        self._times: dict[int, list[float]] = {}

    def note(self, revision: int) -> None:
        times = self._times.setdefault(revision, [])
        times.append(time.monotonic())
        if len(times) == self._agents:
            print(json.dumps((revision, self._times.pop(revision))), flush=True)


async def _follow(first: int, last: int, port: int, token: str) -> None:
    loop, learned = asyncio.get_running_loop(), _Learned(last - first)
    for number in range(first, last):
        name = f"agent-{number:05d}"
        await loop.create_connection(lambda n=name: _Agent(n, token, learned), "127.0.0.1", port)
    await asyncio.sleep(3600)


def main(arguments: list[str]) -> None:
    """Run the bench, or the agents of one of its processes."""
    if arguments[:1] == ["--agents"]:
        port, token = sys.stdin.readline().split()
        asyncio.run(_follow(int(arguments[1]), int(arguments[2]), int(port), token))
        return
    run(*map(int, arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
