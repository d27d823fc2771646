"""Guardrails of a rollout that gather evidence: how often something bad may happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.betting import BettingProcess
from assay.stats.two_arms import TwoArms

__all__ = ["GuardrailCondition", "GuardrailEvidence"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class GuardrailCondition:
    """How often something bad may happen on the challenger: an error, a slow answer, a complaint.

    `limit` is a share of cases, strictly between 0 and 1. With `compared` it is by how much that
    share may exceed the other arm's. A limit on a quantile is one on a share: the 99th percentile
    of latency is at most 50 ms where at most 1 % of answers take longer.

    >>> slow = GuardrailCondition("answers over 50 ms", limit=0.01)
    >>> slow.alone(np.array([False, True, False])).tolist()
    [0.0, 1.0, 0.0]
    """

    name: str
    limit: float
    compared: bool = False

    def alone(self, bad: Flags) -> Floats:
        """Return what cases of the challenger say about a share of its own (n,)."""
        if self.compared:
            raise ValueError(f"`{self.name}` is compared: it needs cases of both arms")
        return bad.astype(np.float64)

    def split(self, bad: Flags, challenger: Flags, share: float) -> Floats:
        """Return what cases say that got one arm each, the challenger with chance `share`.

        Only the challenger's cases say something where nothing is compared; else all do (n,).
        """
        if not self.compared:
            return self.alone(bad[challenger])
        return _arms((share,)).split(bad, challenger, share)[0]

    def paired(self, champion: Flags, challenger: Flags) -> Floats:
        """Return what cases say on which both arms ran (n,)."""
        return (
            _arms(()).paired(champion, challenger)[0] if self.compared else self.alone(challenger)
        )

    def bounds(self, shares: tuple[float, ...]) -> tuple[float, float]:
        """Return the least and the most that one case can say, under all shares of a release."""
        return _arms(shares).difference_bounds if self.compared else (0.0, 1.0)


@dataclass(frozen=True)
class GuardrailEvidence:
    """Money won against "it reaches its limit" (`within`) and "it keeps to it" (`beyond`).

    Both are one-sided betting processes at the same limit, so that at most one of them is right to
    win; each case's chance given the past is what the claim is about.

    >>> slow = GuardrailCondition("slow", limit=0.05)
    >>> found = GuardrailEvidence.start(slow, ()).after(slow.alone(np.zeros(500, dtype=bool)))
    >>> found.holds(alpha=0.05), found.fails(alpha=0.05)
    (True, False)
    """

    within: BettingProcess
    beyond: BettingProcess

    @classmethod
    def start(cls, condition: GuardrailCondition, shares: tuple[float, ...]) -> GuardrailEvidence:
        """Return the evidence before the first case; ValueError where the limit says nothing."""
        bounds = condition.bounds(shares)
        if not 0.0 < condition.limit < 1.0:
            raise ValueError(f"`{condition.name}` needs a limit strictly between 0 and 1")
        return cls(
            BettingProcess.against(condition.limit, bounds, below=True),
            BettingProcess.against(condition.limit, bounds),
        )

    def after(self, said: Floats) -> GuardrailEvidence:
        """Return the evidence after more cases, as the condition made numbers of them."""
        if not len(said):
            return self
        values, counts = np.unique(said, return_counts=True)
        counts = counts.astype(np.int64)
        return replace(
            self,
            within=self.within.updated(values, counts),
            beyond=self.beyond.updated(values, counts),
        )

    def holds(self, alpha: float) -> bool:
        """Whether the limit is surely kept."""
        return self.within.rejects(alpha)

    def fails(self, alpha: float) -> bool:
        """Whether the limit is surely passed."""
        return self.beyond.rejects(alpha)

    def document(self) -> Mapping[str, Any]:
        """Return the evidence as a JSON document."""
        return {"within": self.within.document(), "beyond": self.beyond.document()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> GuardrailEvidence:
        """Read evidence back."""
        return cls(*(BettingProcess.from_document(document[name]) for name in ("within", "beyond")))


def _arms(shares: tuple[float, ...]) -> TwoArms:
    """Return the comparison of arms whose cases pay 1 where they are bad, and 0 where not."""
    return TwoArms((0.0, 1.0), shares)
