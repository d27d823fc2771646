"""How often each value came, as a batch of cases is told by its distinct values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["counted"]


def counted(counts: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Return how often each of n values came: once each where no counts are given.

    Raises ValueError where there are more or fewer counts than values, or one is missing, infinite
    or below zero: cases are never taken back, since a look may have rested on them.

    >>> counted(None, 2), counted([3, 0], 2)
    (array([1., 1.]), array([3., 0.]))
    """
    if counts is None:
        return np.ones(n)
    times = np.asarray(counts, dtype=np.float64)
    if times.shape != (n,):
        raise ValueError(f"{n} values have {n} counts; these have shape {times.shape}")
    if n and not (np.isfinite(times).all() and times.min() >= 0):
        raise ValueError(f"counts are numbers from 0 up; the least of these is {times.min():g}")
    return times
