"""Regression that never falls."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["pool_adjacent_violators"]

Floats = NDArray[np.float64]


def pool_adjacent_violators(values: Floats, weights: Floats) -> NDArray[np.int64]:
    """Return the block of each value, so that the blocks' weighted means strictly rise.

    The least-squares monotone fit (Ayer, Brunk, Ewing, Reid and Silverman, An empirical
    distribution function for sampling with incomplete information, Annals of Mathematical
    Statistics 26, 1955). Linear time.

    >>> pool_adjacent_violators(np.array([1.0, 3.0, 2.0, 4.0]), np.ones(4))
    array([0, 1, 1, 2])
    """
    means: list[float] = []
    masses: list[float] = []
    sizes: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, size = value, weight, 1
        while means and means[-1] >= mean:
            before, top = masses.pop(), means.pop()
            if top > mean:  # the mean of equals must not fall below them by rounding
                mean = (top * before + mean * mass) / (before + mass)
            mass += before
            size += sizes.pop()
        means.append(mean)
        masses.append(mass)
        sizes.append(size)
    return np.repeat(np.arange(len(sizes)), sizes)
