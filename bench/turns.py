"""Measuring in turns: every candidate once a round, medians over the rounds, ratios to one.

`BENCH_ROUNDS` and `BENCH_SECONDS` shorten or lengthen every bench.
"""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def rounds(default: int) -> int:
    return int(os.environ.get("BENCH_ROUNDS", default))


def seconds(default: float) -> float:
    """How long a load lasts."""
    return float(os.environ.get("BENCH_SECONDS", default))


def cpu_of_process(pid: int) -> float:
    """CPU seconds of a running process with its threads; 0 where the system has no /proc."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def children_cpu() -> float:
    """CPU seconds of ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def busy() -> float:
    """CPU seconds that all programs used since the machine started; 0 where there is no /proc."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _idle, _waiting, *interrupts = map(
        int, stat.read_text().split("\n")[0].split()[1:9]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def cpu_of(work: Callable[[], object], *, children: bool = False) -> float:
    clock = children_cpu if children else time.process_time
    before = clock()
    work()
    return clock() - before


def compare(
    candidates: Mapping[str, Callable[[], float]], *, rounds: int, unit: str, against: str
) -> dict[str, float]:
    """Run all candidates in turns and print medians with their ratio to `against`."""
    seen: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, measure in candidates.items():
            seen[name].append(measure())
    medians = {name: statistics.median(values) for name, values in seen.items()}
    for name, median in medians.items():
        spread = f"{min(seen[name]):.4g} to {max(seen[name]):.4g}"
        ratio = median / medians[against] if medians[against] else float("nan")
        print(f"  {name:<34} {median:>12.4g} {unit:<12} x {ratio:<8.3g} ({spread})")
    return medians
