"""How many cases it takes until a guardrail's limit is surely kept, before there are any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.deploy.guardrail_condition import GuardrailCondition
from assay.deploy.pace import Pace
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.deploy.units_needed import UnitsNeeded, cases_to_keep

__all__ = ["GuardrailProspect", "guardrail_prospects"]

_OF_LIMIT = 0.5
"""How much of its limit the true share is taken to be."""


@dataclass(frozen=True)
class GuardrailProspect:
    """The cases until a limit is surely kept whose true share is half of it.

    `decisions` and `days` are those in which so many cases speak at the share of traffic that is
    planned for; None where only some cases speak (those of a group), or nothing is to be expected.
    """

    condition: GuardrailCondition
    cases: UnitsNeeded
    decisions: float | None
    days: float | None

    def document(self) -> dict[str, Any]:
        """Return the prospect as a JSON document; what is out of reach has no numbers (null)."""
        known = bool(np.isfinite(self.cases.expected))
        return {
            "condition": self.condition.name,
            "true_share": _OF_LIMIT * self.condition.limit,
            "cases": self.cases.expected if known else None,
            "cases_mostly": self.cases.mostly if known else None,
            "decisions": self.decisions,
            "days": self.days,
        }


def guardrail_prospects(
    rollout: RolloutPlan, pace: Pace, share: float, grouped: frozenset[str] = frozenset()
) -> Iterator[GuardrailProspect]:
    """Yield what each condition of a rollout takes; its cases await no outcome.

    `share` is the challenger's share of traffic, 1 where it scores every case. `grouped` are the
    conditions on which only cases of a group speak. What is compared is taken to be as bad on the
    other arm as the limit allows, and half a limit worse here.

    >>> slow = GuardrailCondition("slow", limit=0.02)
    >>> plan = RolloutPlan("EUR", (-1.0, 9.0), 0.1, most_units=9, shares=(0.5,), conditions=(slow,))
    >>> (one,) = guardrail_prospects(plan, Pace(36_500), share=0.5)
    >>> round(one.cases.expected, -2), round(one.decisions, -2), round(one.days, 1)
    (1700.0, 3300.0, 2.8)
    """
    for condition in rollout.conditions:
        needed = cases_to_keep(rollout, condition, _said(condition, rollout, share))
        decisions = days = None
        if np.isfinite(needed.expected) and condition.name not in grouped:
            units = needed.expected / (1.0 if condition.compared else share)
            decisions = units * pace.decisions_per_unit
            days = pace.days(units) - pace.waiting_days
        yield GuardrailProspect(condition, needed, decisions, days)


def _said(condition: GuardrailCondition, rollout: RolloutPlan, share: float) -> Spread:
    """Return what one case says where the challenger's share is half a limit from 0, or worse."""
    half = _OF_LIMIT * condition.limit
    if not condition.compared:
        return Spread(np.array([0.0, 1.0]), np.array([1.0 - half, half]))
    before = condition.limit
    after = min(before + half, 1.0)
    if rollout.shares:
        values = np.array([1.0 / share, -1.0 / (1.0 - share), 0.0])
        chances = [share * after, (1.0 - share) * before]
    else:
        values = np.array([1.0, -1.0, 0.0])
        chances = [after * (1.0 - before), before * (1.0 - after)]
    return Spread(values, np.array([*chances, 1.0 - sum(chances)]))
