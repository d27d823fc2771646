"""A release before it starts: how many units, decisions and days until value is decided."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from assay.deploy.prospect import NO_DIFFERENCE, PROMISED, Arms, Pace, Prospect, prospects
from assay.deploy.release_words import line_of, words_of
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.units_needed import POWER
from assay.deploy.unknown_payoffs import Unknown
from assay.stats.estimate import Estimate

__all__ = ["ReleasePlan", "plan_release"]

_FEWER = 1.05
"""How many times fewer units are worth a word."""


@dataclass(frozen=True)
class ReleasePlan:
    """What a canary is decided by, and how long that is expected to take.

    `prospects` hold for each share of the release's steps as if it stayed there, and for a paired
    shadow where one is possible. `unit` says what counts as one. `known` is the promised uplift at
    its best share if no payoff stayed unknown; None where none does anyway.
    """

    rollout: RolloutPlan
    unit: str
    promised: Estimate
    prospects: tuple[Prospect, ...]
    pace: Pace
    most_days: float | None = None
    unknown: Unknown = field(default_factory=Unknown)
    known: Prospect | None = None

    @property
    def best(self) -> Prospect:
        """The promised uplift at the share of traffic that shows it soonest."""
        return _best(self.prospects)

    @property
    def without(self) -> Prospect:
        """No difference, at the same share as the best."""
        return next(
            one
            for one in self.prospects
            if one.what == NO_DIFFERENCE and one.share == self.best.share
        )

    @property
    def shadow(self) -> Prospect | None:
        """The promised uplift where both arms are scored on each unit, if that settles it."""
        paired = (one for one in self.prospects if one.what == PROMISED and one.share is None)
        return next((one for one in paired if one.within_reach), None)

    @property
    def resolvable(self) -> bool:
        """Whether value is settled within the agreed units and days in most releases."""
        return self.best.units.within >= POWER

    @property
    def times_fewer(self) -> float | None:
        """How many times fewer units a paired shadow takes than the best share of traffic.

        None where it takes no fewer, or where either is out of reach.
        """
        if self.shadow is None or not self.best.within_reach:
            return None
        times = self.best.units.expected / self.shadow.units.expected
        return times if times >= _FEWER else None

    @property
    def words(self) -> tuple[str, ...]:
        """What a reader must know, a sentence or two each."""
        return words_of(self)

    @property
    def line(self) -> str:
        """What is told when the canary starts."""
        return line_of(self)

    def document(self) -> dict[str, Any]:
        """Return the plan as a JSON document."""
        return {
            "rollout": self.rollout.document(),
            "unit": self.unit,
            "promised": self.promised.document(),
            "most_days": self.most_days,
            "unknown_payoffs": self.unknown.document(),
            "prospects": [one.document() for one in self.prospects],
            "resolvable": self.resolvable,
            "paired_takes_times_fewer": self.times_fewer,
            "words": list(self.words),
        }


def plan_release(
    rollout: RolloutPlan, arms: Arms, pace: Pace, *, unit: str, most_days: float | None = None
) -> ReleasePlan:
    """Return the plan of a release; `rollout` has the shares of its steps.

    >>> from assay.deploy.spread import Spread
    >>> paid = Spread.around(1.0, 3.0, (-1.0, 9.0))
    >>> nothing = Spread.around(0.0, 0.0, (-1.0, 9.0))
    >>> promised = Estimate(1.0, 0.8, 1.2, 1000, "bootstrap", "EUR per unit")
    >>> rollout = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.1, most_units=20_000, shares=(0.5,))
    >>> plan = plan_release(rollout, Arms(paid, nothing, promised, 3.0), Pace(1000), unit="")
    >>> plan.resolvable, round(plan.times_fewer, 1)
    (True, 1.7)
    """
    known = None
    if arms.unknown:
        every = replace(arms, unknown=Unknown(), paired=None)
        known = _best(tuple(prospects(rollout, every, pace, most_days)))
    found = tuple(prospects(rollout, arms, pace, most_days))
    return ReleasePlan(rollout, unit, arms.promised, found, pace, most_days, arms.unknown, known)


def _best(found: tuple[Prospect, ...]) -> Prospect:
    split = [one for one in found if one.what == PROMISED and one.share is not None]
    return min(split, key=lambda one: (one.units.expected, one.units.fixed))
