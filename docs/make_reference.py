"""Writes docs/reference/ from the code: the commands, the charter, its JSON Schema.

`make docs` runs it; a test runs `pages` and compares, so that the pages never lag behind.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from assay.charter.data import Span
from assay.charter.schema import charter_json_schema
from assay.cli.root import COMMANDS

FOLDER = Path(__file__).parent / "reference"


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
    ]
    definitions = schema.get("$defs", {})
    lines += _fields("charter", schema, definitions, schema.get("description", ""))
    for name, definition in sorted(definitions.items()):
        if definition.get("type") == "object":
            lines += _fields(name, definition, definitions, definition.get("description", ""))
    return "\n".join(lines) + "\n"


def _fields(
    title: str, schema: dict[str, Any], definitions: dict[str, Any], text: str
) -> list[str]:
    lines = [
        "",
        f"## {title}",
        "",
        *text.splitlines(),
        "",
        "| key | what | default |",
        "|---|---|---|",
    ]
    needed = schema.get("required", ())
    for key, field in schema.get("properties", {}).items():
        default = "needed" if key in needed else _short(field.get("default"))
        what = f"{field.get('description', '')} {_type(field, definitions)}".strip()
        lines.append(f"| `{key}` | {what} | {default} |")
    return lines


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        definition = definitions.get(name, {})
        return f"(see {name})" if definition.get("type") == "object" else _type(definition, {})
    if "enum" in field:
        return "(" + ", ".join(f"`{one}`" for one in field["enum"]) + ")"
    for union in ("anyOf", "oneOf"):
        if union in field:
            found = [_type(one, definitions) for one in field[union]]
            return " or ".join(dict.fromkeys(one for one in found if one))
    if field.get("type") == "array":
        inner = _type(field.get("items", {}), definitions)
        return f"list of {inner}" if inner else "list"
    return f"({field['type']})" if "type" in field else ""


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
