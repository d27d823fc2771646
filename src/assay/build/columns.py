"""Input columns: which of a table's columns the model reads, and as what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from assay.charter.charter import Charter
from assay.errors import DataError
from assay.evidence.bundle import Input
from assay.ports.engine import Columns

__all__ = ["infer_inputs", "kind_of", "left_out", "to_columns", "to_frame"]

_CATEGORIES = (pl.String, pl.Categorical, pl.Enum, pl.Boolean)


def kind_of(dtype: pl.DataType) -> str | None:
    """Return `number` or `category`, or None for what a model cannot read (dates, lists).

    >>> kind_of(pl.Int64()), kind_of(pl.Boolean()), kind_of(pl.Date())
    ('number', 'category', None)
    """
    if dtype.is_numeric():
        return "number"
    return "category" if dtype.base_type() in _CATEGORIES else None


def left_out(charter: Charter) -> frozenset[str]:
    """Return the columns that are never features: outcome, time, entity, later ones, ignored."""
    data = charter.data
    named = (data.outcome, data.time, data.entity, *data.known_after, *data.ignore)
    return frozenset(name for name in named if name is not None)


def infer_inputs(
    frame: pl.DataFrame, charter: Charter, needed: Iterable[str] = ()
) -> tuple[Input, ...]:
    """Return the input columns, in the table's order.

    `needed` names columns that payoffs and baselines read; they are inputs even where the charter
    ignores them as features. Raises DataError where none is left or one cannot be read.
    """
    out = left_out(charter) - frozenset(needed)
    inputs = []
    for name, dtype in frame.schema.items():
        kind = kind_of(dtype)
        if name in out or (kind is None and name not in needed):
            continue
        if kind is None:
            raise DataError(
                f"The value model reads column {name}, which is {dtype}. Payoffs and baselines "
                "read numbers and categories: convert the column."
            )
        inputs.append(Input(name, "number" if kind == "number" else "category"))
    if not inputs:
        raise DataError(
            f"No column is left for the model to read: of {', '.join(frame.columns)} all are the "
            "outcome, left out by the charter (time, entity, known_after, ignore) or dates. Give "
            "the table feature columns, or shorten `data.ignore`."
        )
    return tuple(inputs)


def to_columns(frame: pl.DataFrame, inputs: Sequence[Input]) -> Columns:
    """Return the input columns as arrays: float64 with NaN, or object arrays of str with "".

    Numbers are rounded to single precision, since that is what a bundle's model is served with:
    a model that learned finer differences would answer differently when served.
    Raises DataError where a column is missing or of another kind.

    >>> columns = to_columns(pl.DataFrame({"n": [1, None]}), (Input("n", "number"),))
    >>> columns["n"]
    array([ 1., nan])
    """
    missing = [column.name for column in inputs if column.name not in frame.columns]
    if missing:
        raise DataError(
            f"The table has no column {', '.join(missing)}, which the model reads; it has "
            f"{', '.join(frame.columns)}. Give the columns that the model was trained on."
        )
    return {column.name: _array(frame[column.name], column) for column in inputs}


def _array(series: pl.Series, column: Input) -> np.ndarray:
    kind = kind_of(series.dtype)
    if series.dtype == pl.Null:
        kind = column.kind
    if kind != column.kind:
        raise DataError(
            f"Column {column.name} is {series.dtype}, and the model reads it as a {column.kind}. "
            f"Convert it; its first values are {series.head(3).to_list()}."
        )
    if column.kind == "number":
        single = series.cast(pl.Float64).to_numpy().astype(np.float32)
        return np.where(np.isfinite(single), single, np.nan).astype(np.float64)
    return series.cast(pl.String).fill_null("").to_numpy().astype(object)


def to_frame(columns: Columns) -> pl.DataFrame:
    """Return input columns as a polars frame: Float64 with NaN, String with "".

    >>> to_frame({"n": np.array([1.0]), "c": np.array(["a"], dtype=object)}).row(0)
    (1.0, 'a')
    """
    return pl.DataFrame(
        {
            name: pl.Series(name, values, dtype=pl.String if values.dtype == object else pl.Float64)
            for name, values in columns.items()
        }
    )
