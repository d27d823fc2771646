"""Whether a challenger is promoted, tried on, or rolled back, decided while one watches.

The unit is the entity (the request where the charter names none), and enters with the next batch
once its outcome can be known, in order of assignment. Looking at every batch does not raise the
error rates: the evidence is betting processes (Waudby-Smith and Ramdas 2024). A payoff that is not
known when its unit enters counts against the claim at stake, so that outcomes which come later
could only have added evidence: no decision rests on how soon an outcome came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.stats.betting import BettingProcess
from assay.stats.estimate import Estimate
from assay.stats.sample_ratio import sample_ratio_log_e

__all__ = ["Batch", "Decision", "RolloutPlan", "RolloutState", "decide", "expected_units"]

Floats = NDArray[np.float64]

_BROKEN_SPLIT = float(np.log(1000))


@dataclass(frozen=True)
class RolloutPlan:
    """What was agreed before the first unit; amounts are in currency per unit.

    `bounds` are the least and the most that one unit can pay. `tolerance` (above 0) is the loss
    against the champion that a promoted challenger may hide; `margin` (0 or more) is how much
    worse it must surely be to be rolled back. `shares` are the challenger's shares of traffic in
    the release's steps; empty says that both arms are scored on each unit (paired shadow).
    `rollback_conditions` counts all the conditions that alpha is split over, value being one.
    `undecided` is what follows when `most_units` settle nothing. `against` is the arm that the
    challenger is compared with, the champion here and below: a first version has the baseline.
    """

    currency: str
    bounds: tuple[float, float]
    tolerance: float
    most_units: int
    shares: tuple[float, ...] = ()
    margin: float = 0.0
    alpha: float = 0.05
    rollback_conditions: int = 1
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


@dataclass(frozen=True)
class Batch:
    """Units whose label delay is over: what each says about challenger minus champion.

    `differences` are the least that the units can say, and `most` the most; the two are one
    (`most` None) where every payoff is known.
    """

    differences: Floats
    on_challenger: int = 0
    on_champion: int = 0
    share: float | None = None
    failed_guardrails: tuple[str, ...] = ()
    most: Floats | None = None

    @classmethod
    def split(
        cls,
        payoffs: Floats,
        challenger: NDArray[np.bool_],
        share: float,
        bounds: tuple[float, float] = (np.nan, np.nan),
        failed_guardrails: tuple[str, ...] = (),
    ) -> Batch:
        """Return units that got one arm each, the challenger with probability `share`.

        `Y Z / p - Y (1 - Z) / (1 - p)` has the difference for its mean (Horvitz and Thompson
        1952). All units of a batch were assigned under the same share, strictly between
        0 and 1 (ValueError). A payoff that is NaN is not known: it may be any within `bounds`.
        """
        if not 0.0 < share < 1.0:
            raise ValueError(f"a share of {share:g} gives one arm nothing to compare")
        unknown, (low, high) = np.isnan(payoffs), bounds
        worst = np.where(unknown, np.where(challenger, low, high), payoffs)
        best = np.where(unknown, np.where(challenger, high, low), payoffs)
        least, most = (
            np.where(challenger, paid / share, -paid / (1.0 - share)) for paid in (worst, best)
        )
        if np.isnan(least).any():
            raise ValueError("a payoff that is not known needs the bounds of what it may be")
        n = int(np.count_nonzero(challenger))
        return cls(least, n, len(payoffs) - n, share, failed_guardrails, most)

    @classmethod
    def paired(
        cls, champion: Floats, challenger: Floats, failed_guardrails: tuple[str, ...] = ()
    ) -> Batch:
        """Return units on which both arms were scored, their outcomes not moved by the action."""
        return cls(challenger - champion, failed_guardrails=failed_guardrails)


@dataclass(frozen=True)
class _Seen:
    """How often each value was seen."""

    values: Floats = field(default_factory=lambda: np.empty(0))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def mean(self) -> float:
        return float(self.values @ self.counts) / int(self.counts.sum())

    def after(self, more: Floats) -> _Seen:
        values, place = np.unique(np.concatenate([self.values, more]), return_inverse=True)
        times = np.concatenate([self.counts, np.ones(len(more), dtype=np.int64)])
        counts = np.bincount(place, weights=times, minlength=len(values)).astype(np.int64)
        return _Seen(values, counts)

    def edge(self, end: float, bounds: tuple[float, float], alpha: float) -> float:
        """Return where the claim about the mean stops being refuted, between `end` and the mean.

        The money won is monotone in the claimed mean, so that halving finds the edge.
        """
        mean = self.mean
        refuted, open_, below = end, mean, end > mean
        for _ in range(40):
            middle = (refuted + open_) / 2
            if not min(end, mean) < middle < max(end, mean):
                break
            process = BettingProcess.against(middle, bounds, below=below)
            won = process.updated(self.values, self.counts).rejects(alpha)
            refuted, open_ = (middle, open_) if won else (refuted, middle)
        return refuted


@dataclass(frozen=True)
class RolloutState:
    """What is known so far: money won for and against, and the counts behind an interval.

    `least` and `most` are what the units can say at the least and at the most; `splits` counts,
    for each share of traffic, the units on the challenger and on the champion.
    """

    plan: RolloutPlan
    not_worse: BettingProcess
    worse: BettingProcess
    least: _Seen = _Seen()
    most: _Seen = _Seen()
    splits: Mapping[float, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def start(cls, plan: RolloutPlan) -> RolloutState:
        """Return the state before the first unit; ValueError where the plan cannot be decided."""
        bounds = plan.difference_bounds
        if plan.tolerance <= 0 or plan.margin < 0:
            raise ValueError("a rollout needs a tolerance above 0 and a margin of 0 or more")
        return cls(
            plan,
            BettingProcess.against(-plan.tolerance, bounds),
            BettingProcess.against(-plan.margin, bounds, below=True),
        )

    @property
    def n(self) -> int:
        """The number of units so far."""
        return int(self.least.counts.sum())

    @property
    def ratio_log_e(self) -> float:
        """The evidence against the agreed split: one e-value for each share, multiplied."""
        return sum(sample_ratio_log_e(*counts, share) for share, counts in self.splits.items())

    def after(self, batch: Batch) -> RolloutState:
        """Return the state with a batch more."""
        most = batch.differences if batch.most is None else batch.most
        splits = dict(self.splits)
        if batch.share is not None:
            on, off = splits.get(batch.share, (0, 0))
            splits[batch.share] = (on + batch.on_challenger, off + batch.on_champion)
        return replace(
            self,
            not_worse=self.not_worse.updated(batch.differences),
            worse=self.worse.updated(most),
            least=self.least.after(batch.differences),
            most=self.most.after(most),
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


@dataclass(frozen=True)
class Decision:
    """What to do, why, and the state that it rests on, from which the next batch goes on."""

    verdict: Literal["promote", "hold", "roll_back"]
    reason: str
    state: RolloutState

    @property
    def difference(self) -> Estimate:
        """Challenger minus champion so far."""
        return self.state.difference()


def decide(state: RolloutState, batch: Batch) -> Decision:
    """Take in a batch and decide; the same function in production, simulation and replay.

    In this order: a failed guardrail rolls back; a split that did not happen as agreed holds,
    since nothing it shows can be trusted, and rolls back at the agreed maximum; a challenger surely
    worse is rolled back; one surely not worse than the tolerance is promoted; at the agreed maximum
    the plan's `undecided` follows.
    """
    state = state.after(batch)
    plan = state.plan
    settled = _settled(state, batch)
    if settled is not None:
        return Decision(*settled, state)
    if state.n >= plan.most_units:
        reason = f"{state.n} units settle nothing within the agreed {plan.most_units}"
        if plan.undecided == "promote":
            reason += "; guardrails hold, and alone decide"
        return Decision(plan.undecided, reason, state)
    return Decision("hold", f"{state.n} of at most {plan.most_units} units", state)


def expected_units(plan: RolloutPlan, difference: float, deviation: float) -> float:
    """Return about how many units a promotion takes; infinite where it is not to be expected.

    `difference` is the true one, `deviation` the standard deviation of one unit's difference. A
    bet b wins about `b gap - b^2 (deviation^2 + gap^2) / 2` a unit in the logarithm, `gap` being
    difference + tolerance (Waudby-Smith and Ramdas 2024, section 5); the bounds limit the bet, and
    not knowing the best one costs about log 30. Plan for twice as many.

    >>> plan = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.1, most_units=10_000)
    >>> round(expected_units(plan, difference=0.1, deviation=1.0))
    461
    """
    gap = difference + plan.tolerance
    if gap <= 0:
        return float("inf")
    spread = deviation**2 + gap**2
    bet = min(gap / spread, 0.9 / (-plan.tolerance - plan.difference_bounds[0]))
    growth = bet * gap - bet**2 * spread / 2
    return float((np.log(1 / plan.alpha) + np.log(30)) / growth)


_Settled = tuple[Literal["promote", "hold", "roll_back"], str]


def _settled(state: RolloutState, batch: Batch) -> _Settled | None:
    plan = state.plan
    if batch.failed_guardrails:
        return "roll_back", f"failed: {', '.join(batch.failed_guardrails)}"
    if state.ratio_log_e >= _BROKEN_SPLIT:
        broken = "traffic was not split as agreed (sample ratio)"
        if state.n >= plan.most_units:
            return "roll_back", f"{broken}, and the agreed {plan.most_units} units are over"
        return "hold", f"{broken}: mend the routing first"
    if state.worse.rejects(plan.alpha / plan.rollback_conditions):
        by = f" by {plan.margin:g}" if plan.margin else ""
        worse = f"the {plan.against}{by}"
        return "roll_back", f"surely worse than {worse} ({plan.currency} per unit)"
    if state.not_worse.rejects(plan.alpha):
        most = f"{plan.tolerance:g} {plan.currency} per unit"
        return "promote", f"surely at most {most} worse than the {plan.against}"
    return None
