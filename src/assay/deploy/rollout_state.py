"""What a rollout has shown so far: enough to go on from, and to be stored.

Format 3 of the document, JSON: {format, plan, not_worse, worse, least, most, splits, missing,
guardrails}, processes as their fields, `least` and `most` as {values, counts}, `splits` as [share,
on the challenger, on the champion], each guardrail as {within, beyond, least, most}. Formats 1 and
2 are still read: they have no `missing`, guardrails without counts, and a plan without `untold`; in
format 1 the plan has no `centre` either: payoffs were counted from 0. Raise `FORMAT` when a field's
meaning changes, and read the ones before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assay.deploy.batch import Batch
from assay.deploy.guardrail_condition import GuardrailEvidence
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.seen import Seen
from assay.errors import DataError
from assay.stats.betting import BettingProcess
from assay.stats.estimate import Estimate
from assay.stats.sample_ratio import sample_ratio_log_e

__all__ = ["FORMAT", "RolloutState"]

FORMAT = 3

_READ = (1, 2, FORMAT)


@dataclass(frozen=True)
class RolloutState:
    """What is known so far: money won for and against, and the counts behind an interval.

    `least` and `most` are what the units can say at the least and at the most; `splits` counts,
    for each share of traffic, the units on the challenger and on the champion. `guardrails` is the
    evidence on each condition of the plan, by its name. `missing` counts the units that the
    challenger was to be scored on too, and was not.
    """

    plan: RolloutPlan
    not_worse: BettingProcess
    worse: BettingProcess
    least: Seen = field(default_factory=Seen)
    most: Seen = field(default_factory=Seen)
    splits: Mapping[float, tuple[int, int]] = field(default_factory=dict)
    guardrails: Mapping[str, GuardrailEvidence] = field(default_factory=dict)
    missing: int = 0

    @classmethod
    def start(cls, plan: RolloutPlan) -> RolloutState:
        """Return the state before the first unit; ValueError where the plan cannot be decided."""
        bounds = plan.difference_bounds
        if plan.tolerance <= 0 or plan.margin < 0:
            raise ValueError("a rollout needs a tolerance above 0 and a margin of 0 or more")
        guardrails = {
            one.name: GuardrailEvidence.start(one, plan.shares) for one in plan.conditions
        }
        if len(guardrails) < len(plan.conditions):
            raise ValueError("two guardrail conditions of a rollout have one name")
        return cls(
            plan,
            BettingProcess.against(-plan.tolerance, bounds),
            BettingProcess.against(-plan.margin, bounds, below=True),
            guardrails=guardrails,
        )

    @property
    def n(self) -> int:
        """The number of units so far."""
        return self.least.n

    @property
    def ratio_log_e(self) -> float:
        """The evidence against the agreed split: one e-value for each share, multiplied."""
        return sum(sample_ratio_log_e(*counts, share) for share, counts in self.splits.items())

    def after(self, batch: Batch) -> RolloutState:
        """Return the state with a batch more; ValueError where it names an unknown guardrail."""
        strangers = sorted(batch.said.keys() - self.guardrails.keys())
        if strangers:
            raise ValueError(f"the plan has no guardrail condition {', '.join(strangers)}")
        state = self._with_units(batch) if len(batch.differences) else self
        said = {
            name: evidence.after(batch.said[name]) if name in batch.said else evidence
            for name, evidence in self.guardrails.items()
        }
        return replace(state, guardrails=said, missing=self.missing + batch.missing)

    def _with_units(self, batch: Batch) -> RolloutState:
        """Return the state with the units of a batch more."""
        least = Seen.of(batch.differences)
        most = least if batch.most is None else Seen.of(batch.most)
        splits = dict(self.splits)
        if batch.share is not None:
            on, off = splits.get(batch.share, (0, 0))
            splits[batch.share] = (on + batch.on_challenger, off + batch.on_champion)
        return replace(
            self,
            not_worse=self.not_worse.updated(least.values, least.counts),
            worse=self.worse.updated(most.values, most.counts),
            least=self.least.with_more(least),
            most=self.most.with_more(most),
            splits=splits,
        )

    def difference(self) -> Estimate:
        """Return challenger minus champion with an interval that holds at every look at once.

        Its mean counts a payoff that is not known as the middle of what it may be.
        """
        unit = f"{self.plan.currency} per unit"
        low, high = bounds = self.plan.difference_bounds
        if not self.n:
            return Estimate(0.0, low, high, 0, "no units yet", unit, 1 - self.plan.alpha)
        return Estimate(
            (self.least.mean + self.most.mean) / 2,
            self.least.edge(low, bounds, self.plan.alpha / 2),
            self.most.edge(high, bounds, self.plan.alpha / 2),
            self.n,
            "betting confidence sequence",
            unit,
            1 - self.plan.alpha,
        )

    def document(self) -> dict[str, Any]:
        """Return the state as a JSON document, from which `decide` goes on as if never stopped."""
        return {
            "format": FORMAT,
            "plan": self.plan.document(),
            "not_worse": self.not_worse.document(),
            "worse": self.worse.document(),
            "least": self.least.document(),
            "most": self.most.document(),
            "splits": [[share, *counts] for share, counts in self.splits.items()],
            "guardrails": {name: one.document() for name, one in self.guardrails.items()},
            "missing": self.missing,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> RolloutState:
        """Read a state back; DataError where the format is not known."""
        if document.get("format") not in _READ:
            raise DataError(
                f"This state of a rollout has format {document.get('format')!r}; this version of "
                f"Assay reads formats {_READ[0]} to {FORMAT}. Decide the release anew from its "
                "captures."
            )
        return cls(
            RolloutPlan.from_document(document["plan"]),
            BettingProcess.from_document(document["not_worse"]),
            BettingProcess.from_document(document["worse"]),
            Seen.from_document(document["least"]),
            Seen.from_document(document["most"]),
            {float(share): (int(on), int(off)) for share, on, off in document["splits"]},
            {
                name: GuardrailEvidence.from_document(one)
                for name, one in document["guardrails"].items()
            },
            document.get("missing", 0),
        )
