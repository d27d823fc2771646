"""The serving bench runs in a short form; how long anything takes is not asserted here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.serving_servers import AS_IT_IS, ASYNC, PLAIN, SYNC, TWO, UNRECORDED, UVICORN
from bench.serving_targets import TARGETS, Cell, Ratio, Tail

ROOT = Path(__file__).resolve().parents[1]


def _run(*more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.serving", *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_it_measures_ours_beside_its_peers() -> None:
    short = ("--rows", "32", "--clients", "2", "--seconds", "0.2", "--rounds", "1")
    ended = _run(*short, "--skip", "mlflow")
    assert ended.returncode == 0, ended.stderr
    _, _, told = ended.stdout.partition("== 32 rows, 2 clients")
    for name in (UVICORN, PLAIN, ASYNC, SYNC, UNRECORDED, AS_IT_IS, TWO):
        assert any(line.strip().startswith(name) for line in told.splitlines()), ended.stdout
    assert "memory of a worker under 120 MiB" in told


def test_nothing_to_measure_is_said() -> None:
    ended = _run("--only", "nginx")
    assert ended.returncode != 0
    assert "nothing to measure; there are bare uvicorn" in ended.stderr


def test_targets_are_met_or_missed_by_ratios() -> None:
    fast, slow = Cell(900, 1.0, 2.5, 10), Cell(300, 1.0, 3.5, 30)
    cells = {(ASYNC, 1, 64): fast, (PLAIN, 1, 64): slow}
    ratio, tail = Ratio(ASYNC, PLAIN, 1, 64, 4), Tail(ASYNC, 1, 64, 3)
    assert ratio.measured(cells) == 3
    assert not ratio.met(3)
    assert ratio.met(4.0)
    assert tail.measured(cells) == 2.5
    assert tail.met(2.5)
    assert Ratio(ASYNC, PLAIN, 32, 64, 4).measured(cells) is None
    assert len({target.words for target in TARGETS}) == len(TARGETS)
