"""A release before it starts: how many units, decisions and days until value is decided."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from assay.deploy.guardrail_prospect import GuardrailProspect, guardrail_prospects
from assay.deploy.pace import Pace
from assay.deploy.prospect import NO_DIFFERENCE, PROMISED, Arms, Prospect, prospects, rollbacks
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
    """What a release is decided by, and how long that is expected to take.

    `prospects` hold for each share of the release's steps as if it stayed there, and for a paired
    shadow where one is possible; there are none where the rollout cannot tell value (`untold`).
    `worse` are the same for a rollback, `kept` for each guardrail. `unit` says what counts as one.
    `known` is the promised uplift at its best share if no payoff stayed unknown; None where none
    does anyway. `named` is what the release is called.
    """

    rollout: RolloutPlan
    unit: str
    promised: Estimate
    prospects: tuple[Prospect, ...]
    pace: Pace
    most_days: float | None = None
    unknown: Unknown = field(default_factory=Unknown)
    known: Prospect | None = None
    worse: tuple[Prospect, ...] = ()
    kept: tuple[GuardrailProspect, ...] = ()
    named: str = "canary"

    @property
    def best(self) -> Prospect:
        """The promised uplift at the share of traffic that shows it soonest.

        Of a shadow it is that of both arms on each unit. There is none where value is not told.
        """
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
        """The promised uplift where both arms are scored on each unit, if that settles it.

        None where the release is a shadow itself.
        """
        paired = (one for one in self.prospects if one.what == PROMISED and one.share is None)
        if not self.rollout.shares:
            return None
        return next((one for one in paired if one.within_reach), None)

    @property
    def resolvable(self) -> bool:
        """Whether value is settled within the agreed units and days in most releases."""
        return not self.rollout.untold and self.best.units.within >= POWER

    @property
    def times_fewer(self) -> float | None:
        """How many times fewer units a paired shadow takes than the best share of traffic.

        None where it takes no fewer, or where either is out of reach.
        """
        if self.rollout.untold or self.shadow is None or not self.best.within_reach:
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
            "rolled_back": [one.document() for one in self.worse],
            "guardrails": [one.document() for one in self.kept],
            "value_told": not self.rollout.untold,
            "resolvable": self.resolvable,
            "paired_takes_times_fewer": self.times_fewer,
            "words": list(self.words),
        }


def plan_release(
    rollout: RolloutPlan,
    arms: Arms,
    pace: Pace,
    *,
    unit: str,
    most_days: float | None = None,
    named: str = "canary",
    grouped: frozenset[str] = frozenset(),
) -> ReleasePlan:
    """Return the plan of a release; `rollout` has the shares of its steps.

    `grouped` are the guardrails on which only cases of a group speak.

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
    told = not rollout.untold
    if arms.unknown and told:
        every = replace(arms, unknown=Unknown(), paired=arms.paired if not rollout.shares else None)
        known = _best(tuple(prospects(rollout, every, pace, most_days)))
    found = tuple(prospects(rollout, arms, pace, most_days)) if told else ()
    worse = tuple(rollbacks(rollout, arms, pace, most_days)) if told else ()
    share = (_best(found).share if found else None) or 1.0
    kept = tuple(guardrail_prospects(rollout, pace, share, grouped))
    plan = ReleasePlan(rollout, unit, arms.promised, found, pace, most_days, arms.unknown, known)
    return replace(plan, worse=worse, kept=kept, named=named)


def _best(found: tuple[Prospect, ...]) -> Prospect:
    promised = [one for one in found if one.what == PROMISED]
    split = [one for one in promised if one.share is not None]
    return min(split or promised, key=lambda one: (one.units.expected, one.units.fixed))
