"""Rows in the forms that Python programs have them in, as columns of one length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError, did_you_mean
from assay.ports.engine import Columns

__all__ = ["columns_of"]

Kinds = Mapping[str, Literal["number", "category"] | None]


def columns_of(rows: Any, kinds: Kinds) -> Columns:
    """Return the columns of `kinds`: float64 with NaN, or object arrays of str with "".

    `rows` are a dict of columns, a sequence of dicts, a data frame (anything with `columns` and
    columns by name, as pandas and polars have it), a NumPy array with named fields, or one of
    shape (n, m) in the order of `kinds`. Other columns are left aside. A kind of None takes what
    comes. Where numbers are needed, texts of numbers (as a CSV file has them) are read, and empty
    ones are missing. Raises DataError where a column is missing, of another length or kind.

    >>> columns_of([{"age": 31, "job": "nurse"}, {"age": None, "job": None}],
    ...            {"age": "number", "job": "category"})
    {'age': array([31., nan]), 'job': array(['nurse', ''], dtype=object)}
    """
    given = _by_name(rows, kinds)
    missing = [name for name in kinds if name not in given]
    if missing:
        hint = did_you_mean(missing[0], given) or f"given are {', '.join(given)[:500] or 'none'}"
        raise DataError(f"The rows lack the columns {', '.join(missing)}; {hint}.")
    columns = {name: _column(name, given[name], kind) for name, kind in kinds.items()}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise DataError(f"The columns have different lengths: {sorted(lengths)}. Give each row.")
    return columns


def _by_name(rows: Any, kinds: Kinds) -> Mapping[str, Any]:
    if isinstance(rows, Mapping):
        return rows
    if isinstance(rows, np.ndarray):
        return _of_array(rows, kinds)
    if hasattr(rows, "columns") and hasattr(rows, "__getitem__"):
        return {str(name): rows[name] for name in rows.columns if str(name) in kinds}
    if isinstance(rows, Sequence) and not rows:
        raise DataError("There are no rows to answer; give one at least.")
    if isinstance(rows, Sequence) and all(isinstance(row, Mapping) for row in rows):
        # A key that a row lacks is a value that is missing, unless no row has it.
        known = {name for row in rows for name in row}
        return {name: [row.get(name) for row in rows] for name in kinds if name in known}
    raise DataError(
        f"Rows cannot be read from {type(rows).__name__}. Give a dict of columns, a list of dicts, "
        "a pandas or polars frame, or a NumPy array."
    )


def _of_array(rows: NDArray[Any], kinds: Kinds) -> Mapping[str, Any]:
    if rows.dtype.names:
        return {name: rows[name] for name in rows.dtype.names}
    if rows.ndim != 2 or rows.shape[1] != len(kinds):
        raise DataError(
            f"An array of shape {rows.shape} has no names: give one of shape (n, {len(kinds)}) "
            f"with the columns {', '.join(kinds)} in this order, or a dict of columns."
        )
    return {name: rows[:, place] for place, name in enumerate(kinds)}


def _column(name: str, given: Any, kind: str | None) -> NDArray[Any]:
    values = given.to_numpy() if hasattr(given, "to_numpy") else np.asarray(given)
    if values.ndim != 1:
        raise DataError(f"Column {name} has shape {values.shape}; give one value for each row.")
    listed = [None if _missing(value) else value for value in values.tolist()]
    texts = any(isinstance(value, str) for value in listed)
    if kind == "category" or (kind is None and texts):
        return _texts(name, listed)
    if values.dtype.kind in "mM":
        listed = values.astype(str).tolist()
    return np.array([_number(name, value) for value in listed], dtype=np.float64)


def _number(name: str, value: Any) -> float:
    if value is None or value == "":
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"Column {name} is read as a number, and holds {str(value)[:100]!r}. Give numbers, or "
            "texts of numbers, and None where one is missing."
        ) from error


def _texts(name: str, listed: list[Any]) -> NDArray[Any]:
    strangers = [value for value in listed if not isinstance(value, str | bool | None)]
    if strangers:
        raise DataError(
            f"Column {name} is a category, and holds {strangers[0]!r}. Give texts, and None where "
            "one is missing."
        )
    column = np.empty(len(listed), dtype=object)
    column[:] = [_text(value) for value in listed]
    return column


def _text(value: str | bool | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value).lower()


def _missing(value: Any) -> bool:
    """Whether a value is None, NaN, or pandas' own sign for missing, which equals nothing."""
    if value is None:
        return True
    try:
        return not bool(value == value)  # noqa: PLR0124
    except TypeError:
        return True
