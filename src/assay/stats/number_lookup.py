"""Where to start looking for a number's cell: a table over keys instead of a binary search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.stats.tally_loops import KEYS, keys_of

__all__ = ["NumberLookup", "number_lookup"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NumberLookup:
    """For each key of `tally_loops.key_of` the first edge that may hold a number of that key.

    `table` (K,) is that edge's place, `cut` (K,) its value, and `crowded` (K,) says that more than
    one edge has the key. A number's cell is the place, one more where the number exceeds the
    cut, and in a crowded key one more for each further edge that it exceeds. This is exact, ties
    included: keys never fall as numbers grow, so edges of lower keys lie below the number and
    those of higher keys above it.
    """

    table: NDArray[np.uint16]
    cut: Floats
    crowded: NDArray[np.uint8]
    inverse: float


def number_lookup(edges: Floats, centre: float) -> NumberLookup:
    """Return the lookup of an axis; its keys' scale is the edges' median distance from the centre.

    Raises ValueError above 65,534 edges.

    >>> found = number_lookup(np.array([0.0, 1.0, 2.0]), 1.0)
    >>> len(found.table), int(found.table[0]), int(found.table[-1]), bool(found.crowded.any())
    (8192, 0, 3, False)
    """
    if len(edges) >= np.iinfo(np.uint16).max:
        raise ValueError(f"An axis has {len(edges)} edges, and 65,534 is the most.")
    away = np.abs(edges - centre)
    scale = float(np.median(away[away > 0])) if (away > 0).any() else 1.0
    inverse = 1.0 / max(scale, 1e-150)  # not infinite: that times a deviation of 0 would be NaN
    bounds = np.searchsorted(keys_of(edges - centre, inverse), np.arange(KEYS + 1), side="left")
    first = bounds[:-1]
    crowded = (np.diff(bounds) > 1).astype(np.uint8)
    return NumberLookup(first.astype(np.uint16), np.append(edges, np.inf)[first], crowded, inverse)
