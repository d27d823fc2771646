"""`make bench-monitoring`: a large table profiled, beside plain scans of it and beside peers.

Whole processes, their CPU seconds (user and system) and peak memory, in turns, medians of five
rounds after one that warms up. What other programs used of the processors meanwhile is told: they
take away caches and memory, and CPU seconds grow. The data are seeded and kept in a folder
(`--folder`). Evidently and NannyML run once, where `--evidently` and `--nannyml` (or
ASSAY_BENCH_EVIDENTLY, ASSAY_BENCH_NANNYML) name a Python that has them.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.monitoring_data import write
from bench.turns import busy, children_cpu, rounds

PEERS = Path(__file__).with_name("monitoring_peers.py")
NAMED = ("--score", "score", "--decision", "decision", "--outcome", "outcome")
PAYING = ("--amount", "amount", "--cost", "20")

TARGETS = {
    1_000_000: {"polars": 1.9, "pyarrow": 1.6},
    10_000_000: {"polars": 2.3},
}
"""How many times a plain scan's CPU a profile may cost, by rows of the analysis."""
QUIET = 0.1
"""Share of the processors that others may use without a word."""
PEER_TARGETS = {"evidently": 100.0, "nannyml": 40.0}
MEMORY_TARGET = 1.2


@dataclass(frozen=True)
class Spent:
    """What one process took: CPU seconds, and peak memory in MB."""

    cpu: float
    memory: float


def spent(command: list[str]) -> Spent:
    """Run a program to its end; CalledProcessError where it fails."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"},
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    scale = 1 if sys.platform == "darwin" else 1024
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss * scale / 1e6)


def ours(files: list[Path], named: tuple[str, ...]) -> Spent:
    code = "from assay.cli import main; main()"
    reference, analysis = map(str, files)
    asked = ["profile", "--reference", reference, "--window-column", "ts", analysis, "--json"]
    return spent([sys.executable, "-c", code, *asked, *named])


def theirs(name: str, files: list[Path], python: str = sys.executable) -> Spent:
    return spent([python, str(PEERS), name, *map(str, files)])


def in_turns(candidates: Mapping[str, Callable[[], Spent]], times: int) -> dict[str, Spent]:
    """Return each candidate's median CPU and memory; the first round warms the disk cache."""
    seen: dict[str, list[Spent]] = {name: [] for name in candidates}
    for turn in range(times + 1):
        for name, run in candidates.items():
            found = run()
            if turn or not times:
                seen[name].append(found)
    return {
        name: Spent(
            statistics.median(one.cpu for one in all_),
            statistics.median(one.memory for one in all_),
        )
        for name, all_ in seen.items()
    }


@contextmanager
def quiet_or_told() -> Iterator[None]:
    """Print the load, and how much of the processors others used; say so where it is much."""
    start, own, since = busy(), children_cpu(), time.perf_counter()
    yield
    seconds, cores = time.perf_counter() - since, os.cpu_count() or 1
    others = max(0.0, busy() - start - (children_cpu() - own)) / seconds
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"\nLoad average {load}; others used {others:.2f} of {cores} processors meanwhile.")
    if others > QUIET * cores:
        print("The machine was BUSY: figures are too high, and ratios uncertain.")


def measured(rows: int, folder: Path, times: int) -> dict[str, Spent]:
    """Measure ours and the scans, of a million reference rows (fewer where the analysis has)."""
    files = [write(folder, "reference", min(rows, 1_000_000)), write(folder, "analysis", rows)]
    candidates: dict[str, Callable[[], Spent]] = {
        "assay, all": partial(ours, files, (*NAMED, *PAYING)),
        "assay, drift and quality": partial(ours, files, ()),
    }
    for name in ("polars", "pyarrow", "duckdb"):
        if importlib.util.find_spec(name) is not None:
            candidates[name] = partial(theirs, name, files)
    return in_turns(candidates, times)


def peers(rows: int, folder: Path, pythons: Mapping[str, str]) -> dict[str, Spent]:
    """Measure the peers that are there, once each: they take minutes."""
    files = [write(folder, "reference", min(rows, 1_000_000)), write(folder, "analysis", rows)]
    names = {
        "evidently": ("evidently",),
        "nannyml": ("nannyml univariate", "nannyml CBPE"),
    }
    found = {}
    for library, python in pythons.items():
        for name in names[library]:
            found[name] = theirs(name, files, python)
    return found


def told(rows: int, scans: Mapping[str, Spent], others: Mapping[str, Spent]) -> None:
    """Print the table, and each target beside what was measured."""
    own = scans["assay, all"]
    print(f"\n{rows:,} rows, CPU seconds of whole processes")
    for name, one in {**scans, **others}.items():
        ratio = own.cpu / one.cpu
        print(f"  {name:<26}{one.cpu:>9.2f} s{one.memory:>8.0f} MB   assay / it x {ratio:.3g}")
    for name, most in TARGETS.get(rows, {}).items():
        if name in scans:
            _target(f"{name} scan", own.cpu / scans[name].cpu, most, "at most")
    if rows == 1_000_000:
        for library, least in PEER_TARGETS.items():
            cost = sum(one.cpu for name, one in others.items() if name.startswith(library))
            if cost:
                _target(library, cost / own.cpu, least, "at least")


def _target(name: str, found: float, wanted: float, words: str) -> None:
    met = found <= wanted if words == "at most" else found >= wanted
    print(f"  target {name}: {words} {wanted:g} x, {found:.2f} x: {'MET' if met else 'MISSED'}")


def _compile() -> None:
    """Compile what is installed, so that no candidate pays for being imported first."""
    places = [path for path in sys.path if "site-packages" in path]
    command = [sys.executable, "-m", "compileall", "-q", *places]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "assay-bench")
    for library in PEER_TARGETS:
        known = os.environ.get(f"ASSAY_BENCH_{library.upper()}")
        parser.add_argument(f"--{library}", default=known, metavar="PYTHON")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if os.environ.get("ASSAY_BENCH_COMPILE") != "no":
        _compile()
    pythons = {name: getattr(asked, name) for name in PEER_TARGETS if getattr(asked, name)}
    memory = {}
    for rows in asked.rows:
        with quiet_or_told():
            scans = measured(rows, asked.folder, rounds(5))
        told(rows, scans, peers(rows, asked.folder, pythons))
        memory[rows] = scans["assay, all"].memory
    if {1_000_000, 10_000_000} <= memory.keys():
        ratio = memory[10_000_000] / memory[1_000_000]
        _target("peak memory, 10M to 1M rows", ratio, MEMORY_TARGET, "at most")


if __name__ == "__main__":
    main()
