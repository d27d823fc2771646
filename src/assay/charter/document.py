"""The charter's text as plain data, with the line of every entry.

YAML 1.2's core schema: only `true` and `false` are booleans, so that `yes`, `no`, `on` and `off`
stay words; dates, base-60 numbers and numbers with `_` stay text. Keys are always text.
Aliases are refused: a charter says each thing where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml

from assay.charter.finding import Finding, Path
from assay.errors import CharterError, Fault

__all__ = ["Document", "read_document"]

_LONGEST = 500_000
_DEEPEST = 20


@dataclass(frozen=True)
class Document:
    """Plain data, the line of each entry, and what was wrong but did not stop the reading."""

    data: Any
    lines: Mapping[Path, int]
    findings: tuple[Finding, ...]

    def line(self, path: Path) -> int:
        """Return the line of an entry; of its nearest parent where it is not there."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_document(text: str, where: str) -> Document:
    """Read YAML text; raise CharterError where it cannot be read at all.

    >>> read_document("actions: {yes: 9, no: -1}", "here").data
    {'actions': {'yes': 9, 'no': -1}}
    """
    if len(text) > _LONGEST:
        fault = Fault("charter", "too long", f"{len(text)} characters", "keep data out of it")
        raise CharterError(where, [fault])
    try:
        return _Reader(text).document()
    except yaml.MarkedYAMLError as error:
        raise CharterError(where, [_unreadable(text, error)]) from error
    except yaml.reader.ReaderError as error:
        fault = Fault(
            f"character {error.position + 1}",
            "no character for a text file",
            f"{error.character!r}",
            "take it out, and save the file as UTF-8",
        )
        raise CharterError(where, [fault]) from error


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2's meaning of plain words."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )


class _Reader:
    """Walks the nodes once: data, lines and faults come out together."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: dict[Path, int] = {}
        self.findings: list[Finding] = []

    def document(self) -> Document:
        # Events come first: composing nodes is recursive, and aliases may grow without end.
        self._refuse_aliases_and_depth()
        node = yaml.compose(self.text, Loader=_Loader)
        data = None if node is None else self._value(node, ())
        return Document(data, self.lines, tuple(self.findings))

    def _refuse_aliases_and_depth(self) -> None:
        depth = 0
        for event in yaml.parse(self.text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise yaml.MarkedYAMLError(problem="found an alias", problem_mark=_mark(event))
            if depth > _DEEPEST:
                raise yaml.MarkedYAMLError(
                    problem="found too many levels", problem_mark=_mark(event)
                )

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._find(path, "a key is not a word", "a list or a mapping")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in data:
                twice = f"this key stands twice, on lines {self.lines[here]} and {line}"
                self._find(here, twice, f"`{key}`")
                continue
            self.lines[here] = line
            data[key] = self._value(value_node, here)
        return data

    def _find(self, path: Path, problem: str, given: str) -> None:
        self.findings.append(Finding(path, problem, "keep one key, a plain word", given))

    def _scalar(self, node: yaml.Node) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == "bool":
            return node.value.lower() == "true"
        if kind == "int":
            return int(node.value) if len(node.value) < 300 else node.value
        if kind == "float":
            return float(re.sub(r"\.(?=inf|nan)", "", node.value.lower()))
        return None if kind == "null" else node.value


def _mark(event: yaml.Event) -> yaml.Mark | None:
    return cast("yaml.Mark | None", event.start_mark)


def _unreadable(text: str, error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    row, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = text.splitlines()
    given = lines[row].strip() if row < len(lines) else "the end of the file"
    problem = f"not readable as YAML: {error.problem or error.context}"
    return Fault(f"line {row + 1}, column {column + 1}", problem, f"`{given}`", _yaml_mend(problem))


def _yaml_mend(problem: str) -> str:
    for sign, mend in (
        ("'\\t'", "indent with blanks, never with tabs"),
        ("'`'", 'put the whole text between quotes: "2 * `emp.var.rate`"'),
        ("mapping values are not allowed", "put text that holds `: ` between quotes"),
        ("cannot start any token", "put the text between quotes"),
        ("found an alias", "write the text out where `*` refers to it"),
        ("too many levels", f"a charter needs no more than {_DEEPEST} levels"),
        ("found another document", "keep one charter in a file: take `---` out"),
        ("end of stream", "close the quote that is still open"),
    ):
        if sign in problem:
            return mend
    return "look at this line and the one above: indentation, colons, quotes, brackets"
