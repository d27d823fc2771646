"""Is one more window further off than windows are from each other anyway?

A test of "same law" alarms at every harmless wobble once windows are large. Here the null has
two parts: sampling noise, which is known and shrinks with the window, and movement from window
to window, which is estimated from the reference windows and does not shrink.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, fdtrc

__all__ = ["Movement", "movement"]

Floats = NDArray[np.float64]

_UPPER = 0.25
"""The movement between windows enters at its upper 75% limit: few windows may hide it."""


@dataclass(frozen=True)
class Movement:
    """How surprising a window's distance is, and how large beyond noise.

    `effect` is in standard deviations: the root of the squared distance for each row, less what
    noise and harmless movement explain.
    """

    p: float
    effect: float


def movement(
    distances: Floats, sizes: Floats, measured: float, n: int, freedom: int = 1
) -> Movement:
    """Judge a window of `n` rows at squared distance `measured` from the pooled reference.

    `distances` (J,) are the same quadratic forms for the J >= 2 reference windows of `sizes` (J,)
    rows, each with mean `freedom` under pure sampling noise: `n (mean - m)^2 / variance` with
    `freedom` 1, or Pearson's statistic over B cells with B - 1.

    With between-window variance rho (in units of the variance of one row) a form's mean is
    `freedom (1 + n rho + (n / N)(1 + N rho / J))`. rho is the moment estimate of DerSimonian and
    Laird (1986, Controlled Clinical Trials 7), taken at its upper limit; the p-value is that of
    an F distribution whose degrees of freedom follow Satterthwaite (1946, Biometrics Bulletin 2):
    movement that runs in one direction only counts as one degree, however many cells there are.

    >>> quiet = np.ones(20)
    >>> movement(quiet, np.full(20, 1000.0), 1.0, 1000).p > 0.1
    True
    >>> movement(quiet, np.full(20, 1000.0), 100.0, 1000).p < 0.001
    True
    """
    windows, total = len(distances), float(sizes.sum())
    ratios = distances / freedom
    spread = float(ratios.var(ddof=1))
    effective = freedom if spread == 0 else 2 * float(ratios.mean()) ** 2 / spread
    effective = min(max(effective, 1.0), float(freedom))
    known = effective * (windows - 1)
    upper = float(ratios.sum()) * known / float(chdtri(known, 1 - _UPPER))
    reach = total - float((sizes**2).sum()) / total
    rho = max(0.0, (upper - (windows - 1)) / reach)
    slope = n * (1 + 1 / windows)
    expected = 1 + n / total + slope * rho
    doubt = 2 * (upper * slope / reach) ** 2 / known
    judged = known if doubt == 0 else max(known, 2 * expected**2 / doubt)
    p = float(fdtrc(effective, judged, measured / freedom / expected))
    return Movement(p, float(np.sqrt(max(0.0, (measured - freedom * expected) / n))))
