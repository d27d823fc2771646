"""Whether a window has the columns that the model was built with, and values of a plausible size.

Not a matter of chance: a column is there or not, and a constant that once varied is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.stats.grid import CategoryAxis, Grid, NumberAxis
from assay.stats.profile import Profile, Tally, fits
from assay.stats.reference import Reference

__all__ = ["SchemaChange", "SchemaChangeKind", "column_changes", "schema_changes", "value_changes"]

SchemaChangeKind = Literal["missing", "new", "kind", "constant", "range"]

_BEYOND = 10.0
"""How many times as far from the middle as ever before a value lies that has other units."""
_CHANCE = 1e-6
"""A constant is news where so many equal values would come by chance at most this often."""


@dataclass(frozen=True)
class SchemaChange:
    """One thing about a column that is not as it was when the model was built, in words."""

    column: str
    kind: SchemaChangeKind
    text: str


def schema_changes(
    reference: Reference,
    window: Profile,
    columns: Mapping[str, Any] | None = None,
    *,
    found: Iterable[SchemaChange] = (),
) -> tuple[SchemaChange, ...]:
    """Return what changed in a window's columns (where they are at hand) and in their values.

    What was `found` of the columns already comes first. Where a column itself is not right, nothing
    more is said of its values. Of a profile alone, a column that is missing in every row counts as
    missing where it had values before.
    """
    told = (*found, *(() if columns is None else column_changes(reference.grid, columns)))
    named = {one.column for one in told}
    rest = (one for one in value_changes(reference, window) if one.column not in named)
    return (*told, *rest)


def column_changes(
    grid: Grid, columns: Mapping[str, Any], known: Iterable[str] = ()
) -> tuple[SchemaChange, ...]:
    """Return which of the grid's columns lack or have another kind, and which are new.

    `known` are further columns that may be there: times, ids, outcomes.

    >>> from assay.stats.grid import learn_grid
    >>> grid = learn_grid({"age": np.array([20.0, 30.0]), "job": np.array(["a"], dtype=object)})
    >>> [one.text for one in column_changes(grid, {"age": np.array(["x"], dtype=object)})]
    ['age holds text, numbers before', 'job is not there any more']
    """
    found = []
    for name, axis in grid.axes.items():
        if name.startswith("@"):
            continue
        if name not in columns:
            found.append(SchemaChange(name, "missing", f"{name} is not there any more"))
        elif not fits(columns[name], axis):
            now, before = ("text", "numbers") if _is_number(axis) else ("numbers", "text")
            found.append(SchemaChange(name, "kind", f"{name} holds {now}, {before} before"))
    spoken_for = {*grid.axes, *known}
    found += [
        SchemaChange(name, "new", f"{name} is new")
        for name in columns
        if name not in spoken_for and not name.startswith("@")
    ]
    return tuple(found)


def value_changes(reference: Reference, window: Profile) -> tuple[SchemaChange, ...]:
    """Return columns that are empty or constant now, or reach far beyond what was ever seen.

    Far: ten times as far from the median as any reference value, which tells other units from
    a long tail.
    """
    if not reference.windows:
        return ()
    return tuple(
        change
        for name, axis in reference.grid.axes.items()
        if name in window.features and name in reference.pooled.features
        for change in _of_values(name, axis, reference.pooled.features[name], window.features[name])
    )


def _of_values(
    name: str, axis: NumberAxis | CategoryAxis, pooled: Tally, tally: Tally
) -> Iterator[SchemaChange]:
    if not pooled.n:
        return
    if not tally.n:
        # That no row has a value where most had one is no accident; where few had one it may be.
        filled = pooled.n / (pooled.n + pooled.nulls)
        if tally.nulls and (1 - filled) ** tally.nulls <= _CHANCE:
            yield SchemaChange(name, "missing", f"{name} is missing in every row")
        return
    only = _only_value(axis, tally)
    if only is not None and _only_value(axis, pooled) is None:
        cell = int(np.argmax(tally.counts[:-1]))
        share = pooled.counts[cell] / pooled.n
        if share**tally.n <= _CHANCE:
            yield SchemaChange(name, "constant", f"{name} is {only} in every row")
    if isinstance(axis, NumberAxis):
        reach = max(pooled.most - axis.centre, axis.centre - pooled.least)
        if reach > 0 and max(tally.most - axis.centre, axis.centre - tally.least) > _BEYOND * reach:
            text = (
                f"{name} goes from {tally.least:.4g} to {tally.most:.4g}, "
                f"{pooled.least:.4g} to {pooled.most:.4g} before"
            )
            yield SchemaChange(name, "range", text)


def _only_value(axis: NumberAxis | CategoryAxis, tally: Tally) -> str | None:
    """Return the one value that a column has, None where it has several."""
    if isinstance(axis, NumberAxis):
        return f"{tally.least:.4g}" if tally.least == tally.most else None
    used: NDArray[np.int64] = np.flatnonzero(tally.counts[:-1])
    if len(used) != 1 or used[0] >= len(axis.values):
        return None
    return axis.values[int(used[0])]


def _is_number(axis: NumberAxis | CategoryAxis) -> bool:
    return isinstance(axis, NumberAxis)
