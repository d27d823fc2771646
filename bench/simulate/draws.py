"""Units of rollouts where a claim is false by a hair, drawn from laws that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from bench.simulate.peeking import Told
from numpy.typing import NDArray

from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PAYOFFS = np.array([-1.0, 0.0, 9.0])
CHAMPION = np.array([0.30, 0.55, 0.15])
WORSE = np.array([0.35, 0.55, 0.10])  # by 0.5 on average


@dataclass(frozen=True)
class Payoffs:
    """What a unit can pay, how often the champion and a worse version do, and the middle of it."""

    values: Floats
    champion: Floats
    worse: Floats
    middle: float

    def drawn(self, rng: np.random.Generator, arm: Flags, challenger: Floats) -> Floats:
        n = len(arm)
        return np.where(arm, self._of(rng, n, challenger), self._of(rng, n, self.champion))

    def said(self, plan: RolloutPlan, challenger: Floats, p: float) -> Spread:
        arms = Spread(self.values, challenger), Spread(self.values, self.champion)
        return Spread.split(plan.arms, *arms, p)

    def _of(self, rng: np.random.Generator, n: int, chances: Floats) -> Floats:
        return rng.choice(self.values, n, p=chances)


NEAR = Payoffs(PAYOFFS, CHAMPION, WORSE, 0.0)
FAR = Payoffs(
    np.array([8.0, 10.0, 12.0]), np.array([0.25, 0.5, 0.25]), np.array([0.375, 0.5, 0.125]), 10.0
)
"""Far from 0, with a mean of 10; the worse by 0.5 too."""


@dataclass(frozen=True)
class Drawn:
    """Units in order of assignment: what they paid at the least and at the most, and their arms.

    `share` is None where both arms were scored, and `least` then is the difference. `other` is what
    a z-test and a threshold take where that is not the payoffs of the units; `bad` is what a
    guardrail counts.
    """

    least: Floats
    most: Floats
    arm: Flags
    share: Floats | None
    other: Told | None = None
    bad: Flags | None = None

    @cached_property
    def told(self) -> Told:
        """What a z-test and a threshold take."""
        arm = None if self.share is None else self.arm
        return self.other or Told(self.least, np.arange(len(self.least)), arm)


Draw = Callable[[np.random.Generator], Drawn]


def paired(challenger: Floats, n: int = 4000) -> Draw:
    def draw(rng: np.random.Generator) -> Drawn:
        place = rng.random(n)  # one customer, both arms: differences are rare
        before, after = (
            PAYOFFS[np.searchsorted(np.cumsum(chances)[:-1], place, side="right")]
            for chances in (CHAMPION, challenger)
        )
        gap = after - before
        return Drawn(gap, gap, np.zeros(n, dtype=np.bool_), None)

    return draw


def split(
    challenger: Floats, shares: tuple[float, ...] = (0.5,), n: int = 4000, of: Payoffs = NEAR
) -> Draw:
    """One arm each; each share has an equal part of the units, one after the other."""

    def draw(rng: np.random.Generator) -> Drawn:
        share = np.repeat(shares, n // len(shares))
        arm = rng.random(n) < share
        paid = of.drawn(rng, arm, challenger)
        return Drawn(paid, paid, arm, share)

    return draw


def repeated(rng: np.random.Generator, n: int = 4000) -> Drawn:
    """Entities who come one to five times and do the same each time; the z-test counts each time.

    One arm for all of an entity's decisions, and what they paid summed: 3 decisions on average.
    """
    arm, share, times = rng.random(n) < 0.5, np.full(n, 0.5), rng.integers(1, 6, n)
    each = NEAR.drawn(rng, arm, WORSE)
    paid = times.astype(np.float64) * each
    unit = np.repeat(np.arange(n), times)
    return Drawn(paid, paid, arm, share, Told(3 * each[unit], unit, arm[unit]))


def drifting(rng: np.random.Generator, n: int = 4000) -> Drawn:
    """What both arms earn swings by 3 in waves and falls for good; the difference stays."""
    arm, share = rng.random(n) < 0.5, np.full(n, 0.5)
    common = 3 * np.sin(np.arange(n) / 300) + np.linspace(2, -2, n)
    paid = NEAR.drawn(rng, arm, WORSE) + common
    return Drawn(paid, paid, arm, share)


def missing(of: Payoffs, n: int = 4000) -> Draw:
    """One in ten of the champion's good outcomes never comes; the z-test leaves those units out."""

    def draw(rng: np.random.Generator) -> Drawn:
        drawn = split(of.worse, n=n, of=of)(rng)
        lost = ~drawn.arm & (drawn.least > of.middle) & (rng.random(n) < 0.1)
        least = np.where(lost, of.values.min(), drawn.least)
        most = np.where(lost, of.values.max(), drawn.most)
        return replace(drawn, least=least, most=most, other=drawn.told.part(~lost))

    return draw


def reweighted(rng: np.random.Generator, n: int = 4000) -> Drawn:
    """A tenth of traffic, then half, while both come to earn more."""
    share = np.where(np.arange(n) < n // 2, 0.1, 0.5)
    arm = rng.random(n) < share
    common = np.where(np.arange(n) < n // 2, 0.0, 2.0)
    paid = NEAR.drawn(rng, arm, WORSE) + common
    return Drawn(paid, paid, arm, share)


def erring(rng: np.random.Generator, n: int = 12_000) -> Drawn:
    """Both arms pay alike, and the challenger errs in 2 % of cases, just at the limit."""
    drawn = split(CHAMPION, n=n)(rng)
    return replace(drawn, bad=rng.random(n) < 0.02)


def shuffled(rng: np.random.Generator, n: int = 4000) -> Drawn:
    gap = rng.choice([-9.0, -1.0, 0.0, 1.0, 9.0], n, p=[0.02, 0.08, 0.8, 0.08, 0.02])
    return Drawn(gap, gap, np.zeros(n, dtype=np.bool_), None)


@dataclass(frozen=True)
class Late:
    """Units of half of traffic whose good outcomes on the champion come up to 2,000 units late."""

    paid: Floats
    arm: Flags
    came: NDArray[np.int64]

    @classmethod
    def drawn(cls, rng: np.random.Generator, n: int = 3000) -> Late:
        arm = rng.random(n) < 0.5
        paid = NEAR.drawn(rng, arm, WORSE)
        slow = ~arm & (paid > 0)
        return cls(paid, arm, np.arange(n) + np.where(slow, rng.integers(0, 2000, n), 0))

    def by(self, now: int) -> Drawn:
        """Return the first `now` units with what is known by then; a z-test takes what came."""
        seen, known = slice(0, now), self.came[:now] < now
        paid, arm = self.paid[seen], self.arm[seen]
        least, most = np.where(known, paid, -1.0), np.where(known, paid, 9.0)
        came = Told(paid, np.arange(now), arm).part(known)
        return Drawn(least, most, arm, np.full(now, 0.5), came)
