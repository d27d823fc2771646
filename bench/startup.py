"""How long a person waits for `assay --help`."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from bench.turns import compare, cpu_of, rounds


def _run(code: str) -> float:
    return cpu_of(
        lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True),
        children=True,
    )


def run() -> None:
    typer = "import typer, rich.console\nfrom rich import panel, table, markdown"
    compare(
        {
            "python": partial(_run, "pass"),
            "python with typer and rich": partial(_run, typer),
            "assay --help": partial(_run, "from assay.cli import main\nmain(['--help'])"),
        },
        rounds=rounds(9),
        unit="CPU s",
        against="python with typer and rich",
    )
