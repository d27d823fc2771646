"""Whether the inputs that came with a window's cases are those that the version was built with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.monitor.input_columns import as_numbers, as_texts
from assay.monitor.schema_drift import SchemaChange, column_changes
from assay.monitor.watched import Watched
from assay.stats.grid import CategoryAxis, NumberAxis

__all__ = ["input_changes", "named_by"]


def input_changes(
    watched: Watched, given: Mapping[str, pl.Series], known: Iterable[str] = ()
) -> tuple[SchemaChange, ...]:
    """Return which of a version's inputs are of another kind in these rows, and which are new.

    `given` are the inputs as they were logged, `known` further columns that may be there. A text
    that says a number is one, and a number that names a known category is that category. An input
    without any value is left to `value_changes`, which knows whether that is by chance; a
    column is new once it has one.
    """
    axes = watched.reference.grid.axes
    there = {name: one for name, one in given.items() if one.null_count() < len(one)}
    named = {*known, *watched.valuation.columns, *(one.name for one in watched.inputs)}
    columns = {name: _empty(isinstance(axis, NumberAxis)) for name, axis in axes.items()}
    columns |= {
        name: _empty(_is_number(one, axes.get(name)))
        for name, one in there.items()
        if name in axes or name not in named
    }
    found = column_changes(watched.reference.grid, columns)
    return tuple(_counted(one, given) for one in found)


def named_by(charter: Charter) -> frozenset[str]:
    """Return the columns that the charter names: they may come with cases, inputs or not."""
    data = charter.data
    one = (data.outcome, data.time, data.entity)
    many = (*data.ignore, *data.known_after, *data.sensitive, *charter.monitoring.segments)
    return frozenset(name for name in (*one, *many) if name is not None)


def _empty(number: bool) -> NDArray[Any]:
    return np.empty(0, dtype=np.float64 if number else object)


def _is_number(series: pl.Series, axis: NumberAxis | CategoryAxis | None) -> bool:
    """Return whether values are numbers, given what they are expected to be."""
    if isinstance(axis, NumberAxis):
        return not _unread(series)
    if isinstance(axis, CategoryAxis):
        values = as_texts(series.drop_nulls().unique())
        return not values.is_in(list(axis.values)).any() and not _unread(values)
    return series.dtype.is_numeric()


def _unread(series: pl.Series) -> int:
    """Count texts that say no number; empty ones are missing values."""
    if series.dtype != pl.String:
        return 0
    said = series.drop_nulls().str.strip_chars()
    said = said.filter(said != "")
    return as_numbers(said).null_count()


def _counted(change: SchemaChange, given: Mapping[str, pl.Series]) -> SchemaChange:
    """Say in how many rows a number has become text, where it is not in all."""
    if change.kind != "kind" or not (count := _unread(given[change.column])):
        return change
    n = len(given[change.column])
    rows = "every row" if count == n else f"{count:,} of {n:,} rows"
    return replace(change, text=f"{change.column} holds text in {rows}, numbers before")
