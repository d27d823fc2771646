"""What a table looks like, column by column, as evidence keeps it."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import polars as pl

__all__ = ["schema_of"]

_SHOWN = 20


def schema_of(frame: pl.DataFrame, withheld: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """Return for each column its type, missing and distinct values, and range or categories.

    Of columns that are `withheld`, and of texts that mostly stand in one row (names, ids), no
    value is told.

    >>> schema_of(pl.DataFrame({"age": [30, None, 50]}))["age"]
    {'type': 'Int64', 'missing': 1, 'distinct': 2, 'least': 30.0, 'mean': 40.0, 'most': 50.0}
    """
    return {name: _column(frame[name], told=name not in withheld) for name in frame.columns}


def _column(series: pl.Series, *, told: bool) -> dict[str, Any]:
    present = series.drop_nulls()
    if present.dtype.is_float():
        present = present.drop_nans()
    described: dict[str, Any] = {
        "type": str(series.dtype),
        "missing": len(series) - len(present),
        "distinct": present.n_unique(),
    }
    if len(present) == 0 or not told:
        return described
    if series.dtype.is_numeric():
        numbers = present.cast(pl.Float64)
        ends = {"least": numbers.min(), "mean": numbers.mean(), "most": numbers.max()}
        return {**described, **{name: _finite(value) for name, value in ends.items()}}
    if series.dtype.is_temporal():
        return {**described, "least": str(present.min()), "most": str(present.max())}
    if series.dtype.is_nested() or 2 * described["distinct"] > len(present):
        return described
    counts = present.cast(pl.String).value_counts(name="rows")
    top = counts.sort(["rows", series.name], descending=[True, False]).head(_SHOWN)
    return {**described, "categories": dict(zip(top[series.name], top["rows"], strict=True))}


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
