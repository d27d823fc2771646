"""Whether a challenger is promoted, tried on, or rolled back, decided while one watches.

The unit is the entity (the request where the charter names none), and enters with the next batch
once its outcome can be known, in order of assignment. Looking at every batch does not raise the
error rates: the evidence is betting processes (Waudby-Smith and Ramdas, Estimating means of bounded
random variables by betting, JRSS B 86(1), 2024). A payoff that is not known when its unit enters
counts against the claim at stake, so that outcomes which come later could only have added evidence:
no decision rests on how soon an outcome came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.deploy.batch import Batch
from assay.deploy.rollout_state import RolloutState
from assay.stats.estimate import Estimate

__all__ = ["Decision", "decide", "out_of_time", "split_broken"]

_BROKEN_SPLIT = float(np.log(1000))


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
    worse, or surely beyond the limit of a guardrail condition, is rolled back; one surely not worse
    than the tolerance that surely keeps every limit is promoted; at the agreed maximum the plan's
    `undecided` follows. A wrong promotion, and a wrong rollback on evidence, each have chance at
    most alpha, over all looks and steps of the release together. Where the plan cannot tell value,
    a challenger that surely keeps every limit is promoted, and the reason says so.
    """
    state = state.after(batch)
    settled = _stopped(state, batch) or _convinced(state)
    if settled is not None:
        verdict, reason = settled
        return Decision(verdict, reason + _copies(state), state)
    if state.n >= state.plan.most_units:
        return _ended(state, f"within the agreed {state.plan.most_units}")
    return Decision("hold", _held(state) + _copies(state), state)


def out_of_time(decision: Decision, days: float) -> Decision:
    """Return what follows where the agreed days are over and a decision still says hold.

    The time must have been agreed before the release: it is no look at the data.
    """
    if decision.verdict != "hold":
        return decision
    if split_broken(decision.state):
        reason = f"{_SPLIT_BROKEN}, and the agreed {days:g} days are over"
        return Decision("roll_back", reason, decision.state)
    return _ended(decision.state, f"in the agreed {days:g} days")


def split_broken(state: RolloutState) -> bool:
    """Whether traffic was surely not split as agreed, so that nothing it shows can be trusted."""
    return state.ratio_log_e >= _BROKEN_SPLIT


_Settled = tuple[Literal["promote", "hold", "roll_back"], str]

_SPLIT_BROKEN = "traffic was not split as agreed (sample ratio)"


def _held(state: RolloutState) -> str:
    """Return how far it is, and what it waits for."""
    plan, open_ = state.plan, _not_yet_within(state)
    reason = f"{state.n} of at most {plan.most_units} units"
    if plan.untold:
        waits = f"waiting for {', '.join(open_)}" if open_ else "no guardrail was agreed"
        return f"{reason}; guardrails alone decide, as {plan.untold}: {waits}"
    if open_ and state.not_worse.rejects(plan.alpha):
        reason += f"; surely not worse, and waiting for {', '.join(open_)}"
    return reason


def _copies(state: RolloutState) -> str:
    if not state.missing:
        return ""
    return (
        f"; of {state.n} units {state.missing} lack a copy that the challenger was to score, and "
        "count against each claim"
    )


def _stopped(state: RolloutState, batch: Batch) -> _Settled | None:
    """Return what follows from faults that no evidence on value outweighs."""
    if batch.failed_guardrails:
        return "roll_back", f"failed: {', '.join(batch.failed_guardrails)}"
    if state.ratio_log_e < _BROKEN_SPLIT:
        return None
    if state.n >= state.plan.most_units:
        over = f"and the agreed {state.plan.most_units} units are over"
        return "roll_back", f"{_SPLIT_BROKEN}, {over}"
    return "hold", f"{_SPLIT_BROKEN}: mend the routing first"


def _convinced(state: RolloutState) -> _Settled | None:
    """Return what the evidence suffices for."""
    plan = state.plan
    beyond = [name for name, one in state.guardrails.items() if one.fails(plan.rollback_alpha)]
    if beyond:
        return "roll_back", f"surely beyond its limit: {', '.join(beyond)}"
    if state.worse.rejects(plan.rollback_alpha):
        by = f" by {plan.margin:g}" if plan.margin else ""
        worse = f"the {plan.against}{by}"
        return "roll_back", f"surely worse than {worse} ({plan.currency} per unit)"
    if plan.untold:
        if not state.guardrails or _not_yet_within(state):
            return None
        kept = f"surely within {', '.join(state.guardrails)}"
        return "promote", f"{kept}; guardrails alone decide, as {plan.untold}"
    if state.not_worse.rejects(plan.alpha) and not _not_yet_within(state):
        most = f"{plan.tolerance:g} {plan.currency} per unit"
        within = f", and within {', '.join(state.guardrails)}" if state.guardrails else ""
        return "promote", f"surely at most {most} worse than the {plan.against}{within}"
    return None


def _not_yet_within(state: RolloutState) -> tuple[str, ...]:
    """Return the guardrail conditions that are not yet surely kept."""
    alpha = state.plan.alpha
    return tuple(name for name, one in state.guardrails.items() if not one.holds(alpha))


def _ended(state: RolloutState, agreed: str) -> Decision:
    """Return what was agreed for a release that value does not settle."""
    plan, open_ = state.plan, _not_yet_within(state)
    shown = "settle nothing"
    if open_:
        value = "value, but not" if state.not_worse.rejects(plan.alpha) else "neither value nor"
        value = "not" if plan.untold else value
        shown = f"show {value} that {', '.join(open_)} keeps its limit"
    reason = f"{state.n} units {shown} {agreed}" + _copies(state)
    if plan.untold:
        reason += f"; value cannot be told, as {plan.untold}"
    if plan.undecided == "roll_back" or open_:
        return Decision("roll_back", reason, state)
    reason += (
        "; guardrails hold, and alone decide: it may cost up to "
        f"{max(0.0, -state.difference().low):.4g} {plan.currency} per unit"
    )
    return Decision("promote", reason, state)
