"""What pydantic says about one value, in the words of the person who wrote the charter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from assay.charter.finding import Finding, Path
from assay.errors import did_you_mean

__all__ = ["choice", "findings_of"]

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
_NO_PAIR = ("missing", "too_long", "too_short", "tuple_type")
"""What pydantic says where two numbers are wanted and something else is given."""
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
    return [_finding(found, (*path, *place), field) for place, found in deepest.items()]


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
    if _is_pair(field.annotation) and errors[0]["type"] in _NO_PAIR:
        return Finding(path, "not a list of two numbers", _pair_around(path, errors[0]["input"]))
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
    if len(kinds) > 2:
        return "write one word or one number"
    if "a number" in kinds and "text" in kinds:
        return "write a number, or a formula over columns"
    return _EXAMPLES[kinds[0]]


def _is_pair(annotation: Any) -> bool:
    """Whether a field, or each entry of it, is a list of the least and the most."""
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple:
        return len(arguments) == 2 and Ellipsis not in arguments
    return any(_is_pair(argument) for argument in arguments)


def _pair_around(path: Path, given: Any) -> str:
    """Say how a range is written, around the one number that was given.

    >>> _pair_around(("value", "uncertainty", "decisions_per_month"), 1800)
    'write the least and the most, as in [1500, 2100]'
    """
    single = given[0] if isinstance(given, list) and len(given) == 1 else given
    if not isinstance(single, int | float) or not math.isfinite(single) or not single:
        return "write [least, most]"
    if path[-2:-1] != ("uncertainty",):
        return f"write the least and the most, as in [{min(single, 0):g}, {max(single, 0):g}]"
    step = 10.0 ** math.floor(math.log10(abs(single) / 6))
    reach = max(step, round(abs(single) / 6 / step) * step)
    most = single + reach
    if path[-1] == "uplift_kept_per_year":
        most = min(most, 1.0)
    return f"write the least and the most, as in [{single - reach:g}, {most:g}]"


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
        expected = str(context[_CHOICES[kind]]).replace(" or ", ",").split(",")
        return choice(str(context.get("tag", given)), [word.strip(" '") for word in expected])
    if kind == "string_pattern_mismatch":
        return _form(str(given), str(context["pattern"]), description)
    if kind in ("string_too_short", "too_short"):
        return "empty", f"fill it in{_in_words(description)}"
    if kind.startswith("date_"):
        return "not a date", "write a date as 2026-12-01"
    if kind == "value_error":
        return "cannot be read", str(context["error"])
    return "cannot be read", f"see its entry in the charter's reference{_in_words(description)}"


def choice(given: str, among: Iterable[str]) -> tuple[str, str]:
    """Return what is wrong with a word that is none of the choices, and the mend.

    >>> choice("topk", ["top_k", "budget"])
    ('not among the choices', 'did you mean `top_k`? Choose top_k, budget')
    """
    choices = list(among)
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
