"""The cells into which a window's values are counted; learned once, from reference values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.coded import Coded, coded
from assay.stats.number_lookup import NumberLookup, number_lookup

__all__ = [
    "CELLS",
    "GRID_FORMAT",
    "LARGEST",
    "CategoryAxis",
    "Grid",
    "NumberAxis",
    "learn_grid",
    "usable",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GRID_FORMAT = 1
"""Raise it when the meaning of a cell changes, and teach `Grid.from_document` the old one."""

CELLS = 512
"""Quantile cells of a number: a Kolmogorov-Smirnov distance is then exact to about 1/512."""

_TAIL_LEVELS = np.array([2.0**-k for k in range(15, 9, -1)])
_MOST_CATEGORIES = 1000

LARGEST = 1e140
"""Numbers beyond this count as missing: their squares could not be added up."""


def usable(numbers: Floats) -> NDArray[np.bool_]:
    """Say which numbers can be counted and added up: neither NaN, nor infinite, nor absurd."""
    return np.abs(numbers) <= LARGEST


@dataclass(frozen=True, eq=False)
class NumberAxis:
    """Cells of a number: cell i holds `edges[i-1] < x <= edges[i]`, the last but one all above.

    The first cell lies below everything seen, the cell after the last edge above it; the
    last cell of all counts what is missing (NaN, infinite, or beyond `LARGEST`). `centre` and
    `scale` are the reference's median and standard deviation (1 where that is 0): sums of
    deviations from the centre keep their digits where raw sums would lose them.
    """

    edges: Floats
    centre: float
    scale: float

    @property
    def size(self) -> int:
        """Cells, the missing one included."""
        return len(self.edges) + 2

    @cached_property
    def lookup(self) -> NumberLookup:
        """Where the compiled loops start to look for a number's cell."""
        return number_lookup(self.edges, self.centre)

    def cells(self, values: NDArray[Any]) -> Ints:
        """Return the cell of each value."""
        numbers = np.asarray(values, dtype=np.float64)
        found = np.searchsorted(self.edges, numbers, side="left")
        found[~usable(numbers)] = self.size - 1
        return found

    def document(self) -> dict[str, Any]:
        """Return the axis as a JSON document."""
        return {
            "kind": "number",
            "edges": self.edges.tolist(),
            "centre": self.centre,
            "scale": self.scale,
        }


@dataclass(frozen=True, eq=False)
class CategoryAxis:
    """Cells of a category: one for each known value, one for any other, one for missing ("")."""

    values: tuple[str, ...]

    @property
    def size(self) -> int:
        """Cells, those for other values and for missing ones included."""
        return len(self.values) + 2

    def cells(self, values: NDArray[Any]) -> Ints:
        """Return the cell of each value; None and "" are missing."""
        other = len(self.values)
        index: dict[Any, int] = {value: i for i, value in enumerate(self.values)}
        index[""] = index[None] = other + 1
        return np.fromiter(
            (index.get(value, other) for value in values), dtype=np.int64, count=len(values)
        )

    def document(self) -> dict[str, Any]:
        """Return the axis as a JSON document."""
        return {"kind": "category", "values": list(self.values)}


@dataclass(frozen=True, eq=False)
class Grid:
    """One axis for each feature, by name.

    >>> grid = learn_grid({"age": np.array([20.0, 30.0, 40.0])})
    >>> grid.axes["age"].cells(np.array([10.0, 30.0, 99.0, np.nan])).tolist()
    [0, 3, 6, 7]
    """

    axes: Mapping[str, NumberAxis | CategoryAxis]

    def document(self) -> dict[str, Any]:
        """Return the grid as a JSON document."""
        axes = {name: axis.document() for name, axis in self.axes.items()}
        return {"format": GRID_FORMAT, "axes": axes}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Grid:
        """Read a grid back; raises ValueError on a format this version does not know."""
        if document.get("format") != GRID_FORMAT:
            raise ValueError(
                f"A grid has format {document.get('format')!r}; this version of Assay reads "
                f"format {GRID_FORMAT}. Build the model again, or use the version that wrote it."
            )
        return cls({name: _read_axis(axis) for name, axis in document["axes"].items()})


def learn_grid(columns: Mapping[str, NDArray[Any] | Coded], *, cells: int = CELLS) -> Grid:
    """Learn the cells from reference values.

    Numbers (any numeric or boolean dtype) get one cell for each distinct value, and one for each
    gap between two, where those are few, else quantile cells and finer ones in the tails; anything
    else is a category. Any grid is valid: distances are exact for its cells, only the resolution
    changes.
    """
    return Grid({name: _learn_axis(column, cells) for name, column in columns.items()})


def _learn_axis(column: NDArray[Any] | Coded, cells: int) -> NumberAxis | CategoryAxis:
    if isinstance(column, Coded):
        return _learn_category(column)
    values = np.asarray(column)
    if values.dtype.kind in "fiub":
        return _learn_number(values.astype(np.float64), cells)
    return _learn_category(coded(values))


def _learn_number(column: Floats, cells: int) -> NumberAxis:
    finite = np.sort(column[usable(column)])
    n = len(finite)
    if not n:
        return NumberAxis(np.empty(0), 0.0, 1.0)
    distinct = finite[np.flatnonzero(np.diff(finite, prepend=-np.inf))]
    if len(distinct) > cells:
        levels = np.concatenate([_TAIL_LEVELS, np.arange(1, cells) / cells, 1 - _TAIL_LEVELS])
        # The smallest value that at least this share of all does not exceed.
        distinct = finite[np.maximum(np.ceil(n * levels - 1), 0).astype(np.int64)]
    # Of few distinct values, each stands alone: one that lies between two of them is a new value,
    # and not the next one.
    alone = distinct if 2 * len(distinct) <= cells else finite[:1]
    below = np.nextafter(alone, -np.inf)
    edges = np.unique(np.concatenate([below, distinct, finite[-1:]]))
    spread = float(finite.std())
    centre = float(finite[(n - 1) // 2] / 2 + finite[n // 2] / 2)
    return NumberAxis(edges, centre, spread if spread > 0 else 1.0)


def _learn_category(column: Coded) -> CategoryAxis:
    times = np.bincount(column.codes, minlength=len(column.words)).tolist()
    counted = {
        word: count for word, count in zip(column.words, times, strict=True) if word and count
    }
    # Ties are broken by the value, so that the order of rows does not matter.
    common = sorted(counted, key=lambda value: (-counted[value], value))[:_MOST_CATEGORIES]
    return CategoryAxis(tuple(sorted(common)))


def _read_axis(document: Mapping[str, Any]) -> NumberAxis | CategoryAxis:
    if document["kind"] == "number":
        edges = np.asarray(document["edges"], dtype=np.float64)
        return NumberAxis(edges, float(document["centre"]), float(document["scale"]))
    return CategoryAxis(tuple(document["values"]))
