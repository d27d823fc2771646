"""Payoffs of a release that will stay unknown: they count against each claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.deploy.spread import Spread

__all__ = ["Unknown"]


@dataclass(frozen=True)
class Unknown:
    """The share of each arm's units whose payoff stays unknown, why, and what mends it.

    `ends` are the least and the most that such a unit may have paid, in currency. `why` is a
    clause and `mends` are whole sentences, for a reader; both empty where all will be known.

    >>> half = Unknown(0.5, 0.0, (-1.0, 9.0))
    >>> least, most = half.counted(*[Spread.around(1.0, 0.0, (-1.0, 9.0))] * 2)
    >>> least.mean, most.mean
    (0.0, 1.0)
    """

    challenger: float = 0.0
    other: float = 0.0
    ends: tuple[float, float] = (0.0, 0.0)
    why: str = ""
    mends: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.challenger > 0 or self.other > 0

    def counted(self, challenger: Spread, other: Spread) -> tuple[Spread, Spread]:
        """Return both arms as "not worse" counts them: least of one, most of the other.

        Units are taken to stay unknown whatever they pay; where those that stay unknown pay
        badly, the claim is a little easier than planned.
        """
        low, high = self.ends
        return challenger.partly(self.challenger, low), other.partly(self.other, high)

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {"challenger": self.challenger, "other": self.other, "why": self.why or None}
