"""What pydantic says about one value, in the words of the person who wrote the charter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from assay.charter.finding import Finding, Path
from assay.errors import did_you_mean

__all__ = ["findings_of"]

_KINDS = {
    "string": "text",
    "float": "a number",
    "finite": "a finite number",
    "int": "a whole number",
    "bool": "true or false",
    "dict": "keys with values",
    "tuple": "a list",
    "list": "a list",
}
_EXAMPLES = {
    "text": "write a word or a sentence",
    "a number": "write a plain number such as 0.05 or 1000, without currency or separators",
    "a finite number": "write a plain number",
    "a whole number": "write a whole number",
    "true or false": "write true or false",
    "keys with values": "write `key: value` lines below it",
    "a list": "write a list: [first, second]",
}
_LIMITS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_CHOICES = {"literal_error": "expected", "enum": "expected", "union_tag_invalid": "expected_tags"}
_CURRENCIES = {"€": "EUR", "EURO": "EUR", "EUROS": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}


def findings_of(
    errors: Sequence[ErrorDetails], raw: Any, path: Path, field: FieldInfo
) -> list[Finding]:
    """Return one finding for each place at which a value does not have its type.

    `errors` are pydantic's own for the value `raw` that stands at `path`. Where a value may be
    of several types, pydantic complains once for each; here they become one finding.
    """
    places: dict[Path, list[ErrorDetails]] = {}
    for error in errors:
        places.setdefault(_place(error["loc"], raw), []).append(error)
    deepest = {
        place: found
        for place, found in places.items()
        if not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    }
    findings = [_finding(found, (*path, *place), field) for place, found in deepest.items()]
    if isinstance(raw, dict) and errors[0]["type"] == "union_tag_invalid":
        return [findings[0]._replace(path=(*path, "kind"))]
    return findings


def _place(loc: tuple[int | str, ...], given: Any) -> Path:
    """Return where in the file an error lies: pydantic's path without the names of types."""
    place: Path = ()
    raw: Any = given
    for part in loc:
        there = (isinstance(raw, dict) and part in raw) or (
            isinstance(raw, list) and isinstance(part, int) and part < len(raw)
        )
        if there:
            raw = raw[part]
            place = (*place, part)
    return place


def _finding(errors: list[ErrorDetails], path: Path, field: FieldInfo) -> Finding:
    kinds = dict.fromkeys(
        _KINDS[error["type"].split("_")[0]]
        for error in errors
        if error["type"].split("_")[0] in _KINDS and not _is_about_form(error)
    )
    if errors[0]["input"] is None:
        mend = f"fill it in{_in_words(field.description)}"
        return Finding(path, "empty", mend if field.is_required() else f"{mend}, or take it out")
    if kinds and len(kinds) == len({error["type"].split("_")[0] for error in errors}):
        return Finding(path, f"not {' or '.join(kinds)}", _example(list(kinds), errors[0]["input"]))
    error = _most_telling(errors)
    problem, mend = _one(error, field.description)
    return Finding(path, problem, mend)


def _example(kinds: list[str], given: Any) -> str:
    if kinds == ["a list"] and isinstance(given, str | int | float):
        return f"write a list: [{given}]"
    if kinds == ["text"] and isinstance(given, int | float):
        return f'put it between quotes: "{given}"'
    if "a number" in kinds and "text" in kinds:
        return "write a number, or a formula over columns"
    return _EXAMPLES[kinds[0]]


def _is_about_form(error: ErrorDetails) -> bool:
    return error["type"] in ("string_pattern_mismatch", "string_too_short", "string_too_long")


def _most_telling(errors: list[ErrorDetails]) -> ErrorDetails:
    return next((error for error in errors if _is_about_form(error)), errors[0])


def _one(error: ErrorDetails, description: str | None) -> tuple[str, str]:
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        limit = f"{words} {context[name]:g}"
        return "out of range", f"write a number {limit}{_in_words(description)}"
    if kind in _CHOICES:
        return _choice(str(context.get("tag", given)), str(context[_CHOICES[kind]]))
    if kind == "string_pattern_mismatch":
        return _form(str(given), str(context["pattern"]), description)
    if kind in ("string_too_short", "too_short"):
        return "empty", f"fill it in{_in_words(description)}"
    if kind == "value_error":
        return "cannot be read", str(context["error"])
    return f"not right: {error['msg'].lower()}", f"change it{_in_words(description)}"


def _choice(given: str, expected: str) -> tuple[str, str]:
    choices = [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
    hint = did_you_mean(given, choices)
    return "not among the choices", f"{hint} " * bool(hint) + f"Choose {', '.join(choices)}"


def _form(given: str, pattern: str, description: str | None) -> tuple[str, str]:
    if pattern == r"^[A-Z]{3}$":
        code = _CURRENCIES.get(given.upper(), given.upper())
        guess = f"did you mean `{code}`?" if code.isalpha() and len(code) == 3 else ""
        return "not a currency code", guess or "write three capital letters, such as EUR"
    if pattern.startswith("^[a-z0-9]"):
        plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in given.lower())
        guess = "-".join(filter(None, plain.split("-"))) or "my-model"
        return "not a plain name", f"use small letters, digits and dashes: `{guess}`"
    return "not of the right form", f"change it{_in_words(description)}"


def _in_words(description: str | None) -> str:
    return f" ({description.rstrip('.')})" if description else ""
