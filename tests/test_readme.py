"""Everything the README tells people to run, run as they would."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.lifecycle.campaign import Campaign

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def _commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in _blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


def _run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-m", *shlex.split(command)]
    return subprocess.run(given, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder: their table, and nothing else."""
    folder = tmp_path_factory.mktemp("reader")
    Campaign(seed=5).history(3600).drop("client").write_csv(folder / "calls.csv")
    rng = np.random.default_rng(5)
    scores = rng.beta(1.2, 8.5, 3600)
    answers = np.where(rng.random(3600) < scores, "yes", "no")
    scored = pl.DataFrame({"score": scores, "outcome": answers})
    scored.write_csv(folder / "scored.csv")
    return folder


def _set_up_people_and_payoffs(charter: Path) -> None:
    """Do what the README asks of the reader: set the payoffs and name the people."""
    text = charter.read_text()
    text = re.sub(r'product_manager: ".*?"', 'product_manager: "Ana Costa"', text)
    text = re.sub(r'risk_officer: ".*?"', 'risk_officer: "Rui Matos"', text)
    text = text.replace("  # order: rows", "  order: rows")
    text = re.sub(r'"TODO[^"]*"', '"said by the reader"', text)
    assert "Ana Costa" in text
    assert "\n  order: rows" in text
    charter.write_text(text)


def test_the_commands_of_the_readme_run_one_after_the_other(folder: Path) -> None:
    serving: subprocess.Popen[str] | None = None
    try:
        for command in _commands():
            if command.startswith("assay up"):
                serving = _serve(folder)
                _send_traffic(serving, folder)
                continue
            done = _run(command, folder)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            if command.startswith("assay new"):
                _set_up_people_and_payoffs(folder / "deposits" / "charter.yaml")
        assert (folder / "deposits" / "report.html").stat().st_size > 50_000
        assert (folder / "deposits" / "replay.png").read_bytes().startswith(b"\x89PNG")
        in_a_notebook, a_first_look = (_python(block, folder) for block in _blocks("python")[1:])
        assert in_a_notebook.split()[-1] == "1"
        assert re.search(r"^0\.5 would cost \d+ EUR a month .*; use 0\.1$", a_first_look.strip())
        assert (folder / "worth.png").read_bytes().startswith(b"\x89PNG")
    finally:
        if serving is not None:
            serving.send_signal(signal.SIGTERM)
            serving.communicate(timeout=30)


def _python(block: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _serve(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "assay", "up", "deposits", "--port", "0", "--json"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _send_traffic(serving: subprocess.Popen[str], folder: Path) -> None:
    """Run the README's own client, at the port that was free."""
    assert serving.stdout is not None
    url = json.loads(serving.stdout.readline())["url"]
    client = _blocks("python")[0].replace("http://127.0.0.1:8080", url)
    done = subprocess.run(
        [sys.executable, "-c", client], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "outcomes.csv").read_text().count("\n") == 101


def test_the_two_commands_are_targets() -> None:
    for target in re.findall(r"^    make (\w+)", README, flags=re.MULTILINE):
        done = subprocess.run(
            ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), f"README.md links to {target}, which is not there"
