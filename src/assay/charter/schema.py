"""The charter's JSON Schema: what an editor completes and underlines."""

from __future__ import annotations

from typing import Any

from assay.charter.charter import Charter

__all__ = ["charter_json_schema"]


def charter_json_schema() -> dict[str, Any]:
    """Return the schema of `charter.yaml` (JSON Schema, draft 2020-12).

    It says what the types say, short forms included (`people: solo`, one name for a list of one,
    `policy: best_action`). Rules between sections are beyond it: `assay check` tells them.

    >>> charter_json_schema()["title"]
    'Assay charter'
    """
    schema = Charter.model_json_schema(by_alias=True, mode="validation")
    definitions: dict[str, Any] = schema["$defs"]
    for section in (schema, *definitions.values()):
        if "description" in section:
            section["description"] = section["description"].partition(">>>")[0].rstrip()
    _accept_short_people(definitions["People"])
    _accept_short_policy(definitions["ValueModel"]["properties"]["policy"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Assay charter",
    }


def _accept_short_people(people: dict[str, Any]) -> None:
    """One name may stand where a list may, and `solo` for the whole section."""
    long = {**people}
    del long["properties"]["solo"]
    for role, names in long["properties"].items():
        long["properties"][role] = {"anyOf": [names["items"], names]}
    description = people["description"]
    people.clear()
    people.update(description=description, anyOf=[{"const": "solo"}, long])


def _accept_short_policy(policy: dict[str, Any]) -> None:
    """`best_action` needs no further keys, so its name is enough."""
    long = {key: policy.pop(key) for key in ("discriminator", "oneOf")}
    policy["anyOf"] = [{"const": "best_action"}, long]
