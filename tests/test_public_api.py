"""What `import assay` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import assay


@pytest.mark.parametrize("name", assay.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    found = getattr(assay, name)
    assert found.__module__.startswith("assay.")
    assert found.__doc__


def test_the_names_are_listed_and_sorted() -> None:
    assert dir(assay) == assay.__all__ == sorted(assay.__all__)


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(AttributeError, match=r"no 'Worksapce'; it has .*Workspace"):
        _ = assay.Worksapce


def _modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_assay_loads_nothing_heavy() -> None:
    heavy = {"numpy", "polars", "pydantic", "sklearn", "sqlalchemy", "typer", "matplotlib"}
    assert not heavy & _modules_after("import assay")
    assert not heavy & _modules_after("from assay import Workspace; Workspace('.')")


def test_reading_a_charter_needs_no_workbench() -> None:
    heavy = {"polars", "pandas", "sklearn", "sqlalchemy", "matplotlib", "lightgbm"}
    assert not heavy & _modules_after("from assay import load_charter, valuation")


def test_python_m_assay_is_assay() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "assay", "schema", "charter"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("{")
