"""Every bench runs, in its short form; how long anything takes is not asserted here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

CANDIDATES = {
    "startup": ("python with typer and rich", "assay --help"),
    "ledger": ("bare SQLite", "assay ledger"),
    "bootstrap": ("scipy BCa", "assay BCa"),
    "sequences": ("ville empirical Bernstein", "assay hedged betting", "assay quantile of cells"),
}


def test_each_bench_is_tried_here() -> None:
    named = {path.stem for path in (ROOT / "bench").glob("*.py") if "def run()" in path.read_text()}
    assert named == set(CANDIDATES)


@pytest.mark.parametrize("name", CANDIDATES)
def test_a_bench_measures_all_its_candidates(name: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bench", name],
        cwd=ROOT,
        env={**os.environ, "BENCH_SECONDS": "0.2", "BENCH_ROUNDS": "1", "BENCH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    assert f"== {name}" in ended.stdout
    lines = [line for line in ended.stdout.splitlines() if " x " in line]
    for candidate in CANDIDATES[name]:
        assert any(candidate in line for line in lines), ended.stdout


def test_an_unknown_bench_is_named() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bench", "speed"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert "no bench 'speed'; there are startup" in ended.stderr
