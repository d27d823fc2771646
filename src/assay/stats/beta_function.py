"""Logarithms of the beta function and of the tail of a Beta distribution, far out too."""

from __future__ import annotations

import math

__all__ = ["log_beta", "log_beta_below"]

_MOST_TERMS = 100_000
_SMALL = 1e-300


def log_beta(a: float, b: float) -> float:
    """Return the logarithm of the beta function.

    >>> round(math.exp(log_beta(2.0, 3.0)), 6)
    0.083333
    """
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def log_beta_below(x: float, a: float, b: float) -> float:
    """Return the logarithm of the chance that a Beta(a, b) variable lies below x, 0 < x < 1.

    The continued fraction of the incomplete beta function (NIST Digital Library of Mathematical
    Functions, 8.17.22), on the side of the mean where it converges quickly; no underflow. The
    chance of lying above is `log_beta_below(1 - x, b, a)`.

    >>> round(math.exp(log_beta_below(0.3, 1.0, 2.0)), 6), log_beta_below(0.1, 900.0, 100.0) < -1500
    (0.51, True)
    """
    if x > (a + 1) / (a + b + 2):
        return math.log(-math.expm1(_below_mean(1.0 - x, b, a)))
    return _below_mean(x, a, b)


def _below_mean(x: float, a: float, b: float) -> float:
    front = a * math.log(x) + b * math.log1p(-x) - log_beta(a, b) - math.log(a)
    return min(0.0, front - math.log(_fraction(x, a, b)))


def _fraction(x: float, a: float, b: float) -> float:
    """Return `1 + d1 / (1 + d2 / (1 + ...))` by Lentz's method (Applied Optics 15, 1976)."""
    value = upper = 1.0
    lower = 0.0
    for term in range(1, _MOST_TERMS):
        m = term // 2
        if term % 2:
            d = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            d = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        lower = 1.0 / (1.0 + d * lower or _SMALL)
        upper = 1.0 + d / upper or _SMALL
        value *= upper * lower
        if abs(upper * lower - 1.0) < 1e-14:
            return value
    raise ArithmeticError(f"the tail of Beta({a:g}, {b:g}) at {x:g} did not converge")
