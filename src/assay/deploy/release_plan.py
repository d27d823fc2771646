"""A release before it starts: how many units, decisions and days until value is decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.deploy.units_needed import POWER, UnitsNeeded, units_needed
from assay.stats.estimate import Estimate

__all__ = ["Arms", "Pace", "Prospect", "ReleasePlan", "plan_release"]

_DAYS_PER_MONTH = 365 / 12
_NO_DIFFERENCE, _PROMISED = "no difference", "the uplift promised"


@dataclass(frozen=True)
class Arms:
    """What is known of both arms before the release; amounts are in currency per unit.

    `challenger` and `other` are how the payoffs of a unit are spread, `promised` is the uplift of
    the challenger over the other arm by its evaluation, and `paired` the deviation of the
    difference of both on one unit.
    """

    challenger: Spread
    other: Spread
    promised: Estimate
    paired: float


@dataclass(frozen=True)
class Pace:
    """How fast units come: decisions a month, decisions of a unit, and days until one can enter.

    >>> Pace(decisions_per_month=36_500, decisions_per_unit=2, waiting_days=30).days(6000)
    40.0
    """

    decisions_per_month: float
    decisions_per_unit: float = 1.0
    waiting_days: float = 0.0

    def days(self, units: float) -> float:
        """Return the days until so many units have entered."""
        months = units * self.decisions_per_unit / self.decisions_per_month
        return months * _DAYS_PER_MONTH + self.waiting_days


@dataclass(frozen=True)
class Prospect:
    """What a promotion takes where a difference is true, at one share of traffic.

    `share` is None where both arms are scored on each unit. `decisions` and `days` belong
    to the expected number of units, `days_mostly` to the number that is mostly enough.
    """

    what: str
    share: float | None
    difference: float
    units: UnitsNeeded
    decisions: float
    days: float
    days_mostly: float

    def document(self) -> dict[str, Any]:
        """Return the prospect as a JSON document; what is never to be expected is null."""
        numbers = {
            "difference": self.difference,
            "units": self.units.expected,
            "units_mostly": self.units.mostly,
            "units_of_a_fixed_test": self.units.fixed,
            "chance_within_the_agreed_units": self.units.within,
            "decisions": self.decisions,
            "days": self.days,
            "days_mostly": self.days_mostly,
        }
        finite = {name: one if np.isfinite(one) else None for name, one in numbers.items()}
        return {"if": self.what, "share": self.share, **finite}


@dataclass(frozen=True)
class ReleasePlan:
    """What a canary is decided by, and how long that is expected to take.

    `prospects` hold for each share of the release's steps as if it stayed there, and for a paired
    shadow. `unit` says what counts as one.
    """

    rollout: RolloutPlan
    unit: str
    promised: Estimate
    prospects: tuple[Prospect, ...]
    most_days: float | None = None

    @property
    def best(self) -> Prospect:
        """The promised uplift at the share of traffic that shows it soonest."""
        split = [one for one in self.prospects if one.what == _PROMISED and one.share is not None]
        return min(split, key=lambda one: (one.units.expected, one.units.fixed))

    @property
    def resolvable(self) -> bool:
        """Whether value is settled within the agreed units and days in most releases."""
        in_time = self.most_days is None or self.best.days_mostly <= self.most_days
        return self.best.units.within >= POWER and in_time

    @property
    def times_fewer(self) -> float:
        """How many times fewer units a paired shadow takes than the best share of traffic."""
        paired = next(one for one in self.prospects if one.what == _PROMISED and one.share is None)
        if np.isfinite(self.best.units.expected):
            return self.best.units.expected / paired.units.expected
        none = [one for one in self.prospects if one.what == _NO_DIFFERENCE]
        split = min(one.units.fixed for one in none if one.share is not None)
        alone = next(one.units.fixed for one in none if one.share is None)
        return split / alone if alone else np.inf

    @property
    def words(self) -> tuple[str, ...]:
        """What a reader must know, a sentence or two each."""
        return (self.unit, *self._centre(), self._effort(), self._verdict(), self._shadow())

    @property
    def line(self) -> str:
        """What is told when the canary starts."""
        return f"{self._effort()} {self._verdict()}"

    def document(self) -> dict[str, Any]:
        """Return the plan as a JSON document."""
        times = self.times_fewer
        return {
            "rollout": self.rollout.document(),
            "unit": self.unit,
            "promised": self.promised.document(),
            "most_days": self.most_days,
            "prospects": [one.document() for one in self.prospects],
            "resolvable": self.resolvable,
            "paired_takes_times_fewer": times if np.isfinite(times) else None,
            "words": list(self.words),
        }

    def _centre(self) -> tuple[str, ...]:
        rollout = self.rollout
        if not rollout.centre:
            return ()
        words = (
            f"Payoffs are counted from {rollout.centre:.4g} {rollout.currency} per unit, what the "
            f"{rollout.against} paid in the evaluation; the difference stays as it is."
        )
        return (words,)

    def _effort(self) -> str:
        best, fixed = self.best, self.best.units.fixed
        if self.promised.mean <= 0:
            return (
                f"The evaluation promises no uplift over the {self.rollout.against} "
                f"({self.promised}); with no difference a promotion takes "
                f"{_many(self._without().units.expected)} units at {_share(self._without())}."
            )
        return (
            f"Where the promised uplift ({self.promised}) is true, a promotion takes about "
            f"{_many(best.units.expected)} units at {_share(best)}: {_many(best.decisions)} "
            f"decisions, {_many(best.days)} days. A z-test of a fixed number, looked at once, "
            f"takes {_many(fixed)}; with no difference a promotion takes "
            f"{_many(self._without().units.expected)}."
        )

    def _without(self) -> Prospect:
        """Return no difference at the best share."""
        return next(
            one
            for one in self.prospects
            if one.what == _NO_DIFFERENCE and one.share == self.best.share
        )

    def _verdict(self) -> str:
        rollout, chance = self.rollout, self.best.units.within
        agreed = f"the agreed {rollout.most_units:,} units"
        if self.most_days is not None:
            agreed += f" and {self.most_days:g} days"
        if self.resolvable:
            return f"Value is expected to be settled within {agreed}."
        then = (
            "the decision rests on guardrails alone, and promotes where they hold"
            if rollout.undecided == "promote"
            else "the decision rests on guardrails alone, and without proof of value an unsettled "
            "canary rolls back"
        )
        return (
            f"Value cannot be resolved within {agreed} (chance {chance:.0%} by the units): "
            f"{then} (`release.undecided`)."
        )

    def _shadow(self) -> str:
        return (
            "Where the outcome does not depend on the action, scoring both versions on each unit "
            f"(paired shadow) would take {_times(self.times_fewer)}."
        )


def plan_release(
    rollout: RolloutPlan, arms: Arms, pace: Pace, *, unit: str, most_days: float | None = None
) -> ReleasePlan:
    """Return the plan of a release; `rollout` has the shares of its steps.

    >>> paid = Spread.around(1.0, 3.0, (-1.0, 9.0))
    >>> nothing = Spread.around(0.0, 0.0, (-1.0, 9.0))
    >>> promised = Estimate(1.0, 0.8, 1.2, 1000, "bootstrap", "EUR per unit")
    >>> rollout = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.1, most_units=20_000, shares=(0.5,))
    >>> plan = plan_release(rollout, Arms(paid, nothing, promised, 3.0), Pace(1000), unit="")
    >>> plan.resolvable, round(plan.times_fewer, 1)
    (True, 1.7)
    """
    return ReleasePlan(
        rollout, unit, arms.promised, tuple(_prospects(rollout, arms, pace)), most_days
    )


def _prospects(rollout: RolloutPlan, arms: Arms, pace: Pace) -> Iterator[Prospect]:
    shadow = replace(rollout, shares=())
    for what, other in ((_NO_DIFFERENCE, arms.challenger), (_PROMISED, arms.other)):
        for share in rollout.shares:
            said = Spread.split(rollout.arms, arms.challenger, other, share)
            yield _prospect(what, share, units_needed(rollout, said), said.mean, pace)
        mean = arms.challenger.mean - other.mean
        said = Spread.around(mean, arms.paired, shadow.difference_bounds)
        yield _prospect(what, None, units_needed(shadow, said), mean, pace)


def _prospect(
    what: str, share: float | None, needed: UnitsNeeded, difference: float, pace: Pace
) -> Prospect:
    decisions = needed.expected * pace.decisions_per_unit
    days = pace.days(needed.expected), pace.days(needed.mostly)
    return Prospect(what, share, difference, needed, decisions, *days)


def _share(prospect: Prospect) -> str:
    return f"{prospect.share:.0%} of traffic"


def _many(number: float) -> str:
    """Return a planned number with two digits that count: nobody knows more of it."""
    if not np.isfinite(number):
        return "more than a billion"
    digits = max(0, int(np.floor(np.log10(max(number, 1.0)))) - 1)
    return f"{round(number, -digits):,.0f}"


def _times(times: float) -> str:
    if not np.isfinite(times) or times >= 1e6:
        return "a vanishing part of the units"
    return f"{times:.1f} times fewer units" if times < 10 else f"{_many(times)} times fewer units"
