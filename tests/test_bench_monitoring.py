"""The monitoring bench runs in a short form; how long anything takes is not asserted here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_it_measures_ours_beside_plain_scans(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.monitoring", "--rows", "3000", "--folder", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "BENCH_ROUNDS": "0", "ASSAY_BENCH_COMPILE": "no"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    for name in ("assay, all", "assay, drift and quality", "polars", "pyarrow", "duckdb"):
        assert any(line.strip().startswith(name) for line in ended.stdout.splitlines())
