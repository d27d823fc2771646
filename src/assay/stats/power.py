"""How many cases a test takes: one that looks once, and one that looks after every case."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.betting import bets_and_stakes

__all__ = ["betting_sample_size", "betting_sample_size_from_moments", "fixed_sample_size"]

Floats = NDArray[np.float64]

_HALVINGS = 60


def _normal_points() -> tuple[Floats, Floats]:
    points, weights = np.polynomial.hermite_e.hermegauss(31)
    return points, weights / weights.sum()


_LUCK = _normal_points()
"""Standard normal luck at 31 points with their chances (Gauss-Hermite quadrature)."""


def fixed_sample_size(
    gap: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the cases that a one-sided z test takes which looks once, at their end.

    `gap` is how far the true mean lies beyond the claim, `deviation` the standard deviation of one
    case: `((z(1 - alpha) + z(power)) deviation / gap)^2` (Lehmann and Romano, Testing Statistical
    Hypotheses, 3rd edition 2005, example 3.2.1 for normal cases; the central limit theorem for
    others). Infinite where the gap is not above 0. Raises ValueError where alpha or power is not
    inside (0, 1) or the deviation is negative.

    >>> round(fixed_sample_size(0.1, 1.0))
    618
    """
    _check(alpha, power, deviation)
    if gap <= 0:
        return math.inf
    normal = NormalDist()
    return ((normal.inv_cdf(1 - alpha) + normal.inv_cdf(power)) * deviation / gap) ** 2


def betting_sample_size(
    values: ArrayLike,
    probabilities: ArrayLike,
    null: float,
    bounds: tuple[float, float],
    *,
    below: bool = False,
    alpha: float = 0.05,
    power: float | None = None,
) -> float:
    """Return the cases after which a `BettingProcess` rejects the claim, looked at after each.

    `values` (k,) come with `probabilities` (k,): a plan's guess at one case, or an earlier sample.
    The default is the number expected; with `power` it is the number by which a rejection
    has come with that chance, to be laid beside `fixed_sample_size`. Infinite where no bet grows.
    Raises ValueError where the probabilities do not add up to 1 or a value leaves the bounds.

    On n cases a bet b wins `n E log(1 + b (x - null))` in the logarithm and as much luck as the sum
    deviates; the number expected is where the mixture of bets, averaged over the luck, comes to
    1 / alpha (Wald, Sequential Analysis, 1947, for the growth; Waudby-Smith and Ramdas, JRSS B
    86(1), 2024, section 5, for a bet's). When it gets there is taken to be inverse Gaussian, the
    first passage of a Brownian motion with the best bet's growth and deviation (Wald). An
    approximation: within a fifth of what simulation finds.

    >>> n = betting_sample_size([-1.0, 9.0], [0.87, 0.13], null=0.0, bounds=(-1.0, 9.0))
    >>> round(n, -2), round(fixed_sample_size(0.3, 3.36), -2)
    (1000.0, 800.0)
    """
    x, p = np.asarray(values, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if x.shape != p.shape or (p < 0).any() or not math.isclose(float(p.sum()), 1.0, abs_tol=1e-6):
        raise ValueError("each value needs a probability, and they add up to 1")
    if not bounds[0] <= x.min() <= x.max() <= bounds[1]:
        raise ValueError(f"values from {x.min():g} to {x.max():g} leave the bounds {bounds}")
    worst = bounds[1] - null if below else null - bounds[0]
    won = np.log1p(np.outer(bets_and_stakes()[0] / worst, null - x if below else x - null))
    growth = won @ p
    spread = np.sqrt(np.maximum(won**2 @ p - growth**2, 0.0))
    return _cases(growth, spread, alpha, power)


def betting_sample_size_from_moments(
    gap: float,
    deviation: float,
    worst: float,
    *,
    alpha: float = 0.05,
    power: float | None = None,
) -> float:
    """Return the cases of `betting_sample_size` where only mean and deviation are guessed.

    `gap` is how far the true mean lies beyond the claim, `deviation` the standard deviation of one
    case, and `worst` how far the worst case lies on the claim's side. A bet's growth is taken to
    second order, `b gap - b^2 (deviation^2 + gap^2) / 2`; skewed payoffs do better or worse.

    >>> round(betting_sample_size_from_moments(0.1, 1.0, worst=10.0), -2)
    900.0
    """
    _check(alpha, 0.5, deviation)
    bets = bets_and_stakes()[0] / worst
    growth = bets * gap - bets**2 * (deviation**2 + gap**2) / 2
    return _cases(growth, bets * deviation, alpha, power)


def _cases(growth: Floats, spread: Floats, alpha: float, power: float | None) -> float:
    _check(alpha, 0.5 if power is None else power, 0.0)
    if growth.max() <= 0:
        return math.inf
    stakes, (luck, chance) = np.log(bets_and_stakes()[1]), _LUCK

    def falls_short(n: float) -> bool:
        logs = stakes + n * growth + math.sqrt(n) * np.outer(luck, spread)
        top = logs.max(axis=1)
        money = top + np.log(np.exp(logs - top[:, None]).sum(axis=1))
        return float(money @ chance) < -math.log(alpha)

    expected = _least(falls_short)
    best = int(np.argmax(growth))
    if power is None or spread[best] == 0:
        return expected
    # Inverse Gaussian with this mean; the barrier is what the best bet wins until then.
    shape = (expected * growth[best] / spread[best]) ** 2
    return _least(lambda n: _passed(n, expected, shape) < power)


def _passed(n: float, mean: float, shape: float) -> float:
    """Return the chance that an inverse Gaussian variable is at most n."""
    root, normal = math.sqrt(shape / n), NormalDist()
    late = normal.cdf(-root * (n / mean + 1.0))
    again = math.exp(2 * shape / mean + math.log(late)) if late > 0 else 0.0
    return normal.cdf(root * (n / mean - 1.0)) + again


def _least(falls_short: Callable[[float], bool]) -> float:
    """Return the least number that does not fall short, of a test that is monotone in it."""
    least, most = 0.0, 1.0
    while falls_short(most):
        least, most = most, 2 * most
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        least, most = (middle, most) if falls_short(middle) else (least, middle)
    return most


def _check(alpha: float, power: float, deviation: float) -> None:
    for name, chance in (("alpha", alpha), ("power", power)):
        if not 0.0 < chance < 1.0:
            raise ValueError(f"{name} is a chance strictly between 0 and 1; {chance:g} is not")
    if deviation < 0:
        raise ValueError(f"a standard deviation of {deviation:g} cannot be")
