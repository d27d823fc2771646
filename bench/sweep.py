"""CPU of a sweep: N models x 30 features, one new window of 10,000 rows each, in one command.

Every model is served elsewhere: a charter, a reference of 20,000 labelled rows and a log of Parquet
files. Each has one window already; then one more comes, and the sweep is timed, imports and all.

    python -m bench.sweep [--rows 10000] [--models 50 500]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = datetime.fromisoformat("2026-03-01T00:00:00")
CHARTER = """
name: {name}
title: {name}
problem: {{business: b, analytical: a, hypothesis: h}}
strategy: {{objective: o, kpi: k}}
people: solo
data: {{source: log.parquet, outcome: paid, positive: "yes"}}
value:
  currency: EUR
  actions: {{approve: {{"yes": 20, "no": -60}}, decline: 0}}
  baselines: {{all: approve}}
  baseline: all
  decisions_per_month: 300000
risk: {{tier: low}}
monitoring:
  window: {rows} rows
  segments: [c0]
  source:
    path: log/*.parquet
    reference: reference.parquet
    columns: {{id: request, time: at, score: score, decision: action, outcome: paid}}
"""


def table(rows: int, first: int, seed: int, shift: float = 0.0) -> pl.DataFrame:
    """20 numbers and 10 categories, a score, what was done, and what happened."""
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {
        "request": [f"r{first + row}" for row in range(rows)],
        "at": [START + timedelta(seconds=first + row) for row in range(rows)],
    }
    for place in range(20):
        columns[f"n{place}"] = rng.normal(shift if place == 0 else 0.0, 1.0, rows)
    for place in range(10):
        values = np.array([f"v{one}" for one in range(2 + 5 * place)])
        columns[f"c{place}"] = rng.choice(values, rows)
    strength = np.asarray(columns["n0"]) + rng.normal(0, 1, rows)
    score = 1 / (1 + np.exp(-strength))
    columns["score"] = score
    columns["action"] = np.where(strength > 1, "approve", "decline")
    columns["paid"] = np.where(rng.random(rows) < score, "yes", "no")
    return pl.DataFrame(columns)


def make_models(folder: Path, count: int, rows: int) -> None:
    """Write N directories; they share the bytes of a few tables, each under a name of its own."""
    reference = folder / "reference.parquet"
    table(2 * rows, -2 * rows, 0).write_parquet(reference)
    for number in range(2):
        table(rows, number * rows, 1 + number).write_parquet(folder / f"{number}.parquet")
    table(rows, rows, 9, shift=0.5).write_parquet(folder / "moved.parquet")
    for place in range(count):
        own = folder / f"models/m{place:04d}"
        (own / "log").mkdir(parents=True)
        (own / "charter.yaml").write_text(CHARTER.format(name=f"m{place:04d}", rows=rows))
        os.link(reference, own / "reference.parquet")
        os.link(folder / "0.parquet", own / "log" / "0.parquet")


def add_window(folder: Path) -> None:
    """Let every model serve one more window; every tenth model's has moved."""
    for place, own in enumerate(sorted((folder / "models").iterdir())):
        name = "moved" if place % 10 == 0 else "1"
        os.link(folder / f"{name}.parquet", own / "log" / "1.parquet")


def swept(folder: Path) -> tuple[float, dict[str, int]]:
    """Return the CPU seconds of one sweep as a process of its own, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "assay", "sweep", str(folder / "models"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr or done.stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(done.stdout)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    measured = sum(one["measured"] for one in told["models"])
    alarmed = len({one["model"] for one in told["alerts"]})
    return cpu, {"measured": measured, "alarmed": alarmed}


def measure(count: int, rows: int, say: Callable[[str], None] = print) -> float:
    """Print and return the CPU seconds per model of a sweep with one new window each."""
    folder = Path(tempfile.mkdtemp(prefix="sweep-"))
    try:
        make_models(folder, count, rows)
        first, _ = swept(folder)
        add_window(folder)
        cpu, told = swept(folder)
        idle, nothing = swept(folder)
        say(
            f"{count:5d} models: {cpu:7.1f} CPU s, {1000 * cpu / count:6.1f} ms each "
            f"({told['measured']} windows measured, {told['alarmed']} models with alerts); "
            f"first window and reference {1000 * first / count:.1f} ms each; "
            f"nothing new {1000 * idle / count:.1f} ms each ({nothing['measured']} measured)"
        )
    finally:
        shutil.rmtree(folder)
    return cpu / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=[50, 500])
    parser.add_argument("--rows", type=int, default=10_000)
    given = parser.parse_args()
    each = [measure(count, given.rows) for count in given.models]
    print(f"per model, last / first: {each[-1] / each[0]:.2f}")


if __name__ == "__main__":
    main()
