"""Guardrails of a rollout that gather evidence: how often something bad may happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.deploy.seen import Seen
from assay.stats.betting import BettingProcess
from assay.stats.estimate import Estimate
from assay.stats.two_arms import TwoArms

__all__ = ["GuardrailCondition", "GuardrailEvidence", "Said"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Said:
    """What cases say about a condition, at the least and at the most (n,); one where all is known.

    >>> Said.of([0.0, float("nan"), 1.0]).most.tolist()
    [0.0, 1.0, 1.0]
    """

    least: Floats
    most: Floats

    @classmethod
    def of(cls, bad: ArrayLike) -> Said:
        """Return what cases say that were bad (1) or not (0); NaN where that is not known."""
        given = np.asarray(bad, dtype=np.float64)
        return cls(np.where(np.isnan(given), 0.0, given), np.where(np.isnan(given), 1.0, given))

    def __len__(self) -> int:
        return len(self.least)

    def part(self, rows: slice) -> Said:
        """Return what some of the cases say."""
        return Said(self.least[rows], self.most[rows])


@dataclass(frozen=True)
class GuardrailCondition:
    """How often something bad may happen on the challenger: an error, a slow answer, a complaint.

    `limit` is a share of cases, strictly between 0 and 1. With `compared` it is by how much that
    share may exceed the other arm's. A limit on a quantile is one on a share: the 99th percentile
    of latency is at most 50 ms where at most 1 % of answers take longer. Whether a case was bad is
    1 or 0 (or a boolean), and NaN where that is not known: it then counts against each claim.

    >>> slow = GuardrailCondition("answers over 50 ms", limit=0.01)
    >>> slow.alone([False, True, False]).least.tolist()
    [0.0, 1.0, 0.0]
    """

    name: str
    limit: float
    compared: bool = False

    def alone(self, bad: ArrayLike) -> Said:
        """Return what cases of the challenger say about a share of its own (n,)."""
        if self.compared:
            raise ValueError(f"`{self.name}` is compared: it needs cases of both arms")
        return Said.of(bad)

    def split(self, bad: ArrayLike, challenger: Flags, share: float | Floats) -> Said:
        """Return what cases say that got one arm each, the challenger with chance `share`.

        `share` is one number, or one for each case. Only the challenger's cases say something
        where nothing is compared; else all do (n,).
        """
        given = np.asarray(bad, dtype=np.float64)
        if not self.compared:
            return self.alone(given[challenger])
        shares = tuple(np.unique(np.asarray(share, dtype=np.float64)).tolist())
        return Said(*_arms(shares).split(given, challenger, share))

    def paired(self, champion: ArrayLike, challenger: ArrayLike) -> Said:
        """Return what cases say on which both arms ran (n,)."""
        given = np.asarray(challenger, dtype=np.float64)
        if not self.compared:
            return self.alone(given)
        return Said(*_arms(()).paired(np.asarray(champion, dtype=np.float64), given))

    def bounds(self, shares: tuple[float, ...]) -> tuple[float, float]:
        """Return the least and the most that one case can say, under all shares of a release."""
        return _arms(shares).difference_bounds if self.compared else (0.0, 1.0)


@dataclass(frozen=True)
class GuardrailEvidence:
    """Money won against "it reaches its limit" (`within`) and "it keeps to it" (`beyond`).

    Both are one-sided betting processes at the same limit, so that at most one of them is right to
    win; each case's chance given the past is what the claim is about. What is not known of a case
    counts as the most against the one and as the least against the other. `least` and `most` count
    what was said.

    >>> slow = GuardrailCondition("slow", limit=0.05)
    >>> found = GuardrailEvidence.start(slow, ()).after(slow.alone(np.zeros(500, dtype=bool)))
    >>> found.holds(alpha=0.05), found.fails(alpha=0.05), str(found.share(0.05))
    (True, False, '0 of cases [0, 0.01225]')
    """

    within: BettingProcess
    beyond: BettingProcess
    least: Seen = field(default_factory=Seen)
    most: Seen = field(default_factory=Seen)

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

    @property
    def n(self) -> int:
        """The number of cases so far."""
        return self.within.n

    def after(self, said: Said) -> GuardrailEvidence:
        """Return the evidence after more cases, as the condition made numbers of them."""
        if not len(said):
            return self
        least, most = Seen.of(said.least), Seen.of(said.most)
        return replace(
            self,
            within=self.within.updated(most.values, most.counts),
            beyond=self.beyond.updated(least.values, least.counts),
            least=self.least.with_more(least),
            most=self.most.with_more(most),
        )

    def share(self, alpha: float) -> Estimate:
        """Return the share (compared: the excess) so far, its interval good at every look at once.

        Its mean counts what is not known as the middle of what it may be.
        """
        bounds = low, high = self.within.bounds
        if not self.least.n:
            return Estimate(0.0, low, high, 0, "no cases yet", "of cases", 1 - alpha)
        return Estimate(
            (self.least.mean + self.most.mean) / 2,
            self.least.edge(low, bounds, alpha / 2),
            self.most.edge(high, bounds, alpha / 2),
            self.least.n,
            "betting confidence sequence",
            "of cases",
            1 - alpha,
        )

    def holds(self, alpha: float) -> bool:
        """Whether the limit is surely kept."""
        return self.within.rejects(alpha)

    def fails(self, alpha: float) -> bool:
        """Whether the limit is surely passed."""
        return self.beyond.rejects(alpha)

    def document(self) -> Mapping[str, Any]:
        """Return the evidence as a JSON document."""
        return {one: getattr(self, one).document() for one in (*_PROCESSES, *_COUNTS)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> GuardrailEvidence:
        """Read evidence back; that of an earlier format counts what is said from then on."""
        within, beyond = (BettingProcess.from_document(document[one]) for one in _PROCESSES)
        return cls(
            within,
            beyond,
            *(Seen.from_document(document[one]) for one in _COUNTS if one in document),
        )


_PROCESSES, _COUNTS = ("within", "beyond"), ("least", "most")


def _arms(shares: tuple[float, ...]) -> TwoArms:
    """Return the comparison of arms whose cases pay 1 where they are bad, and 0 where not."""
    return TwoArms((0.0, 1.0), shares)
