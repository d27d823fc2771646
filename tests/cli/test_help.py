"""The command line answers at once and names everything it can do."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest

from assay.cli.root import COMMANDS

HEAVY = (
    "alembic",
    "cryptography",
    "fastapi",
    "fsspec",
    "httpx",
    "lightgbm",
    "matplotlib",
    "mlflow",
    "numpy",
    "onnxruntime",
    "optuna",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "structlog",
    "uvicorn",
)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys\n"
        "from assay.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('LOADED', *sorted({m.split('.')[0] for m in sys.modules}))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    done = _run("--help")
    assert done.returncode == 0, done.stderr
    text, loaded = done.stdout.split("LOADED")
    for name in COMMANDS:
        assert f" {name} " in text
    assert not set(loaded.split()) & set(HEAVY)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_loads_nothing_heavy(name: str) -> None:
    module = import_module(COMMANDS[name])
    assert hasattr(module, name)
    assert (module.__doc__ or "").startswith("`assay ")


def test_the_version_is_told_at_once() -> None:
    done = _run("--version")
    assert done.returncode == 0, done.stderr
    text, loaded = done.stdout.split("LOADED")
    assert text == f"assay {version('assay')}\n"
    assert not set(loaded.split()) & set(HEAVY)


def test_unknown_command_is_the_users_mistake() -> None:
    done = _run("biuld")
    assert done.returncode == 2
    assert "build" in done.stderr  # did you mean


def test_missing_charter_is_one_paragraph() -> None:
    done = _run("check", "/nowhere")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "charter.yaml" in done.stderr
