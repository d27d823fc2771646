"""How long a person waits for `assay --help`, and for a roll back as a whole command."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.live import World
from bench.turns import compare, cpu_of, rounds

_MAIN = "import sys; from assay.cli import main; main(sys.argv[1:])"


def _run(code: str, *arguments: str) -> float:
    command = [sys.executable, "-c", code, *arguments]
    return cpu_of(lambda: subprocess.run(command, check=True, capture_output=True), children=True)


def _waited(code: str, *arguments: str) -> float:
    start = time.perf_counter()
    _run(code, *arguments)
    return time.perf_counter() - start


class _Canary:
    """A copy of one workspace with a running canary for each command that ends it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copies = 0
        self._whole = folder / "whole"
        self._whole.mkdir()
        world = World(self._whole, strategy="canary", loss_budget_per_year=90_000)
        world.workspace().release(2)
        self._place = ["--environment", world.place]

    def command(self, what: str) -> Sequence[str]:
        self._copies += 1
        here = self._folder / str(self._copies)
        shutil.copytree(self._whole, here)
        return ["release", str(here), what, *self._place]


def run() -> None:
    typer = "import typer, rich.console\nfrom rich import panel, table, markdown"
    compare(
        {
            "python": partial(_run, "pass"),
            "python with typer and rich": partial(_run, typer),
            "assay --help": partial(_run, _MAIN, "--help"),
        },
        rounds=rounds(9),
        unit="CPU s",
        against="python with typer and rich",
    )
    with tempfile.TemporaryDirectory() as name:
        canary = _Canary(Path(name))
        compare(
            {
                "python": partial(_waited, "pass"),
                "assay release . pause": lambda: _waited(_MAIN, *canary.command("pause")),
                "assay release . roll-back": lambda: _waited(_MAIN, *canary.command("roll-back")),
                "assay release . fall-back": lambda: _waited(_MAIN, *canary.command("fall-back")),
            },
            rounds=rounds(9),
            unit="s",
            against="python",
        )
