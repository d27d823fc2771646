"""What a rollout was agreed to be decided by, before its first unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from assay.deploy.guardrail_condition import GuardrailCondition
from assay.stats.two_arms import TwoArms

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
    champion here and below: a first version has the baseline, a staged one the control share.
    `centre` is what a unit was expected to pay before the release: payoffs are counted from there,
    which leaves the mean of the difference as it is and takes away what payoffs far from 0 add to
    its variance and its bounds.
    `untold` says why the release cannot tell value, where it cannot: guardrails alone decide then,
    and of each unit only its bounds are known. `left_out` names guardrails that this way of
    releasing shows nothing of.
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
    against: Literal["champion", "baseline", "control"] = "champion"
    centre: float = 0.0
    untold: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def arms(self) -> TwoArms:
        """The comparison of the arms: what each unit says of the difference."""
        return TwoArms(self.bounds, self.shares, self.centre)

    @property
    def difference_bounds(self) -> tuple[float, float]:
        """The least and the most that one unit can say about challenger minus champion."""
        return self.arms.difference_bounds

    @property
    def rollback_alpha(self) -> float:
        """The part of alpha that each condition has for rolling back: value, and each guardrail.

        Any of them rolls back, so that their errors add up (Bonferroni); all must hold before a
        promotion, so that alpha need not be split there (Berger, Multiparameter hypothesis testing
        and acceptance sampling, Technometrics 24, 1982). It is one part for the whole release:
        processes run on over its steps.
        """
        return self.alpha / max(1, len(self.conditions) + (not self.untold))

    def document(self) -> dict[str, Any]:
        """Return the plan as a JSON document."""
        return {
            **asdict(self),
            "bounds": list(self.bounds),
            "shares": list(self.shares),
            "left_out": list(self.left_out),
            "conditions": [asdict(one) for one in self.conditions],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> RolloutPlan:
        """Read a plan back; one without a centre counted payoffs from 0.

        >>> plan = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.1, most_units=10_000, shares=(0.5,))
        >>> RolloutPlan.from_document(plan.document()) == plan
        True
        """
        low, high = document["bounds"]
        given = {
            "bounds": (low, high),
            "shares": tuple(document["shares"]),
            "left_out": tuple(document.get("left_out", ())),
            "conditions": tuple(GuardrailCondition(**one) for one in document["conditions"]),
        }
        return cls(**{**document, **given})
