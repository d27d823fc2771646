"""Calibration learned from counts in score cells: no case is read twice, or sorted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.stats.calibration import Calibrator
from assay.stats.isotonic import pool_adjacent_violators

__all__ = ["counted_calibrator"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def counted_calibrator(edges: Floats, n: Ints, positive: Ints, total: Floats) -> Calibrator:
    """Return the isotonic map of scores that were counted into cells.

    `edges` (C - 1,) cut the cells, which hold `n` (C,) labelled cases, `positive` of them with the
    positive outcome, and the sum `total` of their scores. Blocks begin on edges, so a table of
    these cells can be read by block; it is `fit_calibrator`'s isotonic map for cells in the place
    of its groups. ValueError where no case is labelled.

    >>> found = counted_calibrator(np.array([0.5]), np.array([100, 100]), np.array([20, 70]),
    ...                            np.array([25.0, 75.0]))
    >>> found.apply(np.array([0.25, 0.5, 0.75])).round(2)
    array([0.2 , 0.45, 0.7 ])
    """
    used = np.flatnonzero(n)
    if not len(used):
        raise ValueError("a calibration is learned from labelled cases, and there are none")
    starts = used
    margin: Floats | float = 0.0
    while True:
        counts = np.add.reduceat(n, starts).astype(np.float64)
        rates = np.clip(np.add.reduceat(positive, starts) / counts, margin, 1 - margin)
        blocks = pool_adjacent_violators(rates, counts)
        if blocks[-1] == len(blocks) - 1 and np.ndim(margin):
            break
        starts = starts[np.flatnonzero(np.diff(blocks, prepend=-1))]
        # Small end blocks can fall below their neighbours once held off 0 and 1: pool again.
        margin = 1.0 / (np.add.reduceat(n, starts).astype(np.float64) + 2.0)
    return Calibrator(
        "isotonic",
        edges[starts[1:] - 1],
        rates,
        counts.astype(np.int64),
        np.add.reduceat(total, starts) / counts,
    )
