"""How many cases tell of a mean's error: a rare payoff says nothing until it was seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_DEVIATING", "deviating_cases", "deviating_so_far"]

Floats = NDArray[np.float64]

LEAST_DEVIATING = 10
"""Deviating cases below which a sample's own spread says nothing of its mean's error."""


def deviating_cases(values: Floats) -> float:
    """Return how many of the values (n,) carry their spread.

    It is the number of values that differ from the commonest one, and at most the number that the
    spread amounts to, `(sum d^2)^2 / sum d^4` with d the distances from the mean (n over the
    kurtosis): where payoffs are two numbers it is how often the rarer came, and small differences
    around a common payoff do not hide that a large one is rare. A central limit theorem needs this
    number to be large, not n: its error is of the order of one over its root (Berry and Esseen:
    Feller, An Introduction to Probability Theory and Its Applications II, 1971, section XVI.5).

    >>> deviating_cases(np.repeat([0.0, 100.0], [980, 20]))
    20.0
    >>> noisy = np.repeat([0.0, 100.0], [980, 20]) + np.random.default_rng(0).normal(0, 1, 1000)
    >>> round(deviating_cases(noisy), 1), deviating_cases(np.ones(1000))
    (21.0, 0.0)
    """
    path = deviating_so_far(values)
    return float(path[-1]) if len(path) else 0.0


def deviating_so_far(values: Floats) -> Floats:
    """Return `deviating_cases` of the first value, of the first two and so on, (n,)."""
    x = np.asarray(values, dtype=np.float64)
    if not len(x):
        return np.zeros(0)
    count = np.arange(1, len(x) + 1)
    told: Floats = np.minimum(count - _commonest(x), _carrying(x, count))
    return told


def _commonest(x: Floats) -> NDArray[np.int64]:
    """Return how often the value came that came most often so far."""
    order = np.argsort(x, kind="stable")
    ranked = x[order]
    first = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    place = np.arange(len(x))
    earlier = place - np.maximum.accumulate(np.where(first, place, 0))
    times = np.empty(len(x), dtype=np.int64)
    times[order] = earlier + 1
    most: NDArray[np.int64] = np.maximum.accumulate(times)
    return most


def _carrying(x: Floats, count: NDArray[np.int64]) -> Floats:
    """Return the number of values that the spread so far amounts to."""
    x = x - float(np.median(x))  # powers of a large offset would cancel
    x = x / (float(np.abs(x).max()) or 1.0)
    powers = np.vander(x, 5, increasing=True)[:, 1:]
    mean, second, third, fourth = (np.cumsum(powers, axis=0) / count[:, None]).T
    variance = second - mean**2
    peaked = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4
    known = (variance > 0) & (peaked > 0)
    carrying: Floats = count * np.divide(variance**2, peaked, out=np.zeros(len(x)), where=known)
    return carrying
