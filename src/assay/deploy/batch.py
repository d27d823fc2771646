"""Units of a rollout whose outcomes can be known: what each says about the two arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch"]

Floats = NDArray[np.float64]

_NOT_KNOWN = "a payoff that is not known needs the bounds of what it may be"


@dataclass(frozen=True)
class Batch:
    """Units whose label delay is over: what each says about challenger minus champion.

    `differences` are the least that the units can say, and `most` the most; the two are one
    (`most` None) where every payoff is known. `said` is what cases say about each guardrail
    condition, by its name, as the condition made numbers of them.
    """

    differences: Floats
    on_challenger: int = 0
    on_champion: int = 0
    share: float | None = None
    failed_guardrails: tuple[str, ...] = ()
    most: Floats | None = None
    said: Mapping[str, Floats] = field(default_factory=dict)

    @classmethod
    def split(
        cls,
        payoffs: Floats,
        challenger: NDArray[np.bool_],
        share: float,
        bounds: tuple[float, float] = (np.nan, np.nan),
        failed_guardrails: tuple[str, ...] = (),
        *,
        most: Floats | None = None,
        said: Mapping[str, Floats] | None = None,
    ) -> Batch:
        """Return units that got one arm each, the challenger with probability `share`.

        `Y Z / p - Y (1 - Z) / (1 - p)` has the difference for its mean (Horvitz and Thompson, A
        generalization of sampling without replacement from a finite universe, JASA 47, 1952). All
        units of a batch were assigned under the same share, strictly between 0 and 1 (ValueError).
        A payoff that is NaN is not known: it may be any within `bounds`. Where units are known in
        part, `payoffs` are the least that each paid and `most` the most.
        """
        if not 0.0 < share < 1.0:
            raise ValueError(f"a share of {share:g} gives one arm nothing to compare")
        low, high = _between(payoffs, most, bounds)
        n = int(np.count_nonzero(challenger))
        return cls(
            np.where(challenger, low / share, -(high / (1.0 - share))),
            n,
            len(payoffs) - n,
            share,
            failed_guardrails,
            np.where(challenger, high / share, -(low / (1.0 - share))),
            said or {},
        )

    @classmethod
    def paired(
        cls,
        champion: Floats,
        challenger: Floats,
        failed_guardrails: tuple[str, ...] = (),
        *,
        bounds: tuple[float, float] = (np.nan, np.nan),
        said: Mapping[str, Floats] | None = None,
    ) -> Batch:
        """Return units on which both arms were scored, their outcomes not moved by the action.

        A payoff that is NaN is not known: it may be any within `bounds`, on either arm.
        """
        before, after = _between(champion, None, bounds), _between(challenger, None, bounds)
        return cls(
            after[0] - before[1],
            failed_guardrails=failed_guardrails,
            most=after[1] - before[0],
            said=said or {},
        )


def _between(
    payoffs: Floats, most: Floats | None, bounds: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Return the least and the most that each unit paid."""
    low = np.where(np.isnan(payoffs), bounds[0], payoffs)
    above = payoffs if most is None else most
    high = np.where(np.isnan(above), bounds[1], above)
    if np.isnan(low).any() or np.isnan(high).any():
        raise ValueError(_NOT_KNOWN)
    if (low > high).any():
        raise ValueError("a unit cannot pay more at the least than at the most")
    return low, high
