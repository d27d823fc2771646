"""What each unit says about one arm against the other, where each got one arm, or was paired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.empirical_bernstein import EmpiricalBernsteinSequence

__all__ = ["TwoArms"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TwoArms:
    """A comparison of challenger and champion, unit by unit: its arithmetic and its bounds.

    `bounds` are the least and the most that one unit can pay. `shares` are the chances, agreed
    beforehand, with which a unit gets the challenger; they may change between strata, a unit
    keeping the one under which it was first seen. None says that both arms are scored on every
    unit (paired).

    Under split: `(Y - c) Z / p - (Y - c) (1 - Z) / (1 - p)`, whose mean given the past is the mean
    difference of the arms for any `centre` c fixed before the unit is assigned (Horvitz and
    Thompson, A generalization of sampling without replacement from a finite universe, JASA 47(260),
    1952; the weights of c have mean 0). A c near the mean payoff takes away the variance and the
    width of bounds that come from payoffs being far from 0; it has to be agreed before, say the
    champion's planned value. Only the randomised assignment is assumed. Paired, c cancels.

    Raises ValueError where the bounds have no width or a share is not strictly between 0 and 1.

    >>> arms = TwoArms((-1.0, 9.0), shares=(0.5,))
    >>> least, most = arms.split([9.0, -1.0, np.nan], [True, False, True], share=0.5)
    >>> least.tolist(), most.tolist(), arms.difference_bounds
    ([18.0, 2.0, -2.0], [18.0, 2.0, 18.0], (-18.0, 18.0))
    >>> TwoArms((-1.0, 9.0), shares=(0.5,), centre=4.0).difference_bounds
    (-10.0, 10.0)
    """

    bounds: tuple[float, float]
    shares: tuple[float, ...] = ()
    centre: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.bounds
        if not (np.isfinite(self.bounds).all() and low < high):
            raise ValueError(f"what a unit can pay has finite bounds, not {self.bounds}")
        _check_shares(self.shares)

    @property
    def difference_bounds(self) -> tuple[float, float]:
        """The least and the most that one unit can say about challenger minus champion."""
        low, high = self.bounds
        if not self.shares:
            return low - high, high - low
        paid = (low - self.centre, high - self.centre)
        ends = [end for p in self.shares for y in paid for end in (y / p, -(y / (1.0 - p)))]
        return min(ends), max(ends)

    def split(
        self,
        payoffs: ArrayLike,
        challenger: ArrayLike,
        share: float | Floats,
        most: ArrayLike | None = None,
    ) -> tuple[Floats, Floats]:
        """Return the least and the most that units (n,) say, of which each got one arm.

        `challenger` (n,) says which units got it, `share` with what chance: one number, or one for
        each unit. A payoff that is NaN is not known: it may be any within the bounds. Where units
        are known in part, `payoffs` are the least that each paid and `most` the most; the two
        returned are one where all are known. Raises ValueError where a payoff leaves the bounds,
        where one is more at the least than at the most, or where a share is none of the agreed.
        """
        paid, on = np.asarray(payoffs, dtype=np.float64), np.asarray(challenger, dtype=np.bool_)
        p = np.broadcast_to(np.asarray(share, dtype=np.float64), paid.shape)
        odd = set(np.unique(p).tolist()) - set(self.shares)
        if odd:
            raise ValueError(f"units were assigned with shares {sorted(odd)}, not {self.shares}")
        low, high = (end - self.centre for end in self._known(paid, most))
        # divided as in the bounds, so that rounding leaves no unit outside of them
        least = np.where(on, low / p, -(high / (1.0 - p)))
        return least, np.where(on, high / p, -(low / (1.0 - p)))

    def paired(self, champion: ArrayLike, challenger: ArrayLike) -> tuple[Floats, Floats]:
        """Return the least and the most that units (n,) say on which both arms were scored.

        Right only where the action does not move the outcome. A payoff that is NaN is not known.
        """
        (least_old, most_old), (least_new, most_new) = (
            self._known(np.asarray(paid, dtype=np.float64)) for paid in (champion, challenger)
        )
        return least_new - most_old, most_new - least_old

    def sequence(
        self, confidence: float = 0.95, *, foreseen: float = 0.0
    ) -> EmpiricalBernsteinSequence:
        """Return a confidence sequence for the difference, which may drift; no unit is in it yet.

        >>> arms = TwoArms((-1.0, 9.0), shares=(0.2, 0.5))
        >>> rng = np.random.default_rng(0)
        >>> on, paid = rng.random(4000) < 0.2, rng.choice([-1.0, 9.0], 4000, p=[0.9, 0.1])
        >>> least, _ = arms.split(paid, on, share=0.2)
        >>> low, high = arms.sequence().updated(least).interval()
        >>> low < 0 < high
        True
        """
        return EmpiricalBernsteinSequence.start(
            self.difference_bounds, confidence, foreseen=foreseen
        )

    def _known(self, paid: Floats, above: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Return the least and the most that each unit paid."""
        top = paid if above is None else np.asarray(above, dtype=np.float64)
        low, high = self.bounds
        least = np.where(np.isnan(paid), low, paid)
        most = np.where(np.isnan(top), high, top)
        if (least > most).any() and above is not None:
            raise ValueError("a unit cannot pay more at the least than at the most")
        if len(least) and (least.min() < low or most.max() > high):
            raise ValueError(
                f"payoffs from {least.min():g} to {most.max():g} leave the bounds {self.bounds}"
            )
        return least, most


def _check_shares(shares: Sequence[float]) -> None:
    for share in shares:
        if not 0.0 < share < 1.0:
            raise ValueError(f"a share of {share:g} gives one arm nothing to compare")
