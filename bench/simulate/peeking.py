"""What decides beside a watched rollout, on the same data at the same looks.

A z-test of level alpha on each side, which stops at its first verdict as a team would, in the order
in which a rollout decides: surely worse, or beyond a guardrail's limit, rolls back; surely within
the tolerance and all limits promotes. Of two arms it takes the difference of their means so far,
whatever payoffs are counted from. And a threshold, which takes the first units at their word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ONE_SIDED = 1.6449
FIXED = 1000
"""Units (cases, where guardrails alone speak) after which a threshold decides."""


@dataclass(frozen=True)
class Told:
    """Values (n,) in order, the unit that each is of (n,), and its arm (n,).

    Without arms the values are what is told of the challenger alone, or differences.
    """

    values: Floats
    unit: Ints
    arm: Flags | None = None

    @classmethod
    def each(cls, values: Floats, arm: Flags | None = None) -> Told:
        """Return values of a unit each."""
        return cls(values, np.arange(len(values)), arm)

    def part(self, kept: Flags) -> Told:
        """Return the values that are kept, of the same units as before."""
        arm = None if self.arm is None else self.arm[kept]
        return Told(self.values[kept], self.unit[kept], arm)

    def so_far(self, looks: Ints) -> tuple[Floats, Floats]:
        """Return mean and standard error (k,) after so many units; of arms, of the difference.

        NaN where fewer than two values are known of an arm.
        """
        ends = np.searchsorted(self.unit, looks)
        if self.arm is None:
            return _moments(self.values, np.ones(len(self.values), dtype=np.bool_), ends)
        (on, on_error), (off, off_error) = (
            _moments(self.values, which, ends) for which in (self.arm, ~self.arm)
        )
        return on - off, np.hypot(on_error, off_error)

    def z(self, looks: Ints, null: float) -> Floats:
        """Return z (k,) against a mean of `null`; 0 where nothing can be said yet."""
        mean, error = self.so_far(looks)
        z: Floats = np.divide(mean - null, error, out=np.zeros(len(mean)), where=error > 0)
        return z

    def share_z(self, looks: Ints, limit: float) -> Floats:
        """Return z (k,) of a share against its limit, under which the variance is known."""
        count = np.searchsorted(self.unit, looks)
        bad = np.concatenate([[0.0], np.cumsum(self.values)])[count]
        z: Floats = (bad - limit * count) / np.sqrt(np.maximum(count, 1) * limit * (1 - limit))
        return z


def _moments(values: Floats, which: Flags, ends: Ints) -> tuple[Floats, Floats]:
    """Return means and standard errors (k,) of the values so marked among the first `ends`."""
    sums = (
        np.concatenate([[0.0], np.cumsum(np.where(which, one, 0.0))])[ends]
        for one in (np.ones(len(values)), values, values**2)
    )
    n, total, squares = sums
    n = np.where(n > 1, n, np.nan)
    mean = total / n
    variance = (squares - n * mean**2) / (n - 1)
    return mean, np.sqrt(np.where(variance > 1e-12, variance, 0.0) / n)


def first_verdict(worse: Flags, fine: Flags) -> str:
    """Return what the first look (k,) says that says anything; a rollback goes first."""
    settled = np.flatnonzero(worse | fine)
    if not len(settled):
        return "hold"
    return "roll_back" if worse[settled[0]] else "promote"


def z_test(
    told: Told,
    looks: Ints,
    tolerance: float,
    margin: float = 0.0,
    limits: Sequence[tuple[Told, float]] = (),
) -> str:
    """Return the verdict of a z-test that looks after so many units, on value and guardrails."""
    worse = told.z(looks, -margin) < -ONE_SIDED
    fine = told.z(looks, -tolerance) > ONE_SIDED
    for bad, limit in limits:
        z = bad.share_z(looks, limit)
        worse, fine = worse | (z > ONE_SIDED), fine & (z < -ONE_SIDED)
    return first_verdict(worse, fine)


def past_threshold(
    told: Told, null: float, wrong: str, limits: Sequence[tuple[Told, float]] = ()
) -> bool:
    """Whether the first units alone, taken at their word, say the wrong thing."""
    first = np.array([FIXED])
    mean = float(told.so_far(first)[0][0])
    over = any(bool(bad.share_z(first, limit)[0] > 0) for bad, limit in limits)
    return mean > null and not over if wrong == "promote" else mean < null or over
