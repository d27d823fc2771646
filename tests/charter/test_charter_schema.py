from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from assay.charter.schema import charter_json_schema


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = charter_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_sound_charters_are_valid(validator: Any, sound_documents: list[dict[str, Any]]) -> None:
    for document in sound_documents:
        validator.validate(document)


@pytest.mark.parametrize("people", ["solo", {"sponsor": "Ana"}, {"sponsor": ["Ana", "Bob"]}])
@pytest.mark.parametrize("policy", ["best_action", {"kind": "threshold", "action": "call"}])
def test_short_forms_are_valid(
    validator: Any, sound_documents: list[dict[str, Any]], people: Any, policy: Any
) -> None:
    document = {**sound_documents[0], "people": people}
    document["value"] = {**document["value"], "policy": policy}
    assert validator.is_valid(document)


@pytest.mark.parametrize(
    "change", [{"peple": "solo"}, {"people": "sole"}, {"risk": {"tier": "huge"}}, {"name": "A B"}]
)
def test_faults_of_types_are_underlined(
    validator: Any, sound_documents: list[dict[str, Any]], change: dict[str, Any]
) -> None:
    assert not validator.is_valid({**sound_documents[0], **change})


def test_every_section_says_what_it_is() -> None:
    definitions = charter_json_schema()["$defs"]
    objects = [d for d in definitions.values() if d.get("type") == "object" or "anyOf" in d]
    assert objects
    assert all(definition.get("description") for definition in objects)
