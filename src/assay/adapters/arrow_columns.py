"""Columns of Arrow as arrays: numbers, moments, and text as codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.ports.row_groups import Column, ColumnKind
from assay.stats.coded import Coded

__all__ = ["column_of", "kind_of"]


def kind_of(kind: Any) -> ColumnKind:
    """Return what a column of an Arrow type holds."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if any(test(kind) for test in _NUMBERS):
        return "number"
    if any(test(kind) for test in _TEXTS):
        return "text"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "time"
    return "other"


def column_of(column: Any) -> Column:
    """Return a chunked array as one array; a null is NaN, NaT or the word None."""
    kind = column.type
    if pa.types.is_dictionary(kind) or kind_of(kind) == "text":
        return _coded(column)
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if kind_of(kind) == "time":
        moments = pa.timestamp("us", getattr(kind, "tz", None))
        return _values(_cast(whole, moments), "datetime64[us]", np.datetime64("NaT", "us"))
    if pa.types.is_boolean(kind):
        whole = whole.cast(pa.uint8())
    dtype = _PLAIN.get(str(whole.type))
    if dtype is None:
        return _values(whole.cast(pa.float64(), safe=False), "float64", np.nan)
    return _values(whole, dtype, np.nan).astype(np.float64, copy=False)


def _cast(array: Any, kind: Any) -> Any:
    """Return an array of another type; Arrow's casts take 20 ms to load, and most need none."""
    return array if array.type == kind else array.cast(kind, safe=False)


def _values(array: Any, dtype: str, missing: Any) -> NDArray[Any]:
    """Return an array's values as they lie in memory; the library's own way imports pandas."""
    present, values = array.buffers()
    if values is None:
        return np.full(len(array), missing)
    found = np.frombuffer(values, dtype, len(array), array.offset * np.dtype(dtype).itemsize)
    if not array.null_count:
        return found
    bits = np.unpackbits(np.frombuffer(present, np.uint8), bitorder="little")
    return np.where(bits[array.offset : array.offset + len(array)], found, missing)


_PLAIN = {
    "double": "float64",
    "float": "float32",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""Types of numbers that lie in memory as NumPy's do."""

_NUMBERS = (
    pa.types.is_floating,
    pa.types.is_integer,
    pa.types.is_boolean,
    pa.types.is_decimal,
)
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


def _coded(column: Any) -> Column:
    """Return text as codes; a dictionary of other things than text is looked up first."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if kind_of(column.type.value_type) != "text":
        return column_of(column.cast(column.type.value_type))
    column = column.unify_dictionaries()
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    words: list[str | None] = whole.dictionary.to_pylist()
    codes = _values(_cast(whole.indices, pa.int32()), "int32", np.int32(len(words)))
    return Coded(codes.view(np.uint32), (*words, None))
