"""How many units a promotion, a rollback or a kept limit takes, before there are any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr, ndtri

from assay.deploy.guardrail_condition import GuardrailCondition
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.stats.betting import BettingProcess, bets_and_stakes

__all__ = ["POWER", "UnitsNeeded", "cases_to_keep", "units_needed", "units_to_roll_back"]

POWER = 0.8
"""The chance of showing what is true that plans are compared at."""

Floats = NDArray[np.float64]

_SIZES = np.unique(np.geomspace(1, 1e9, 240).astype(np.int64))
_FAR = np.geomspace(1e-6, 30.0, 150)
_TILTS = np.concatenate([-_FAR[::-1], [0.0], _FAR])
_LOOKS = 10_000
"""Looks beyond which it makes no difference how far they lie apart."""
_MANY = 1e12
"""Counts stand for chances: so many cases, spread as they are."""


@dataclass(frozen=True)
class UnitsNeeded:
    """How many units until a claim is shown, where a given mean is the true one.

    `expected` is their mean; `mostly` is enough in 80 % of releases. `fixed` is what a z-test of a
    fixed number of units takes for the same claim, the same alpha and a power of 80 %, which may
    be looked at once only. `within` is the chance of a promotion by the plan's `most_units`. All
    are infinite, and `within` is 0, where a promotion is not to be expected: not within a billion
    units, or the claim is not true.
    """

    expected: float
    mostly: float
    fixed: float
    within: float


def units_needed(plan: RolloutPlan, said: Spread) -> UnitsNeeded:
    """Return how many units a promotion takes that is watched at every one of them.

    `said` is what one unit says about challenger minus champion, in currency: its mean is taken to
    be true. The chance that n units suffice is that their mean lies where the money of the
    betting process first reaches 1 / alpha: units of an unusual mean are spread as `said` tilted by
    an exponential, and their chance is that of a normal deviate sqrt(2 n times the relative
    entropy of the two) (Barndorff-Nielsen and Cox, Inference and Asymptotics, 1994, the
    signed root). A crossing that was lost again is not counted, so that it errs on the long side;
    simulated means lay within a quarter of `expected`.

    >>> plan = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.1, most_units=10_000)
    >>> needed = units_needed(plan, Spread.around(0.1, 1.0, plan.difference_bounds))
    >>> round(needed.expected, -1), round(needed.mostly, -1), round(needed.fixed), needed.within
    (360.0, 460.0, 155, 1.0)
    """
    return _needed(said, -plan.tolerance, plan.difference_bounds, plan.alpha, plan.most_units)


def units_to_roll_back(plan: RolloutPlan, said: Spread, look: int = 1) -> UnitsNeeded:
    """Return how many units a rollback on value takes, watched each `look` units.

    Arguments and meaning as of `units_needed`, for a mean below the plan's margin.

    >>> plan = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.1, most_units=10_000)
    >>> worse = Spread.around(-0.5, 1.0, plan.difference_bounds)
    >>> round(units_to_roll_back(plan, worse).expected)
    122
    """
    low, high = plan.difference_bounds
    bounds = (-high, -low)
    return _needed(said.mirrored, plan.margin, bounds, plan.rollback_alpha, plan.most_units, look)


def cases_to_keep(plan: RolloutPlan, condition: GuardrailCondition, said: Spread) -> UnitsNeeded:
    """Return how many cases it takes until a guardrail's limit is surely kept.

    `said` is what one case says; it is looked at after each.

    >>> slow = GuardrailCondition("slow", limit=0.02)
    >>> plan = RolloutPlan("EUR", (-1.0, 9.0), 0.1, most_units=10_000, conditions=(slow,))
    >>> half = Spread(np.array([0.0, 1.0]), np.array([0.99, 0.01]))
    >>> round(cases_to_keep(plan, slow, half).expected, -2)
    1700.0
    """
    low, high = condition.bounds(plan.shares)
    bounds = (-high, -low)
    return _needed(said.mirrored, -condition.limit, bounds, plan.alpha, plan.most_units)


def _needed(
    said: Spread,
    null: float,
    bounds: tuple[float, float],
    alpha: float,
    most: int,
    look: int = 1,
) -> UnitsNeeded:
    """Return how many units it takes until their mean is surely above `null`."""
    gap = said.mean - null
    if gap <= 0:
        return UnitsNeeded(np.inf, np.inf, np.inf, 0.0)
    fixed = (float(ndtri(1 - alpha) + ndtri(POWER)) * said.deviation / gap) ** 2
    chances = _chances(BettingProcess.against(null, bounds), alpha, said)
    if chances[-1] < POWER:
        return UnitsNeeded(np.inf, np.inf, fixed, 0.0)
    return UnitsNeeded(
        expected=_expected(chances, look),
        mostly=float(np.interp(POWER, chances, _SIZES)),
        fixed=fixed,
        within=round(float(np.interp(most, _SIZES, chances)), 6),
    )


def _expected(chances: Floats, look: int) -> float:
    """Return the mean number of units until a look finds enough: the sum of the chances of more."""
    if look > 1:
        last = int(
            _SIZES[np.searchsorted(chances, 1 - 1e-9, side="left").clip(max=len(_SIZES) - 1)]
        )
        if last <= look * _LOOKS:
            looks = np.arange(0, last + look, look)
            return float((1.0 - np.interp(looks, _SIZES, chances, left=0.0)).sum() * look)
    missing = 1.0 - np.concatenate([[0.0], (chances[1:] + chances[:-1]) / 2])
    return float(missing @ np.diff(_SIZES, prepend=0))


def _chances(process: BettingProcess, alpha: float, said: Spread) -> Floats:
    """Return the chance that each number of units suffices; it never falls."""
    tilted, entropy = _tilted(said)
    growth = np.array([_growth(process, said.values, chances) for chances in tilted])
    stakes = bets_and_stakes()[1]
    needed, root = float(-np.log(alpha)), np.sign(_TILTS) * np.sqrt(2 * entropy)
    found = []
    for n in _SIZES.tolist():
        money = logsumexp(n * growth, axis=1, b=stakes)
        place = int(np.searchsorted(np.maximum.accumulate(money), needed))
        if place in (0, len(_TILTS)):
            found.append(float(place == 0))
            continue
        near = slice(place - 1, place + 1)
        at = float(np.interp(needed, money[near], root[near]))
        found.append(float(ndtr(-at * np.sqrt(n))))
        if found[-1] > 1 - 1e-9:
            break
    found += [1.0] * (len(_SIZES) - len(found))
    return np.maximum.accumulate(np.array(found))


def _tilted(said: Spread) -> tuple[Floats, Floats]:
    """Return the chances under each tilt (tilts, k), and their entropy relative to `said`."""
    scale = said.deviation or 1.0
    slopes = np.outer(_TILTS / scale, said.values - said.mean)
    logs = slopes + np.log(said.chances)
    norm = logsumexp(logs, axis=1, keepdims=True)
    chances = np.exp(logs - norm)
    entropy = (chances * (slopes - norm)).sum(axis=1)
    return chances, np.maximum(entropy, 0.0)


def _growth(process: BettingProcess, values: Floats, chances: Floats) -> Floats:
    """Return what each bet wins on one unit, in the logarithm."""
    counts = np.rint(chances * _MANY).astype(np.int64)
    return np.asarray(process.updated(values, counts).log_money) / _MANY
