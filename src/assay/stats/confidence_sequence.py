"""Intervals that stay valid however often one looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["asymptotic_sequence", "empirical_bernstein_sequence"]

Floats = NDArray[np.float64]

_BETS = 40
"""Points of the mixture that makes the boundary; more of them change it by under one percent."""
_STEP = 0.01
"""Logarithmic step of intrinsic time between boundary points."""
_LEAST_CASES = 500
"""Cases below which the asymptotic sequence says nothing (design, section 5)."""


def empirical_bernstein_sequence(
    values: Floats, bounds: tuple[float, float], confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return bounds on the running mean after each case, all valid at once.

    `values` (n,) are bounded cases in order of time. With probability `confidence`, at every t
    together, the average of the first t conditional means (each given its past: they may
    drift) lies between `low[t - 1]` and `high[t - 1]`. Nothing is assumed beyond the bounds.

    Howard, Ramdas, McAuliffe and Sekhon, Time-uniform, nonparametric, nonasymptotic confidence
    sequences, Annals of Statistics 49(2), 2021: theorem 4 (each case predicted by the mean of
    those before it), with a mixture over a grid of exponential processes for a boundary.

    Raises ValueError where a value lies outside the bounds.

    >>> rng = np.random.default_rng(0)
    >>> payoffs = rng.choice([-1.0, 9.0], 5000, p=[0.9, 0.1])
    >>> low, high = empirical_bernstein_sequence(payoffs, (-1, 9))
    >>> bool(low[-1] < 0 < high[-1]), round(float(high[-1] - low[-1]), 1)
    (True, 0.3)
    """
    least, most = bounds
    x = np.asarray(values, dtype=np.float64)
    if len(x) and (x.min() < least or x.max() > most):
        raise ValueError(f"values from {x.min():g} to {x.max():g} leave the bounds {bounds}")
    if not len(x) or most == least:
        return x.copy(), x.copy()
    count = np.arange(1, len(x) + 1)
    mean = np.cumsum(x) / count
    foreseen = np.concatenate([[(least + most) / 2], mean[:-1]])
    spread = np.cumsum((x - foreseen) ** 2)
    # The boundary at a grid of intrinsic times, each case taking the next one up: at most half
    # a percent too wide, and quick for any number of cases.
    scale = most - least
    steps = np.ceil(np.log(np.maximum(spread, scale**2) / scale**2) / _STEP)
    times, place = np.unique(steps, return_inverse=True)
    grid = _boundary(scale**2 * np.exp(times * _STEP), scale, (1 - confidence) / 2)
    radius = grid[place] / count
    return np.maximum(mean - radius, least), np.minimum(mean + radius, most)


def asymptotic_sequence(
    values: Floats, confidence: float = 0.95, tightest_at: int = 2000
) -> tuple[Floats, Floats]:
    """Return bounds on the mean after each case, valid together for long runs, without bounds.

    `mean +- sd sqrt(2 (n r^2 + 1) / (n^2 r^2) log(sqrt(n r^2 + 1) / alpha))`: Waudby-Smith,
    Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence
    sequences, Annals of Statistics 52(6), 2024, theorem 2.2; `r` makes it tightest near
    `tightest_at` cases (their appendix B.2). Say *asymptotic* where you show it. Infinite below
    500 cases, where it would claim too much.

    >>> low, high = asymptotic_sequence(np.random.default_rng(1).normal(3, 1, 2000))
    >>> bool(np.isinf(low[498])), bool(low[-1] < 3 < high[-1])
    (True, True)
    """
    x = np.asarray(values, dtype=np.float64)
    count = np.arange(1, len(x) + 1)
    mean = np.cumsum(x) / count
    centre = float(x[0]) if len(x) else 0.0  # shifted, so that squares do not cancel
    shifted = np.cumsum((x - centre) ** 2) / count - (mean - centre) ** 2
    deviation = np.sqrt(np.maximum(shifted, 0.0))
    alpha = 1 - confidence
    r2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha)) + 1) / tightest_at
    inner = count * r2 + 1
    width = np.sqrt(2 * inner / (count**2 * r2) * np.log(np.sqrt(inner) / alpha))
    radius = np.where(count < _LEAST_CASES, np.inf, deviation * width)
    return mean - radius, mean + radius


def _boundary(spread: Floats, scale: float, alpha: float) -> Floats:
    """Return the sum that a centred process of intrinsic time `spread` exceeds with chance alpha.

    The process `mean over bets b of exp(b s - psi(b) v)` with
    `psi(b) = (-log(1 - b c) - b c) / c^2` never exceeds 1 / alpha but with chance alpha (Ville);
    the boundary is the `s` where it would, found by halving.
    """
    bets = np.geomspace(1e-4, 0.9, _BETS) / scale
    psi = (-np.log1p(-bets * scale) - bets * scale) / scale**2
    weights = np.full(_BETS, -np.log(_BETS))
    v = spread[:, None]
    # Any single bet alone bounds the root from above, since its weight is part of the mixture.
    high: Floats = np.min((-np.log(alpha) - weights + psi * v) / bets, axis=1)
    low = np.zeros(len(spread))
    for _ in range(40):
        middle = (low + high) / 2
        exponent = weights + bets * middle[:, None] - psi * v
        top = exponent.max(axis=1)
        wealth = top + np.log(np.exp(exponent - top[:, None]).sum(axis=1))
        crossed = wealth >= -np.log(alpha)
        high = np.where(crossed, middle, high)
        low = np.where(crossed, low, middle)
    return high
