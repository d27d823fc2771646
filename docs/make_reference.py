"""Writes docs/reference/ from the code: the commands, the charter, its JSON Schema.

`make docs` runs it; a test runs `pages` and compares, so that the pages never lag behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
import yaml

from assay.charter.data import Span
from assay.charter.schema import charter_json_schema
from assay.cli.root import COMMANDS

FOLDER = Path(__file__).parent / "reference"
EXAMPLES = Path(__file__).parent / "charter_examples.yaml"
_WORDS = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "null": "null",
}


def pages() -> dict[str, str]:
    """Every page by its file name."""
    schema = charter_json_schema()
    return {
        "cli.md": _cli(),
        "charter.md": _charter(schema),
        "charter.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
    }


def _cli() -> str:
    lines = [
        "# The command line",
        "",
        "Every command takes the directory that holds `charter.yaml` (default: here), `--json` for",
        "machines (one JSON document on stdout) and `--debug` for a traceback. Exit codes: 0 yes,",
        "1 a gate or check says no, 2 the input is wrong, 3 the world is broken.",
    ]
    for name, module in COMMANDS.items():
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            for sub in found.registered_commands:
                lines += _command(f"{name} {sub.name}", sub.callback)
            for group in found.registered_groups:
                for sub in group.typer_instance.registered_commands if group.typer_instance else ():
                    lines += _command(f"{name} {group.name} {sub.name}", sub.callback)
        else:
            lines += _command(name, found)
    return "\n".join(lines) + "\n"


def _command(name: str, function: Any) -> list[str]:
    single = typer.Typer(add_completion=False)
    single.command(name)(function)
    command = typer.main.get_command(single)
    lines = ["", f"## assay {name}", "", (function.__doc__ or "").strip(), ""]
    for parameter in command.params:
        if parameter.name == "help":
            continue
        is_argument = parameter.param_type_name == "argument"
        shown = (parameter.name or "").upper() if is_argument else ", ".join(parameter.opts)
        need = " (needed)" if parameter.required else ""
        lines.append(f"- `{shown}`{need}: {getattr(parameter, 'help', '') or ''}".rstrip(": "))
    return lines


def _charter(schema: dict[str, Any]) -> str:
    lines = [
        "# The charter",
        "",
        "One YAML file, `charter.yaml`. Unknown keys are faults; `assay check` lists all faults",
        "at once with the mend. Editors complete and check it by `charter.schema.json` (put",
        "`# yaml-language-server: $schema=charter.schema.json` on its first line).",
        "",
        "Each heading says where its keys stand: `[]` is one entry of a list, `*` any name. What",
        "the model is worth is agreed under [value](#value).",
        "",
        "## charter",
        "",
        schema["description"],
        "",
    ]
    definitions: dict[str, Any] = schema["$defs"]
    places = _places(schema, definitions, "")
    lines += _table(schema, definitions, places)
    examples: dict[str, str] = yaml.safe_load(EXAMPLES.read_text())
    for name, place in places.items():
        section = _section(definitions[name])
        lines += ["", f"## {place}", "", *definitions[name]["description"].splitlines(), ""]
        lines += _table(section, definitions, places)
        lines += _snippets(place, examples, list(places.values()))
    return "\n".join(lines) + "\n"


def _places(schema: dict[str, Any], definitions: dict[str, Any], at: str) -> dict[str, str]:
    """Where each section stands first, in the order of the charter."""
    found: dict[str, str] = {}
    for key, field in schema.get("properties", {}).items():
        here = f"{at}.{key}" if at else key
        for name, place in _held(field, here):
            section = _section(definitions[name])
            if section is None or name in found:
                continue
            kind = section["properties"].get("kind", {}).get("const")
            found[name] = f"{place}: {kind}" if kind else place
            inner = _places(section, definitions, place)
            found |= {one: inner[one] for one in inner if one not in found}
    return found


def _held(field: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    """The definitions that a field may hold, each with its place: itself, an entry, by a name."""
    if "$ref" in field:
        yield field["$ref"].rsplit("/", 1)[1], place
    for union in ("anyOf", "oneOf"):
        for one in field.get(union, ()):
            yield from _held(one, place)
    if isinstance(field.get("items"), dict):
        yield from _held(field["items"], f"{place}[]")
    if isinstance(_by_name(field), dict):
        yield from _held(_by_name(field), f"{place}.*")


def _by_name(field: dict[str, Any]) -> Any:
    """What a mapping holds, whether or not its names are held to a pattern."""
    patterns = list(field.get("patternProperties", {}).values())
    return patterns[0] if patterns else field.get("additionalProperties")


def _section(definition: dict[str, Any]) -> dict[str, Any] | None:
    """The keys of a definition, also where a short form may stand for them; None for a word."""
    forms = [definition, *definition.get("anyOf", ())]
    return next((form for form in forms if form.get("type") == "object"), None)


def _table(schema: Any, definitions: dict[str, Any], places: dict[str, str]) -> list[str]:
    lines = ["| key | what | default |", "|---|---|---|"]
    needed = schema.get("required", ())
    for key, field in schema.get("properties", {}).items():
        default = "needed" if key in needed else _short(field.get("default"))
        parts = [field.get("description", ""), f"({_type(field, definitions, places)})"]
        parts += [f"E.g. `{_flow(one)}`" for one in field.get("examples", ())]
        lines.append(f"| `{key}` | {' '.join(filter(None, parts))} | {default} |")
    return lines


def _snippets(place: str, examples: dict[str, str], places: list[str]) -> list[str]:
    """The examples of a heading, and of its keys that have no heading of their own."""
    lines: list[str] = []
    for name, text in examples.items():
        owner = max((one for one in places if name == one or _within(name, one)), key=len)
        if owner == place:
            lines += ["", "```yaml", *text.splitlines(), "```"]
    return lines


def _within(name: str, place: str) -> bool:
    return name.startswith((f"{place}.", f"{place} ("))


def _type(field: dict[str, Any], definitions: dict[str, Any], places: dict[str, str]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        return _link(places[name]) if name in places else _type(definitions[name], {}, places)
    if "enum" in field or "const" in field:
        return ", ".join(f"`{one}`" for one in field.get("enum", [field.get("const")]))
    for union in ("anyOf", "oneOf"):
        if union in field:
            found = [_type(one, definitions, places) for one in field[union]]
            return " or ".join(one for one in dict.fromkeys(found) if one != "null")
    inner = field.get("items") or _by_name(field)
    return _plain(field, _type(inner, definitions, places) if isinstance(inner, dict) else "")


def _plain(field: dict[str, Any], entries: str) -> str:
    """A type without a name of its own; `entries` says what a list or mapping holds."""
    if "prefixItems" in field:
        return "[least, most]"
    if field.get("type") == "array":
        return f"list of {entries}"
    if field.get("type") == "object":
        return f"by name: {entries}"
    return "date" if field.get("format") == "date" else _WORDS[field["type"]]


def _flow(example: Any) -> str:
    """An example as one writes it in YAML, on one line."""
    if isinstance(example, str):
        return example
    text = yaml.safe_dump(example, default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _link(place: str) -> str:
    """A link to a heading, by the name that renderers of Markdown give it."""
    kept = "".join(c for c in place.lower() if c.isalnum() or c in " -_")
    return f"[{place}](#{kept.replace(' ', '-')})".replace("[]]", "\\[\\]]")


def _short(default: Any) -> str:
    if isinstance(default, dict) and default:
        span = set(default) == {"count", "unit"}
        return f"`{Span.model_validate(default)}`" if span else "its own defaults"
    if not default and not isinstance(default, bool | int | float):
        return "none"
    return f"`{json.dumps(default, ensure_ascii=False)}`"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, page in pages().items():
        (FOLDER / file).write_text(page)
        print(f"wrote docs/reference/{file}")
