"""Is one window's number worse than those of reference windows, beyond noise and usual movement?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, stdtr, stdtrit

__all__ = ["Usual", "usual"]

Floats = NDArray[np.float64]

_UPPER = 0.25
"""The movement between windows enters at its upper 75 % limit: few windows may hide it."""


@dataclass(frozen=True)
class Usual:
    """What a number usually is over J windows: its mean, that mean's error and its own movement.

    `movement` is the standard deviation from window to window beyond noise, at its upper limit;
    `freedom` is J - 1.
    """

    mean: float
    error: float
    movement: float
    freedom: int

    def spread(self, sampling: float) -> float:
        """Return how far another window with this noise usually lies from the mean."""
        return math.sqrt(self.error**2 + self.movement**2 + sampling**2)

    def range(self, sampling: float, confidence: float = 0.95) -> tuple[float, float]:
        """Return between which numbers another window with this noise usually lies.

        >>> low, high = Usual(0.8, 0.01, 0.0, 19).range(0.02)
        >>> round(low, 3), round(high, 3)
        (0.753, 0.847)
        """
        reach = float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.spread(sampling)
        return self.mean - reach, self.mean + reach

    def p_below(self, value: float, sampling: float) -> float:
        """Return how likely another window, with this noise, would be this low or lower."""
        spread = self.spread(sampling)
        if not spread:
            return 1.0 if value >= self.mean else 0.0
        return float(stdtr(self.freedom, (value - self.mean) / spread))

    def p_above(self, value: float, sampling: float) -> float:
        """Return how likely another window, with this noise, would be this high or higher."""
        return self.p_below(2 * self.mean - value, sampling)


def usual(values: Floats, errors: Floats) -> Usual:
    """Learn from J >= 2 windows' values (J,) and the standard errors (J,) that noise gives them.

    Movement from window to window is the between-study variance of DerSimonian and Laird (1986,
    Controlled Clinical Trials 7), taken at its upper limit; another window's number then follows
    the predictive law of random effects (Higgins, Thompson and Spiegelhalter, A re-evaluation of
    random-effects meta-analysis, JRSS A 172, 2009), Student's t with J - 1 degrees of freedom.
    Raises ValueError for fewer than two windows.

    >>> quiet = usual(np.array([0.80, 0.81, 0.79, 0.80, 0.80]), np.full(5, 0.01))
    >>> round(quiet.mean, 3), quiet.p_below(0.79, 0.01) > 0.1, quiet.p_below(0.70, 0.01) < 0.002
    (0.8, True, True)
    """
    count = len(values)
    if count < 2:
        raise ValueError(f"what is usual takes two windows; there is {count}")
    noise = np.maximum(errors**2, 1e-12 * max(float(np.abs(values).max()) ** 2, 1e-12))
    weights = 1 / noise
    middle = float(weights @ values / weights.sum())
    excess = float(weights @ (values - middle) ** 2)
    upper = excess * (count - 1) / float(chdtri(count - 1, 1 - _UPPER))
    reach = float(weights.sum() - (weights**2).sum() / weights.sum())
    between = max(0.0, (upper - (count - 1)) / reach)
    weights = 1 / (noise + between)
    mean = float(weights @ values / weights.sum())
    return Usual(mean, math.sqrt(1 / float(weights.sum())), math.sqrt(between), count - 1)
