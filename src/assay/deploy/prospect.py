"""What a promotion is expected to take, where a given difference is true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.deploy.units_needed import UnitsNeeded, units_needed
from assay.deploy.unknown_payoffs import Unknown
from assay.stats.estimate import Estimate

__all__ = ["NO_DIFFERENCE", "PROMISED", "REACH", "Arms", "Pace", "Prospect", "prospects"]

NO_DIFFERENCE: Literal["no difference"] = "no difference"
PROMISED: Literal["the uplift promised"] = "the uplift promised"

REACH = 0.05
"""The chance within what was agreed from which on it is worth saying how long it takes."""

_DAYS_PER_MONTH = 365 / 12


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
class Pace:
    """How fast units come: decisions a month, decisions of a unit, and days until one can enter.

    `horizon_days` is how long the business case counts; a canary is not to last longer.

    >>> pace = Pace(decisions_per_month=36_500, decisions_per_unit=2, waiting_days=30)
    >>> pace.days(6000), pace.units(40)
    (40.0, 6000.0)
    """

    decisions_per_month: float
    decisions_per_unit: float = 1.0
    waiting_days: float = 0.0
    horizon_days: float = 730.0

    def days(self, units: float) -> float:
        """Return the days until so many units have entered."""
        months = units * self.decisions_per_unit / self.decisions_per_month
        return months * _DAYS_PER_MONTH + self.waiting_days

    def units(self, days: float) -> float:
        """Return the units that have entered after so many days."""
        months = max(0.0, days - self.waiting_days) / _DAYS_PER_MONTH
        return months * self.decisions_per_month / self.decisions_per_unit


@dataclass(frozen=True)
class Prospect:
    """What a promotion takes where a difference is true, at one share of traffic.

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
    def named(self) -> str:
        """The difference and the share, in words."""
        where = "both arms on each unit" if self.share is None else f"{self.share:.0%} of traffic"
        return f"{self.what}, {where}"

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
    agreed = rollout.most_units
    if most_days is not None:
        agreed = max(1, min(agreed, int(pace.units(most_days))))
    within = replace(rollout, most_units=agreed)
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


def _prospect(
    what: str, share: float | None, needed: UnitsNeeded, difference: float, pace: Pace
) -> Prospect:
    decisions = needed.expected * pace.decisions_per_unit
    days = pace.days(needed.expected), pace.days(needed.mostly)
    return Prospect(what, share, difference, needed, decisions, *days)
