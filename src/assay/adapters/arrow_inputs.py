"""Arrow columns as a model takes them: blocks of numbers and texts, and rows that do not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import DataError
from assay.ports.column_blocks import ColumnBlocks

__all__ = ["Kinds", "columns_of", "entities_of"]

Kinds = Mapping[str, Literal["number", "category"] | None]
_LARGEST = float(np.finfo(np.float32).max)
_NUMBER = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
_MISSING = pa.array(["", "nan", "NaN"])
_LONGEST_ENTITY = 1000


def columns_of(table: pa.Table, kinds: Kinds, amiss: dict[int, str]) -> ColumnBlocks:
    """Return the columns of `kinds`; rows with a value that is none go into `amiss`.

    A text in the place of a number is read as one. A kind of None takes what comes. DataError where
    a whole column is of no kind that could be read.
    """
    texts = [name for name, kind in kinds.items() if _is_text(table[name].type, kind)]
    numbers = [name for name in kinds if name not in texts]
    block = np.empty((len(numbers), table.num_rows), dtype=np.float64)
    words = np.empty((len(texts), table.num_rows), dtype=object)
    for place, name in enumerate(numbers):
        _fill_numbers(name, table[name], block[place], amiss)
    for place, name in enumerate(texts):
        _fill_texts(name, table[name], words[place])
    return ColumnBlocks(tuple(numbers), block, tuple(texts), words)


def entities_of(name: str, column: pa.ChunkedArray, amiss: dict[int, str]) -> list[str]:
    """Return whom each row is about, as text: 17, 17.0 and "17" are the same one."""
    if pa.types.is_floating(column.type):
        whole = pc.equal(pc.round(column), column)
        for row in np.flatnonzero(~_mask(whole)).tolist():
            amiss.setdefault(row, f"{name} is no text and no whole number")
        column = pc.if_else(whole, column, 0.0).cast(pa.int64(), safe=False)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_integer(column.type) or _is_string(column.type)):
        raise DataError(
            f"The column {name} says whom a row is about, and holds {column.type}. Give texts or "
            "whole numbers."
        )
    found: list[str] = pc.fill_null(column.cast(pa.large_string()), "").to_pylist()
    for row, entity in enumerate(found):
        if not 0 < len(entity) <= _LONGEST_ENTITY:
            amiss.setdefault(row, f"{name} names nobody, or is longer than {_LONGEST_ENTITY}")
    return found


def _is_text(kind: pa.DataType, wanted: str | None) -> bool:
    if wanted is not None:
        return wanted == "category"
    return _is_string(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _is_string(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _fill_numbers(
    name: str, column: pa.ChunkedArray, into: NDArray[np.float64], amiss: dict[int, str]
) -> None:
    start = 0
    for chunk in column.chunks:
        values = chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk
        if _is_string(values.type):
            values = _parsed(name, values, start, amiss)
        elif not _is_number(values.type):
            raise DataError(f"The column {name} is read as numbers, and holds {values.type}.")
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.uint8())
        values = values.cast(pa.float64(), safe=False)
        into[start : start + len(values)] = values.to_numpy(zero_copy_only=False)
        start += len(values)
    if np.fmax.reduce(np.abs(into), initial=0.0) > _LARGEST:
        for row in np.flatnonzero(np.abs(into) > _LARGEST).tolist():
            amiss.setdefault(row, f"{name} is {into[row]:g}, beyond what a model takes")
            into[row] = np.nan


def _is_number(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_boolean,
            pa.types.is_decimal,
            pa.types.is_null,
        )
    )


def _parsed(name: str, texts: pa.Array, start: int, amiss: dict[int, str]) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(texts)
    given = pc.if_else(pc.is_in(trimmed, value_set=_MISSING.cast(texts.type)), None, trimmed)
    reads = pc.fill_null(pc.match_substring_regex(given, _NUMBER), fill_value=True)
    for row in np.flatnonzero(~_mask(reads)).tolist():
        amiss.setdefault(start + row, f"{name} is {given[row].as_py()[:50]!r}, and no number")
    return pc.if_else(reads, given, None).cast(pa.float64())


def _fill_texts(name: str, column: pa.ChunkedArray, into: NDArray[Any]) -> None:
    start = 0
    for chunk in column.chunks:
        values = chunk
        if pa.types.is_boolean(values.type) or pa.types.is_null(values.type):
            values = values.cast(pa.string())
        if not pa.types.is_dictionary(values.type):
            if not _is_string(values.type):
                raise DataError(
                    f"The column {name} is a category, and holds {values.type}. Give texts."
                )
            values = values.dictionary_encode()
        known = values.dictionary.to_pylist()
        words = np.array([*("" if one is None else one for one in known), ""], dtype=object)
        places = pc.fill_null(values.indices.cast(pa.int64()), len(words) - 1)
        into[start : start + len(values)] = words[places.to_numpy(zero_copy_only=False)]
        start += len(values)


def _mask(found: Any) -> NDArray[np.bool_]:
    values: NDArray[Any] = pc.fill_null(found, fill_value=False).to_numpy(zero_copy_only=False)
    return values.astype(bool)
