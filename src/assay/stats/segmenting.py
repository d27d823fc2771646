"""How the values of a column fall into a few segments that stay the same from window to window."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.grid import CategoryAxis, NumberAxis
from assay.stats.reference import Reference

__all__ = ["MISSING", "OTHER", "Segmenting", "segmenting"]

Ints = NDArray[np.int64]

MISSING = "missing"
OTHER = "any other"

_BANDS = 4
"""Bands that a number is cut into, at the reference's quartiles."""
_MOST = 20
"""Categories that are segments of their own: the most frequent ones of the reference."""


@dataclass(frozen=True, eq=False)
class Segmenting:
    """The segments of one column: `names`, and for each cell of its axis which of them it is in.

    A row's segment so follows from the cell in which it is counted anyway.
    """

    column: str
    names: tuple[str, ...]
    of_cell: Ints
    axis: NumberAxis | CategoryAxis

    def of(self, values: NDArray[Any]) -> Ints:
        """Return the place among `names` of each value (n,)."""
        places: Ints = self.of_cell[self.axis.cells(values)]
        return places

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """The segments as a score table names them: (column, value)."""
        return tuple((self.column, name) for name in self.names)


def segmenting(column: str, reference: Reference) -> Segmenting:
    """Cut a column by what the reference holds of it: nothing of a window moves the cuts.

    A number has bands of about equal count, a number of few values one for each; a category its
    most frequent values, and one segment of all others. What is missing is a segment of its own.
    Raises KeyError where the reference has no such column.

    >>> from assay.stats.reference import make_reference, read_reference
    >>> rows = {"age": np.arange(1000.0) % 60, "sex": np.array(["f", "m", "f", ""] * 250, object)}
    >>> seen = read_reference(make_reference(rows))
    >>> segmenting("age", seen).names
    ('up to 14', 'above 14 to 29', 'above 29 to 44', 'above 44', 'missing')
    >>> segmenting("sex", seen).of(np.array(["m", "x", ""], dtype=object)).tolist()
    [1, 2, 3]
    """
    axis, counts = reference.grid.axes[column], reference.pooled.features[column].counts
    if isinstance(axis, CategoryAxis):
        return _of_category(column, axis, counts)
    return _of_number(column, axis, counts)


def _of_category(column: str, axis: CategoryAxis, counts: Ints) -> Segmenting:
    order = np.argsort(-counts[: len(axis.values)], kind="stable")[:_MOST]
    own = [axis.values[place] for place in sorted(order.tolist())]
    names = tuple(dict.fromkeys((*own, OTHER, MISSING)))
    places = {name: place for place, name in enumerate(names)}
    of_cell = [places.get(value, places[OTHER]) for value in axis.values]
    return Segmenting(
        column, names, np.array([*of_cell, places[OTHER], places[MISSING]], dtype=np.int64), axis
    )


def _of_number(column: str, axis: NumberAxis, counts: Ints) -> Segmenting:
    edges, below = axis.edges, counts[: len(axis.edges)]
    held = edges[below > 0]
    if len(held) <= _BANDS:
        cuts = held[:-1]
    else:
        levels = np.arange(1, _BANDS) / _BANDS * below.sum()
        cuts = np.unique(edges[np.searchsorted(np.cumsum(below), levels - 0.5)])
        cuts = cuts[cuts < held[-1]]
    # A cell holds what lies up to its edge; the cell above every edge is in the last band.
    bands = np.append(np.searchsorted(cuts, edges, side="left"), len(cuts))
    of_cell = np.append(bands, len(cuts) + 1).astype(np.int64)
    return Segmenting(column, (*_named(cuts.tolist()), MISSING), of_cell, axis)


def _named(cuts: list[float]) -> tuple[str, ...]:
    if not cuts:
        return ("any number",)
    texts = [f"{cut:g}" for cut in cuts]
    if len(set(texts)) < len(texts):  # too close together to be told apart by six digits
        texts = [repr(cut) for cut in cuts]
    inner = [f"above {low} to {high}" for low, high in pairwise(texts)]
    return (f"up to {texts[0]}", *inner, f"above {texts[-1]}")
