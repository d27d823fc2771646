"""Outcomes as the data has them, and the codes that the arithmetic uses."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError

__all__ = ["encode_amounts", "encode_labels", "label_text"]

_APART = frozenset({str, int, float, type(None)})
"""Kinds of which equal values have equal texts; `True` equals 1, and is another text."""


def label_text(value: object) -> str:
    """Return an outcome as the charter's payoff table would write it.

    >>> [label_text(value) for value in ("yes", 1, 1.0, True, 0.5)]
    ['yes', '1', '1', 'true', '0.5']
    """
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def encode_labels(outcomes: NDArray[Any], labels: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the code of each outcome: its place among `labels`.

    Raises DataError naming the outcomes that are missing or not among the labels.

    >>> encode_labels(np.array(["no", "yes", "no"]), ("no", "yes"))
    array([0, 1, 0])
    """
    codes = {label: code for code, label in enumerate(labels)}
    given = np.asarray(outcomes)
    encoded = _encoded(given.tolist(), codes)
    if (encoded < 0).any():
        raise DataError(_unknown(given[encoded < 0].tolist(), labels))
    return encoded


def _encoded(given: list[Any], codes: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the code of each outcome, -1 where its text has none."""
    kinds = set(map(type, given))
    if not (kinds <= _APART or kinds == {bool}):
        found = (codes.get(label_text(value), -1) for value in given)
        return np.fromiter(found, np.int64, len(given))
    # Each distinct outcome is written out once only.
    known = {value: codes.get(label_text(value), -1) for value in dict.fromkeys(given)}
    return np.fromiter(map(known.__getitem__, given), np.int64, len(given))


def encode_amounts(outcomes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the outcomes of a regression as float64; DataError where one is not a number."""
    try:
        amounts = np.asarray(outcomes, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            "The outcome column holds text, but the value model is one of regression, which needs "
            "numbers. Name a column of numbers, or give `value.actions` for classification."
        ) from None
    missing = int((~np.isfinite(amounts)).sum())
    if missing:
        raise DataError(
            f"The outcome column has {missing} of {len(amounts)} values that are missing or not "
            "finite. Leave those rows out: an outcome must not be guessed."
        )
    return amounts


def _unknown(strangers: list[Any], labels: tuple[str, ...]) -> str:
    missing = sum(value is None or value != value for value in strangers)  # noqa: PLR0124
    texts = sorted({label_text(value) for value in strangers if value is not None})
    if missing == len(strangers):
        return (
            f"{missing} outcomes are missing; the value model knows {', '.join(labels)}. "
            "Leave out rows whose outcome is not known."
        )
    lower = {label.lower(): label for label in labels}
    near = get_close_matches(texts[0].strip().lower(), lower, n=1)
    hint = f" (did you mean {lower[near[0]]!r}?)" if near else ""
    shown = ", ".join(repr(text) for text in texts[:3]) + (", …" if len(texts) > 3 else "")
    return (
        f"{len(strangers)} outcomes are not in the payoff table: {shown}{hint}. It knows "
        f"{', '.join(repr(label) for label in labels)}. Mend the outcome column, or name these "
        "outcomes under `value.actions`."
    )
