"""What serving is to reach: each target names what is divided by what, and how much is enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.serving_servers import (
    AS_IT_IS,
    ASYNC,
    MLFLOW,
    PLAIN,
    SYNC,
    TWO,
    UNRECORDED,
    UVICORN,
)


@dataclass(frozen=True)
class Cell:
    """Medians of one server under one load."""

    per_second: float
    p50: float
    p99: float
    cpu_us: float


Cells = Mapping[tuple[str, int, int], Cell]
"""By server, rows of a request and connections."""


@dataclass(frozen=True)
class Ratio:
    """Requests per second of one server, at least `least` x those of another."""

    ours: str
    other: str
    rows: int
    clients: int
    least: float
    stretch: float | None = None

    @property
    def words(self) -> str:
        more = "" if self.stretch is None else f" (stretch {self.stretch:g})"
        return (
            f"{self.ours} at least {self.least:g} x {self.other}{more}: {_rows(self.rows)}, "
            f"{self.clients} clients"
        )

    def measured(self, cells: Cells) -> float | None:
        load = (self.rows, self.clients)
        ours, other = cells.get((self.ours, *load)), cells.get((self.other, *load))
        if ours is None or other is None:
            return None
        return ours.per_second / other.per_second

    def by_cpu(self, cells: Cells) -> float:
        """What the ratio would be if nothing else ran on the machine's cores."""
        load = (self.rows, self.clients)
        return cells[self.other, *load].cpu_us / cells[self.ours, *load].cpu_us

    def met(self, measured: float) -> bool:
        return measured >= self.least


@dataclass(frozen=True)
class Tail:
    """The 99th percentile of our latency, at most `most` x the median."""

    ours: str
    rows: int
    clients: int
    most: float

    @property
    def words(self) -> str:
        return (
            f"{self.ours}, p99 at most {self.most:g} x p50: {_rows(self.rows)}, "
            f"{self.clients} clients"
        )

    def measured(self, cells: Cells) -> float | None:
        cell = cells.get((self.ours, self.rows, self.clients))
        return None if cell is None else cell.p99 / cell.p50

    def met(self, measured: float) -> bool:
        return measured <= self.most


TARGETS: tuple[Ratio | Tail, ...] = (
    Ratio(ASYNC, UVICORN, 1, 8, 0.65, 0.8),
    Ratio(ASYNC, UVICORN, 1, 64, 0.65, 0.8),
    Ratio(ASYNC, PLAIN, 1, 8, 3),
    Ratio(ASYNC, PLAIN, 1, 64, 4),
    Ratio(ASYNC, MLFLOW, 1, 8, 100),
    Ratio(ASYNC, MLFLOW, 1, 64, 180, 220),
    Ratio(ASYNC, MLFLOW, 32, 8, 60),
    Ratio(ASYNC, MLFLOW, 32, 64, 60),
    Ratio(ASYNC, MLFLOW, 1000, 8, 8),
    Ratio(ASYNC, MLFLOW, 1000, 64, 8),
    Ratio(AS_IT_IS, MLFLOW, 1, 8, 4),
    Ratio(AS_IT_IS, MLFLOW, 1, 64, 20),
    Tail(ASYNC, 1, 64, 3),
    Ratio(ASYNC, UNRECORDED, 1, 64, 0.8),
    Ratio(SYNC, ASYNC, 1, 8, 0.35),
    Ratio(SYNC, ASYNC, 1, 64, 0.6),
    Ratio(TWO, ASYNC, 1, 64, 1.8),
)

START_SECONDS = 1.0
WORKER_MIB = 120.0


def print_targets(cells: Cells, started: Mapping[str, float], memory: Mapping[str, float]) -> None:
    """Print each target that this run can tell of, what was measured, and met or missed."""
    print("\n== targets")
    for target in TARGETS:
        measured = target.measured(cells)
        if measured is not None:
            beside = f"  [by CPU {target.by_cpu(cells):.3g}]" if isinstance(target, Ratio) else ""
            _line(target.words + beside, f"{measured:.3g} x", met=target.met(measured))
    if ASYNC in started:
        seconds, mib = started[ASYNC], memory[ASYNC]
        _line("ready in under 1 s with one model", f"{seconds:.2f} s", met=seconds < START_SECONDS)
        _line("memory of a worker under 120 MiB", f"{mib:.0f} MiB", met=mib < WORKER_MIB)


def _line(words: str, measured: str, *, met: bool) -> None:
    print(f"  {'met   ' if met else 'MISSED'}  {measured:>9}  {words}")


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n} rows"
