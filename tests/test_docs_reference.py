"""The reference pages say what the code does; `make docs` writes them anew."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from assay.cli.root import COMMANDS

ROOT = Path(__file__).resolve().parents[1]


def _made() -> dict[str, str]:
    place = ROOT / "docs" / "make_reference.py"
    spec = importlib.util.spec_from_file_location("make_reference", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[str, str] = module.pages()
    return pages


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return _made()


def test_the_reference_is_what_the_code_makes(made: dict[str, str]) -> None:
    folder = ROOT / "docs" / "reference"
    kept = {path.name: path.read_text() for path in folder.iterdir()}
    assert sorted(kept) == sorted(made)
    for name, page in made.items():
        assert kept[name] == page, f"docs/reference/{name} lags behind the code: run `make docs`"


def test_the_reference_is_the_same_each_time(made: dict[str, str]) -> None:
    assert _made() == made


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_entry(made: dict[str, str], name: str) -> None:
    assert f"## assay {name}" in made["cli.md"]


def test_every_option_is_explained(made: dict[str, str]) -> None:
    bare = [
        line for line in made["cli.md"].splitlines() if line.startswith("- `") and ": " not in line
    ]
    assert bare == []


def test_no_key_of_the_charter_is_left_without_words(made: dict[str, str]) -> None:
    rows = [line for line in made["charter.md"].splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert [row for row in rows if row.split("|")[2].strip() == ""] == []


def test_the_schema_takes_the_examples(made: dict[str, str]) -> None:
    schema = json.loads(made["charter.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in sorted((ROOT / "examples").glob("*/charter.yaml")):
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)
