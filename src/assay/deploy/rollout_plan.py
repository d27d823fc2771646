"""What a rollout was agreed to be decided by, before its first unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from assay.deploy.guardrail_condition import GuardrailCondition

__all__ = ["RolloutPlan"]


@dataclass(frozen=True)
class RolloutPlan:
    """What was agreed before the first unit; amounts are in currency per unit.

    `bounds` are the least and the most that one unit can pay. `tolerance` (above 0) is the loss
    against the champion that a promoted challenger may hide; `margin` (0 or more) is how much
    worse it must surely be to be rolled back. `shares` are the challenger's shares of traffic in
    the release's steps; empty says that both arms are scored on each unit (paired shadow).
    `conditions` are guardrails that gather evidence beside value. `undecided` is what follows when
    `most_units` settle nothing. `against` is the arm that the challenger is compared with, the
    champion here and below: a first version has the baseline.
    """

    currency: str
    bounds: tuple[float, float]
    tolerance: float
    most_units: int
    shares: tuple[float, ...] = ()
    margin: float = 0.0
    alpha: float = 0.05
    conditions: tuple[GuardrailCondition, ...] = ()
    undecided: Literal["promote", "roll_back"] = "roll_back"
    against: Literal["champion", "baseline"] = "champion"

    @property
    def difference_bounds(self) -> tuple[float, float]:
        """The least and the most that one unit can say about challenger minus champion."""
        low, high = self.bounds
        if not self.shares:
            return low - high, high - low
        ends = [
            end for p in self.shares for end in (low / p, high / p, -low / (1 - p), -high / (1 - p))
        ]
        return min(ends), max(ends)

    @property
    def rollback_alpha(self) -> float:
        """The part of alpha that each condition has for rolling back: value, and each guardrail.

        Any of them rolls back, so that their errors add up (Bonferroni); all must hold before a
        promotion, so that alpha need not be split there (Berger, Multiparameter hypothesis testing
        and acceptance sampling, Technometrics 24, 1982). It is one part for the whole release:
        processes run on over its steps.
        """
        return self.alpha / (1 + len(self.conditions))

    def document(self) -> dict[str, Any]:
        """Return the plan as a JSON document."""
        return {
            **asdict(self),
            "bounds": list(self.bounds),
            "shares": list(self.shares),
            "conditions": [asdict(one) for one in self.conditions],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> RolloutPlan:
        """Read a plan back.

        >>> plan = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.1, most_units=10_000, shares=(0.5,))
        >>> RolloutPlan.from_document(plan.document()) == plan
        True
        """
        low, high = document["bounds"]
        given = {
            "bounds": (low, high),
            "shares": tuple(document["shares"]),
            "conditions": tuple(GuardrailCondition(**one) for one in document["conditions"]),
        }
        return cls(**{**document, **given})
