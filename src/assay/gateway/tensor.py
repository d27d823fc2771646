"""One tensor of a request: shape, datatype and data checked, then read as a column."""

from __future__ import annotations

from itertools import chain
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError

__all__ = ["FLOATS", "MAX_ROWS", "Tensor", "row_count", "shown", "values_of"]

MAX_ROWS = 100_000

_INTEGERS = {
    f"{sign}INT{bits}": np.iinfo(f"{sign.lower()}int{bits}")
    for sign in ("", "U")
    for bits in (8, 16, 32, 64)
}
FLOATS = frozenset({"FP16", "FP32", "FP64"})
_KINDS = {"BYTES": "category", "BOOL": "either"} | dict.fromkeys((*_INTEGERS, *FLOATS), "number")

_NONE = type(None)


class Tensor(msgspec.Struct, gc=False):
    """A named array of shape (n) or (n, 1): one input column."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] | None = None


def row_count(tensor: Tensor) -> int:
    """Return the number of rows that a tensor says it has; DataError where it is no column."""
    shape = tensor.shape
    if len(shape) not in {1, 2} or shape[0] < 0 or shape[1:] not in ([], [1]):
        raise DataError(
            f"Input {tensor.name} has shape {shown(shape)}; each input is one column: "
            "[rows] or [rows, 1]."
        )
    return shape[0]


def values_of(tensor: Tensor, kind: Literal["number", "category"] | None) -> NDArray[Any]:
    """Return a column: float64 with NaN, or an object array of str with "".

    `kind` None takes what the datatype says. Raises DataError where shape, datatype and data do
    not go together, or the column needs the other kind.

    >>> values_of(Tensor("x", [2, 1], "FP32", [[1.5], [None]]), "number")
    array([1.5, nan])
    >>> values_of(Tensor("x", [2], "BYTES", ["a", None]), "category")
    array(['a', ''], dtype=object)
    """
    comes_as = _KINDS.get(tensor.datatype)
    if comes_as is None:
        raise DataError(
            f"Input {tensor.name} has datatype {tensor.datatype[:50]!r}; "
            f"the protocol has {', '.join(sorted(_KINDS))}."
        )
    if kind is not None and comes_as not in {kind, "either"}:
        wanted = "FP64 or another number" if kind == "number" else "BYTES"
        raise DataError(f"Input {tensor.name} comes as {tensor.datatype}; it must be {wanted}.")
    flat = _flat(tensor)
    if tensor.datatype == "BYTES":
        return _texts(tensor, flat)
    if tensor.datatype == "BOOL" and kind == "category":
        return _booleans_as_texts(tensor, flat)
    return _numbers(tensor, flat)


def _flat(tensor: Tensor) -> list[Any]:
    """Return the data in one list, whether it came flat or with a list for each row."""
    data, rows = tensor.data, row_count(tensor)
    if len(data) == rows and len(tensor.shape) == 2 and all(type(row) is list for row in data):
        if any(len(row) != 1 for row in data):
            raise DataError(f"Input {tensor.name} of shape {tensor.shape} has rows of other size.")
        return list(chain.from_iterable(data))
    if len(data) != rows:
        raise DataError(
            f"Input {tensor.name} has shape {tensor.shape} and {len(data)} values; they must agree."
        )
    return data


def _texts(tensor: Tensor, data: list[Any]) -> NDArray[Any]:
    _demand(tensor, data, {str, _NONE}, "texts, or null where missing")
    texts = np.empty(len(data), dtype=object)
    texts[:] = ["" if value is None else value for value in data]
    return texts


def _booleans_as_texts(tensor: Tensor, data: list[Any]) -> NDArray[Any]:
    _demand(tensor, data, {bool}, "true or false")
    texts = np.empty(len(data), dtype=object)
    texts[:] = ["true" if value else "false" for value in data]
    return texts


def _numbers(tensor: Tensor, data: list[Any]) -> NDArray[Any]:
    if tensor.datatype in FLOATS:
        _demand(tensor, data, {int, float, _NONE}, "numbers, or null where missing")
        try:
            return np.array(data, dtype=np.float64)
        except OverflowError as error:
            raise DataError(f"Input {tensor.name} holds a number beyond FP64.") from error
    if tensor.datatype == "BOOL":
        _demand(tensor, data, {bool}, "true or false")
        return np.array(data, dtype=np.float64)
    _demand(tensor, data, {int}, "whole numbers (send FP64 where some are missing)")
    limits = _INTEGERS[tensor.datatype]
    if data and not (limits.min <= min(data) and max(data) <= limits.max):
        raise DataError(f"Input {tensor.name} holds a number beyond {tensor.datatype}.")
    return np.array(data, dtype=np.float64)


def _demand(tensor: Tensor, data: list[Any], types: set[type], wanted: str) -> None:
    strangers = set(map(type, data)) - types
    if strangers:
        row = next(n for n, value in enumerate(data) if type(value) in strangers)
        raise DataError(
            f"Input {tensor.name} of datatype {tensor.datatype} needs {wanted}; "
            f"row {row} holds {shown(data[row])}."
        )


def shown(value: Any) -> str:
    """Return a value as an error shows it: short, and never deeper than one level.

    >>> shown("x" * 100), shown([[[1]]]), shown(None)
    ("'xxxxxxxxxxxxxxxxxxxx'…", 'a list of 1', 'null')
    """
    if isinstance(value, list):
        if all(type(item) is int for item in value) and 0 < len(value) < 4:
            return str(value)[:100]
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:21]}'…" if isinstance(value, str) else text[:40]
