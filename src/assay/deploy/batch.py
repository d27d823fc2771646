"""Units of a rollout whose outcomes can be known: what each says about the two arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assay.deploy.guardrail_condition import Said
from assay.stats.two_arms import TwoArms

__all__ = ["LOOK", "Batch"]

LOOK = 100
"""Units decided on at once: fixed, so that looking again repeats every earlier look."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """Units whose label delay is over: what each says about challenger minus champion.

    `differences` are the least that the units can say, and `most` the most; the two are one
    (`most` None) where every payoff is known. `said` is what cases say about each guardrail
    condition, by its name, as the condition made numbers of them. `missing` counts the units that
    one arm was to be scored on and was not.
    """

    differences: Floats
    on_challenger: int = 0
    on_champion: int = 0
    share: float | None = None
    failed_guardrails: tuple[str, ...] = ()
    most: Floats | None = None
    said: Mapping[str, Said] = field(default_factory=dict)
    missing: int = 0

    @classmethod
    def of_guardrails(cls, said: Mapping[str, Said]) -> Batch:
        """Return cases that say something about guardrails, and no units: they await no outcome."""
        return cls(np.empty(0), said=said)

    @classmethod
    def split(
        cls,
        arms: TwoArms,
        payoffs: Floats,
        challenger: NDArray[np.bool_],
        share: float,
        failed_guardrails: tuple[str, ...] = (),
        *,
        most: Floats | None = None,
        said: Mapping[str, Said] | None = None,
    ) -> Batch:
        """Return units that got one arm each, the challenger with probability `share`.

        All units of a batch were assigned under the same share, one of those that `arms` (the
        plan's) agreed on. A payoff that is NaN is not known. Where units are known in part,
        `payoffs` are the least that each paid and `most` the most. Raises ValueError as
        `TwoArms.split` does.

        >>> arms = TwoArms((-1.0, 9.0), shares=(0.5,), centre=1.0)
        >>> batch = Batch.split(arms, np.array([9.0, np.nan]), np.array([True, False]), 0.5)
        >>> batch.differences.tolist(), batch.most.tolist()
        ([16.0, -16.0], [16.0, 4.0])
        """
        least, above = arms.split(payoffs, challenger, share, most)
        n = int(np.count_nonzero(challenger))
        return cls(least, n, len(payoffs) - n, share, failed_guardrails, above, said or {})

    @classmethod
    def paired(
        cls,
        arms: TwoArms,
        champion: Floats,
        challenger: Floats,
        failed_guardrails: tuple[str, ...] = (),
        *,
        said: Mapping[str, Said] | None = None,
    ) -> Batch:
        """Return units on which both arms were scored, their outcomes not moved by the action.

        A payoff that is NaN is not known, on either arm.
        """
        least, most = arms.paired(champion, challenger)
        return cls(least, failed_guardrails=failed_guardrails, most=most, said=said or {})
