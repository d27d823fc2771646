"""The reference of the charter: its order, its links, and examples that hold."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.charter.charter import Charter
from assay.charter.document import read_document
from assay.charter.load import parse_charter

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES: dict[str, str] = yaml.safe_load((DOCS / "charter_examples.yaml").read_text())
PAGE = (DOCS / "reference" / "charter.md").read_text()
HEADINGS = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
KINDS = ("actions", "caps", "payoff", "under", "over", "function")


def _merged(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(whole)
    for key, value in part.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _read(text: str, sound_documents: list[dict[str, Any]]) -> Charter:
    """Read an example as a part of a sound charter, which gives what the example does not."""
    part = read_document(text, "example").data
    value = part.get("value", {})
    whole = copy.deepcopy(sound_documents["under" in value])
    if "time" in part.get("data", {}):
        del whole["data"]["order"]
    whole["data"].pop("label_delay", None)
    if set(KINDS).intersection(value):
        whole["value"] = {k: v for k, v in whole["value"].items() if k not in KINDS}
    if "baselines" in value:
        whole["value"] = {k: v for k, v in whole["value"].items() if not k.startswith("baseline")}
    written = yaml.safe_dump(_merged(whole, part), sort_keys=False)
    return parse_charter(written, "charter.yaml")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_holds_in_a_charter(name: str, sound_documents: list[dict[str, Any]]) -> None:
    charter = _read(EXAMPLES[name], sound_documents)
    part = read_document(EXAMPLES[name], "example").data
    for section, given in part.items():
        own = getattr(charter, section)
        keys = given if isinstance(given, dict) and not isinstance(own, dict) else ()
        assert set(keys) <= getattr(own, "model_fields_set", set())


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_stands_on_the_page_as_it_was_read(name: str) -> None:
    assert f"```yaml\n{EXAMPLES[name].rstrip()}\n```" in PAGE


@pytest.mark.parametrize(
    "key",
    [
        *(
            "refer:",
            "capacity:",
            "kind: budget",
            "kind: top_k",
            "refer_from:",
            "changes:",
            "since:",
        ),
        *(
            "changes:",
            "uncertainty:",
            "function:",
            "control_share:",
            "exploration_share:",
            "moved_by:",
        ),
        *("unit:", "accuracy:", "confusion:", "under:", "label_delay:", "revealed_by:"),
    ],
)
def test_what_is_new_to_most_has_an_example(key: str) -> None:
    assert any(key in text for text in EXAMPLES.values())


@pytest.mark.parametrize("key", ["since", "accuracy", "confusion", "build_cost", "bounds", "caps"])
def test_a_key_of_a_form_of_its_own_shows_it(key: str) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{key}`")]
    assert any("E.g. `" in row for row in rows)


def test_sections_stand_in_the_order_of_the_charter() -> None:
    outermost = list(dict.fromkeys(re.split(r"[.\[:]", heading)[0] for heading in HEADINGS[1:]))
    keys = [key for key in Charter.model_fields if key in outermost]
    assert outermost == keys
    assert set(Charter.model_fields) - set(keys) == {"name", "title"}
    assert HEADINGS.index("value") <= 6


def test_every_link_leads_to_a_heading() -> None:
    anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in HEADINGS}
    links = re.findall(r"\]\(#([^)]*)\)", PAGE)
    assert len(links) > 20
    assert set(links) <= anchors
    assert "(see " not in PAGE
    assert ">>>" not in PAGE
