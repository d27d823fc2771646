"""The house rules, kept by machine."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "assay").rglob("*.py"))
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
LATE_IMPORTS_ALLOWED = ("cli/", "workspace", "__init__.py")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT / "src" / "assay"))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _code_lines(source: list[str], node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body
    doc = ast.get_docstring(node, clean=False)
    first = body[1] if doc is not None and len(body) > 1 else body[0]
    lines = source[first.lineno - 1 : node.end_lineno]
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    lines = text.splitlines()
    assert len(lines) <= 400, f"{path.name} has {len(lines)} lines: cut it where its ideas part"
    assert path.stem not in VAGUE, f"{path.name} says nothing: name what it decides or returns"
    for node in _functions(ast.parse(text)):
        count = _code_lines(lines, node)
        assert count <= 40, f"{path.name}: {node.name} has {count} code lines"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_late_import_of_our_own_package(path: Path) -> None:
    if any(part in _name(path) for part in LATE_IMPORTS_ALLOWED):
        pytest.skip("the command line and the composition root load lazily on purpose")
    for node in _functions(ast.parse(path.read_text())):
        for inner in ast.walk(node):
            module = inner.module if isinstance(inner, ast.ImportFrom) else None
            assert not (module or "").startswith("assay"), f"{path.name}: {node.name} imports late"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_public_names_are_listed(path: Path) -> None:
    tree = ast.parse(path.read_text())
    listed = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    ]
    if path.name in {"__init__.py", "__main__.py"} or not listed:
        assert path.name in {"__init__.py", "__main__.py"}, f"{path.name} has no __all__"
        return
    # ruff sorts them (RUF022)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert node.name in listed[0], f"{path.name}: {node.name} is public but not listed"


def test_lock_pins_all_and_names_no_host() -> None:
    lock = (ROOT / "constraints.txt").read_text()
    for line in lock.splitlines():
        assert re.match(r"^[a-z0-9._-]+==[^ ]+( ;.*)?$", line), f"not a plain pin: {line}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(need for extra in extras for need in extra)]
    pinned = {line.split("==")[0] for line in lock.splitlines()}
    for need in wanted:
        name = re.split(r"[\[>=<]", need)[0].lower()
        assert ">=" in need, f"{need} has no lower bound"
        assert name in pinned, f"{name} is not pinned: run `make lock`"


def test_coverage_is_one_number() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    number = config["tool"]["coverage"]["report"]["fail_under"]
    prose = re.findall(r"(\d+)\s*% (?:of lines and branches|coverage)", _contributing())
    assert prose == [str(number)], f"CONTRIBUTING.md says {prose}, the config says {number}"


def _contributing() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text()


def test_files_named_in_the_guides_exist() -> None:
    for guide in ("CONTRIBUTING.md", "ARCHITECTURE.md", "README.md"):
        text = (ROOT / guide).read_text()
        for name in re.findall(r"`((?:src|tests|docs|examples)/[\w./-]+)`", text):
            assert (ROOT / name).exists(), f"{guide} names {name}, which is not there"


def test_decision_records_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    for name in names:
        text = (ROOT / "docs" / "decisions" / name).read_text()
        for part in ("## Context", "## Choice", "## Rejected", "## What would change our mind"):
            assert part in text, f"{name} lacks {part!r}"
