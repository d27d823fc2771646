"""What the columns of captures hold, so that Parquet keeps each value exactly as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

from assay.adapters.lake_rows import Run

__all__ = ["Kinds", "arrow_type", "from_arrow", "polars_type", "to_arrow"]

_EXACT = 2**53  # beyond it a float64 cannot hold every whole number
_LARGEST = 2**63 - 1
_TYPES: Mapping[str, tuple[Any, Any]] = {
    "bool": (pa.bool_(), pl.Boolean()),
    "int": (pa.int64(), pl.Int64()),
    "float": (pa.float64(), pl.Float64()),
    "text": (pa.large_string(), pl.String()),
    "moment": (pa.timestamp("us", "UTC"), pl.Datetime("us", "UTC")),
    "floats": (pa.large_list(pa.float64()), pl.List(pl.Float64())),
    "texts": (pa.large_list(pa.large_string()), pl.List(pl.String())),
    "json": (pa.large_string(), pl.String()),
}
_SIMPLE = {type(None): "none", bool: "bool", float: "float"}


class Kinds:
    """Learns what each column holds: see `of`.

    >>> kinds = Kinds()
    >>> kinds.learn(Run(2, "", {"id": ["a/0", "a/1"], "in:age": [40, 40.5], "in:job": [None] * 2}))
    >>> kinds.of()
    {'id': 'text', 'in:age': 'float', 'in:job': 'text'}
    """

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {}

    def learn(self, run: Run) -> None:
        """Look at a run's values."""
        for name, values in run.columns.items():
            seen = self._seen.setdefault(name, set())
            for kind in set(map(type, values)):
                seen.update(_kinds(name, kind, values))

    def of(self) -> dict[str, str]:
        """Return the kind of each column: `json` where no other holds all of its values exactly.

        Whole numbers stand beside fractions as float64 where that holds them; `moment` is a time
        in UTC that is written as Python's `isoformat` writes it.
        """
        return {name: _together(seen) for name, seen in self._seen.items()}


def arrow_type(kind: str) -> Any:
    """Return the Arrow type that keeps a kind."""
    return _TYPES[kind][0]


def polars_type(kind: str) -> Any:
    """Return the polars type that keeps a kind."""
    return _TYPES[kind][1]


def to_arrow(values: list[Any], kind: str) -> list[Any]:
    """Return values as Arrow takes their kind; None stays."""
    if kind == "moment":
        known = {one: None if one is None else datetime.fromisoformat(one) for one in set(values)}
        return [known[one] for one in values]
    if kind == "json":
        return [None if one is None else msgspec.json.encode(one).decode() for one in values]
    return values


def from_arrow(values: list[Any], kind: str) -> list[Any]:
    """Return a column's values as they were captured."""
    if kind == "moment":
        known = {one: None if one is None else one.isoformat() for one in set(values)}
        return [known[one] for one in values]
    if kind == "json":
        return [None if one is None else msgspec.json.decode(one) for one in values]
    return values


def _kinds(name: str, kind: type, values: Sequence[Any]) -> set[str]:
    """Return what the values of one type are."""
    if kind in _SIMPLE:
        return {_SIMPLE[kind]}
    if kind is str and name != "at":
        return {"text"}
    own: list[Any] = [one for one in values if type(one) is kind]
    if kind is int:
        largest = max(abs(one) for one in own)
        return {"int" if largest <= _EXACT else "large" if largest <= _LARGEST else "json"}
    if kind is str:
        return {"moment" if all(map(_is_moment, own)) else "text"}
    return {_kind_of_list(one) for one in own} if kind is list else {"json"}


def _kind_of_list(values: list[Any]) -> str:
    if values and all(isinstance(one, float) for one in values):
        return "floats"
    return "texts" if all(isinstance(one, str) for one in values) else "json"


def _together(seen: set[str]) -> str:
    held = seen - {"none"}
    if held <= {"int", "large"} and held:
        return "int"
    if held == {"int", "float"}:
        return "float"
    if held == {"moment", "text"}:
        return "text"
    if len(held) == 1:
        return next(iter(held))
    return "json" if held else "text"


@lru_cache(1024)
def _is_moment(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return moment.tzinfo is not None and moment.astimezone(UTC).isoformat() == text
