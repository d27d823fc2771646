"""Inputs as they were captured, as the columns of the kinds that a version was built with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.monitor.watched import Watched
from assay.ports.engine import Columns
from assay.ports.predictions import input_column

__all__ = ["as_numbers", "as_texts", "captured_columns", "columns_as_built"]


def captured_columns(watched: Watched, rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Return captured inputs (one mapping a row) as columns; what is absent is missing."""
    names = dict.fromkeys(name for row in rows for name in row)
    given = {name: input_column([row.get(name) for row in rows]) for name in names}
    return columns_as_built(watched, given, len(rows))


def columns_as_built(watched: Watched, given: Mapping[str, pl.Series], n: int) -> Columns:
    """Return n rows of inputs as columns of the kinds that the version was built with."""
    kinds = {one.name: one.kind for one in watched.inputs}
    extra = {name: "other" for name in watched.valuation.columns if name not in kinds}
    nothing = pl.Series([None] * n, dtype=pl.Float64)
    return {name: _column(given.get(name, nothing), kind) for name, kind in (kinds | extra).items()}


def as_numbers(values: pl.Series) -> pl.Series:
    """Return values as Float64; a text that says no number is missing.

    >>> as_numbers(pl.Series(["1.5", " 2", "many"])).to_list()
    [1.5, 2.0, None]
    """
    said = values.str.strip_chars() if values.dtype == pl.String else values
    return said.cast(pl.Float64, strict=False)


def as_texts(values: pl.Series) -> pl.Series:
    """Return values as text; numbers without a fraction are written as whole ones.

    >>> as_texts(pl.Series([1.0, 0.5])).to_list()
    ['1', '0.5']
    """
    texts = values.cast(pl.String, strict=False)
    return texts.str.strip_suffix(".0") if values.dtype.is_float() else texts


def _column(values: pl.Series, kind: str) -> NDArray[Any]:
    """Return values as the kind that a version was built with, whatever kind they came in."""
    if kind == "number" or (kind == "other" and (values.dtype.is_numeric() or not len(values))):
        return as_numbers(values).fill_null(np.nan).to_numpy()
    return as_texts(values).fill_null("").to_numpy().astype(object)
