"""What a promotion or a rollback is expected to take, where a given difference is true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from assay.deploy.batch import LOOK
from assay.deploy.pace import Pace
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.deploy.units_needed import UnitsNeeded, units_needed, units_to_roll_back
from assay.deploy.unknown_payoffs import Unknown
from assay.stats.estimate import Estimate

__all__ = [
    "NO_DIFFERENCE",
    "PROMISED",
    "REACH",
    "WORSE",
    "Arms",
    "Prospect",
    "prospects",
    "rollbacks",
]

NO_DIFFERENCE: Literal["no difference"] = "no difference"
PROMISED: Literal["the uplift promised"] = "the uplift promised"
WORSE: Literal["as much worse as promised better"] = "as much worse as promised better"

REACH = 0.05
"""The chance within what was agreed from which on it is worth saying how long it takes."""


@dataclass(frozen=True)
class Arms:
    """What is known of both arms before the release; amounts are in currency per unit.

    `challenger` and `other` are how the payoffs of a unit are spread, `promised` is the uplift of
    the challenger over the other arm by its evaluation, and `paired` the deviation of the
    difference of both on one unit; None where both cannot be scored on one, since the action
    moves or hides the outcome. `unknown` are payoffs that stay unknown.
    """

    challenger: Spread
    other: Spread
    promised: Estimate
    paired: float | None
    unknown: Unknown = field(default_factory=Unknown)


@dataclass(frozen=True)
class Prospect:
    """What a promotion (or a rollback) takes where a difference is true, at one share of traffic.

    `share` is None where both arms are scored on each unit. `decisions` and `days` belong
    to the expected number of units, `days_mostly` to the number that is mostly enough. The chance
    `units.within` is by the agreed units and days both.
    """

    what: str
    share: float | None
    difference: float
    units: UnitsNeeded
    decisions: float
    days: float
    days_mostly: float

    @property
    def within_reach(self) -> bool:
        """Whether a promotion within the agreed units and days has a chance worth planning by."""
        return self.units.within >= REACH

    @property
    def where(self) -> str:
        """The share, in words."""
        return "both arms on each unit" if self.share is None else f"{self.share:.0%} of traffic"

    @property
    def named(self) -> str:
        """The difference and the share, in words."""
        return f"{self.what}, {self.where}"

    def document(self) -> dict[str, Any]:
        """Return the prospect as a JSON document; what is out of reach has no numbers (null)."""
        numbers = {
            "units": self.units.expected,
            "units_mostly": self.units.mostly,
            "units_of_a_fixed_test": self.units.fixed,
            "decisions": self.decisions,
            "days": self.days,
            "days_mostly": self.days_mostly,
        }
        told = {
            name: one if self.within_reach and np.isfinite(one) else None
            for name, one in numbers.items()
        }
        return {
            "if": self.what,
            "share": self.share,
            "difference": self.difference,
            "chance_within_what_was_agreed": self.units.within,
            "within_reach": self.within_reach,
            **told,
        }


def prospects(
    rollout: RolloutPlan, arms: Arms, pace: Pace, most_days: float | None
) -> Iterator[Prospect]:
    """Yield no difference and the promised one, at each share of the rollout and paired.

    Payoffs that stay unknown count against the claim on either arm, as in the rollout.
    """
    within = _within(rollout, pace, most_days)
    for what, other in ((NO_DIFFERENCE, arms.challenger), (PROMISED, arms.other)):
        mean = arms.challenger.mean - other.mean
        counted = arms.unknown.counted(arms.challenger, other)
        for share in rollout.shares:
            said = Spread.split(rollout.arms, *counted, share)
            yield _prospect(what, share, units_needed(within, said), mean, pace)
        if arms.paired is not None:
            shadow = replace(within, shares=())
            said = Spread.around(mean, arms.paired, shadow.difference_bounds)
            yield _prospect(what, None, units_needed(shadow, said), mean, pace)


def rollbacks(
    rollout: RolloutPlan, arms: Arms, pace: Pace, most_days: float | None
) -> Iterator[Prospect]:
    """Yield a challenger as much worse as it is promised better, until it is rolled back.

    At each share of the rollout; where it has none, paired. Payoffs that stay unknown count against
    this claim as well. Nothing is yielded where no uplift is promised.
    """
    within, gap = _within(rollout, pace, most_days), -arms.promised.mean
    if gap >= 0:
        return
    other = Spread.around(arms.challenger.mean - gap, arms.other.deviation, rollout.bounds)
    low, high = arms.unknown.ends
    tried = arms.challenger.partly(arms.unknown.challenger, high)
    for share in rollout.shares:
        said = Spread.split(rollout.arms, tried, other.partly(arms.unknown.other, low), share)
        yield _prospect(WORSE, share, units_to_roll_back(within, said, LOOK), gap, pace)
    if not rollout.shares and arms.paired is not None:
        said = Spread.around(gap, arms.paired, within.difference_bounds)
        yield _prospect(WORSE, None, units_to_roll_back(within, said, LOOK), gap, pace)


def _within(rollout: RolloutPlan, pace: Pace, most_days: float | None) -> RolloutPlan:
    """Return the rollout with what was agreed of units and of days as units."""
    agreed = rollout.most_units
    if most_days is not None:
        agreed = max(1, min(agreed, int(pace.units(most_days))))
    return replace(rollout, most_units=agreed)


def _prospect(
    what: str, share: float | None, needed: UnitsNeeded, difference: float, pace: Pace
) -> Prospect:
    decisions = needed.expected * pace.decisions_per_unit
    days = pace.days(needed.expected), pace.days(needed.mostly)
    return Prospect(what, share, difference, needed, decisions, *days)
