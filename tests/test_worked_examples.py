"""The worked examples print and draw what their pages show."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[1] / "docs"
SCRIPTS = sorted((DOCS / "value").glob("[a-z]*.py"))


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_worked", DOCS / "make_worked.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_page_is_what_its_script_prints(script: Path, maker: ModuleType) -> None:
    try:
        text, pictures = maker.rendered(script)
    except FileNotFoundError as error:
        pytest.skip(f"the example's data set is not here: {error}")
    page = script.with_suffix(".md").read_text(encoding="utf-8")
    assert text == page, "run `make docs`"
    for name, raw in pictures.items():
        assert raw.startswith(b"\x89PNG")
        assert (DOCS / "value" / "pictures" / name).exists()


def test_every_kind_of_value_model_has_an_example() -> None:
    known = {path.stem for path in SCRIPTS}
    assert known >= {"first_look"}
