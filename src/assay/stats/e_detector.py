"""Evidence that something has changed since some moment unknown, looked at after every window.

An e-detector is what an e-process is to a test: stopped when it first reaches A, it has run for A
windows on average at least, where nothing changed. Shin, Ramdas and Rinaldo, E-detectors: a
non-parametric framework for sequential change detection, New England Journal of Statistics in
Data Science 2(2), 2023.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BETS", "cumulative_sum", "gaussian_bets", "mixture", "shiryaev_roberts"]

Floats = NDArray[np.float64]

BETS = np.array([0.15, 0.3, 0.6, 1.2, 2.4])
"""Shifts to bet on, in standard errors of one window: a geometric grid (their section 4)."""


def gaussian_bets(excess: Floats, bets: Floats = BETS) -> Floats:
    """Return log e-values (..., B) of standardised excesses (...,), one for each bet.

    `exp(b z - b^2 / 2)` is an e-value where z is sub-Gaussian with variance one and mean zero or
    less, as that of a window's mean is (no matter how much less). A missing z is no bet.

    >>> gaussian_bets(np.array([2.0]), np.array([1.0, 2.0])).tolist()
    [[1.5, 2.0]]
    """
    z = np.nan_to_num(np.asarray(excess, dtype=np.float64)[..., None])
    told = ~np.isnan(np.asarray(excess, dtype=np.float64))[..., None]
    log: Floats = np.where(told, bets * z - bets**2 / 2, 0.0)
    return log


def shiryaev_roberts(log_state: Floats, log_e: Floats) -> Floats:
    """Return the next state, `log M' = log(e (M + 1))`; it begins at minus infinity (M = 0).

    M - t is a supermartingale where nothing changed (their definition 2.2): the sum of bets
    begun at every window so far, whence the average run length.

    >>> round(float(np.exp(shiryaev_roberts(np.log(3.0), np.log(2.0)))), 6)
    8.0
    """
    state: Floats = log_e + np.logaddexp(log_state, 0.0)
    return state


def cumulative_sum(log_state: Floats, log_e: Floats) -> Floats:
    """Return the next state of the CUSUM kind, `log M' = log(e max(M, 1))`.

    The best of the bets begun so far: never above that of Shiryaev and Roberts, and nearer to
    where the change began. It begins at minus infinity.

    >>> cumulative_sum(np.array(-3.0), np.array(0.5)).item()
    0.5
    """
    state: Floats = log_e + np.maximum(log_state, 0.0)
    return state


def mixture(log_states: Floats, axis: int | tuple[int, ...] = -1) -> Floats:
    """Return the logarithm of the mean of e-detectors, which is one whatever their dependence.

    >>> round(float(np.exp(mixture(np.log([1.0, 3.0])))), 6)
    2.0
    """
    count = np.prod(np.take(log_states.shape, np.atleast_1d(axis)))
    mean: Floats = np.logaddexp.reduce(log_states, axis=axis) - np.log(count)
    return mean
