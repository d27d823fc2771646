"""`make bench-serving`, or `python -m bench.serving`: our gateway beside its peers, in one run.

Every server gets the same model and the same rows over HTTP/1.1 with kept connections; ours with
validation, the door's checks, a canary of a tenth and captures. Servers share one core and the load
comes from another, one server at a time, in turns; medians over the rounds. Two workers take both
cores, and the load shares one of them. docs/serving/bench.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import http_load
from bench.served_model import body_split, body_v2
from bench.serving_servers import ASYNC, MLFLOW, PLAIN, UVICORN, Served, Yard, cores
from bench.serving_targets import Cell, print_targets

_BESIDE = (UVICORN, PLAIN, MLFLOW)


def main(argv: Sequence[str] | None = None) -> None:
    given = _parser().parse_args(argv)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-serving-")))
        server_core, load_core = cores()
        yard = Yard(folder, server_core, given.mlflow_python)
        servers = _started(stack, yard, given.only, given.skip)
        cells: dict[tuple[str, int, int], Cell] = {}
        for rows in given.rows:
            for clients in given.clients:
                load = _Load(folder, rows, clients, given.seconds, load_core)
                found = load.measured(servers, given.rounds)
                cells |= {(name, rows, clients): cell for name, cell in found.items()}
                _print(found, rows, clients)
        memory = {name: server.memory_mib() for name, server in servers.items()}
        started = {name: server.started for name, server in servers.items()}
        _print_costs(started, memory)
        print_targets(cells, started, memory)


def _started(
    stack: ExitStack, yard: Yard, only: Sequence[str], skip: Sequence[str]
) -> dict[str, Served]:
    there = yard.there()
    wanted = {
        name: start
        for name, start in there.items()
        if (not only or any(word in name for word in only))
        and not any(word in name for word in skip)
    }
    if not wanted:
        sys.exit(f"nothing to measure; there are {', '.join(there)}")
    if MLFLOW not in there:
        print("MLflow cannot serve here; --mlflow-python names a Python that has it")
    return {name: start(stack) for name, start in wanted.items()}


_LEFT_BEHIND = 60.0
_GLANCE = 0.1
_IDLE = 0.15
"""Of a core: a server that gathers captures, or looks after itself, uses less."""


class _Load:
    """One body and one number of connections, put to every server in turns."""

    def __init__(
        self, folder: Path, rows: int, clients: int, seconds: float, core: int | None
    ) -> None:
        self._clients, self._seconds, self._core = clients, seconds, core
        self._bodies = {}
        for name, body in (("v2", body_v2), ("split", body_split)):
            self._bodies[name] = folder / f"{name}-{rows}.json"
            self._bodies[name].write_bytes(body(rows))

    def measured(self, servers: Mapping[str, Served], rounds: int) -> dict[str, Cell]:
        seen: dict[str, list[Cell]] = defaultdict(list)
        for server in servers.values():
            self._once(server, min(self._seconds, 0.5))  # so that nobody pays for being the first
        for _ in range(rounds):
            for name, server in servers.items():
                seen[name].append(self._once(server, self._seconds))
        return {name: _median(each) for name, each in seen.items()}

    def _once(self, server: Served, seconds: float) -> Cell:
        body = self._bodies["split" if server.path == "/invocations" else "v2"]
        for longer in (1, 4, 16):  # a slow server needs time to answer every client once
            before = server.cpu()
            given = (server.port, server.path, body, self._clients, longer * seconds, self._core)
            load = http_load.run(*given)
            used = server.cpu() - before
            _until_idle(server)
            if load.answers >= self._clients:
                break
        else:
            raise RuntimeError(f"{server.path} on port {server.port} answers too slowly to measure")
        return Cell(load.answers / load.seconds, load.p50, load.p99, 1e6 * used / load.answers)


def _until_idle(server: Served) -> None:
    """Wait until a server has ended what its clients left behind.

    A slow one goes on for seconds with requests that nobody waits for any more, on the core that
    the next one is measured on.
    """
    end = time.monotonic() + _LEFT_BEHIND
    used = server.cpu()
    while time.monotonic() < end:
        time.sleep(_GLANCE)
        before, used = used, server.cpu()
        if used - before < _IDLE * _GLANCE:
            return


def _median(each: Sequence[Cell]) -> Cell:
    return Cell(
        statistics.median(one.per_second for one in each),
        statistics.median(one.p50 for one in each),
        statistics.median(one.p99 for one in each),
        statistics.median(one.cpu_us for one in each),
    )


def _print(found: Mapping[str, Cell], rows: int, clients: int) -> None:
    there = [name for name in _BESIDE if name in found]
    print(f"\n== {rows} row{'s' * (rows > 1)}, {clients} clients, load by {http_load.TOOL}")
    against = "".join(f"{'x ' + name.split()[-1 if name == PLAIN else 0]:>10}" for name in there)
    print(f"  {'':<22}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'CPU us':>10}{against}")
    for name, cell in found.items():
        ratios = "".join(f"{cell.per_second / found[one].per_second:>10.3g}" for one in there)
        print(
            f"  {name:<22}{cell.per_second:>12.4g}{cell.p50:>10.3g}{cell.p99:>10.3g}"
            f"{cell.cpu_us:>10.3g}{ratios}",
            flush=True,
        )


def _print_costs(started: Mapping[str, float], memory: Mapping[str, float]) -> None:
    print("\n== start and memory (proportional set size of all of a server's processes)")
    for name, seconds in started.items():
        print(f"  {name:<22}{seconds:>10.2f} s{memory[name]:>10.0f} MiB")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    add = parser.add_argument
    add("--rows", type=_numbers, default=[1, 32, 1000], help="rows of a request, with commas")
    add("--clients", type=_numbers, default=[1, 8, 64], help="connections, with commas")
    add("--seconds", type=float, default=2.0, help="of one measurement")
    add("--rounds", type=int, default=3)
    add("--only", action="append", default=[], metavar="WORD", help=f"as in `{ASYNC}`; repeatable")
    add("--skip", action="append", default=[], metavar="WORD", help="servers with it in their name")
    add("--mlflow-python", default=sys.executable, help="a Python that has MLflow to serve with")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
