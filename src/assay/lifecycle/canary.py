"""A running canary, decided on what is known so far.

Looking again looks at the same units in the same batches, from the captures and the outcomes that
lie there by then; nothing is frozen. Outcomes that came since can only have added evidence, since a
payoff that is not known counts against each claim; so a claim that is accepted now would also be
accepted by somebody who knew every outcome, and the error rates hold. What breaks that is an
outcome that was corrected after a look, one that comes after `release.missing_outcome` stood in for
it, a clock that puts a later decision before an earlier one, and a charter that is rewritten while
the canary runs (its `value`, `data.label_delay`, or `release.unit` and the limits beside it); they
move units that were looked at. A change of payoffs that was agreed for a date (`value.changes`)
moves none: a release is paid by the payoffs of the day on which it started.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from assay.charter.charter import Charter
from assay.deploy.batch import Batch
from assay.deploy.rollout import Decision, decide, out_of_time
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.rollout_state import RolloutState
from assay.errors import CheckFailed
from assay.evidence.folds import ModelState, ReleaseState
from assay.lifecycle.canary_units import Unit, unit_bounds, units_of
from assay.lifecycle.centre import payoff_centre
from assay.lifecycle.charter_then import charter_of_release
from assay.lifecycle.loss_budget import loss_budget
from assay.lifecycle.payoffs import realised_payoffs
from assay.lifecycle.posting import Served
from assay.ports.blobs import Blobs
from assay.value.valuation import valuation

__all__ = ["decide_canary", "decide_running", "rollout_plan"]

_BATCH = 100
"""Units decided on at once: fixed, so that looking again repeats every earlier look."""


def rollout_plan(
    charter: Charter, state: ReleaseState, now: datetime, centre: float = 0.0
) -> RolloutPlan:
    """Return what the running canary is decided by; amounts per unit.

    Its tolerance comes from the loss budget that was left when it was started: what it takes a
    decision, times the decisions that a unit usually has. `centre` is from where payoffs are
    counted (`payoff_centre`). Its shares are the charter's steps, and those under which the running
    release has assigned units, where the charter was changed since. Payoffs are those of the day on
    which the running release started (`charter_of_release`), and of `charter` where none runs.
    """
    charter = charter_of_release(charter, state)
    release = charter.release
    bounds = valuation(charter.value, charter.data).bounds()
    return RolloutPlan(
        currency=charter.value.currency,
        bounds=unit_bounds(bounds, release.unit.most),
        tolerance=loss_budget(charter, state, now).tolerance * release.unit.usual,
        most_units=release.most_decisions,
        shares=tuple(dict.fromkeys((*release.steps, *_had(state)))),
        alpha=release.alpha,
        undecided=release.undecided,
        against=state.against,
        centre=centre,
    )


def decide_running(
    charter: Charter,
    state: ReleaseState,
    versions: ModelState,
    blobs: Blobs,
    served: Served,
    now: datetime,
) -> Decision | None:
    """Decide the canary that is running; CheckFailed where none is, None while it is too early.

    `served` is paid by `charter`, and paid anew by that of the day on which the release started
    where a change of payoffs was agreed for a day since. After `release.most_days` without a
    decision it is over, on what is known by then.
    """
    if state.challenger is None:
        raise CheckFailed(f"No canary of {charter.name} is running: release a version first.")
    centre = payoff_centre(charter, state, versions, blobs, state.challenger.version, now)
    plan = rollout_plan(charter, state, now, centre)
    then = charter_of_release(charter, state)
    decision = decide_canary(plan, units_of(_paid(served, charter, then), state, then, now))
    days = then.release.most_days
    if days is None or now - _started(state) < timedelta(days=days):
        return decision
    nothing = Batch(np.empty(0))
    return out_of_time(decision or decide(RolloutState.start(plan), nothing), days)


def _paid(served: Served, charter: Charter, then: Charter) -> Served:
    """Return what was served with the payoffs of another day, where they differ."""
    if then.value == charter.value:
        return served
    valued = valuation(then.value, then.data)
    return replace(served, payoffs=realised_payoffs(valued, served.records, served.outcomes))


def decide_canary(plan: RolloutPlan, units: Iterable[Unit]) -> Decision | None:
    """Decide on all units so far, batch by batch; None before the first whole batch.

    Batches are cut in order of assignment and where the share changed, so that looking again
    later looks at the same ones. What is not known of a payoff counts against each claim.
    """
    state, decision = RolloutState.start(plan), None
    for batch in _batches(list(units)):
        decision = decide(state, _batch(plan, batch))
        if decision.verdict != "hold":
            return decision
        state = decision.state
    return decision


def _batch(plan: RolloutPlan, units: list[Unit]) -> Batch:
    least, most = (
        np.array([getattr(unit, end) for unit in units], dtype=np.float64)
        for end in ("least", "most")
    )
    arm = np.array([unit.challenger for unit in units])
    return Batch.split(plan.arms, least, arm, units[0].share, most=most)


def _batches(units: list[Unit]) -> Iterable[list[Unit]]:
    start = 0
    while start < len(units):
        end = start
        while end < len(units) and end - start < _BATCH and units[end].share == units[start].share:
            end += 1
        whole = end - start == _BATCH or end < len(units)
        if whole:
            yield units[start:end]
        start = end


def _had(state: ReleaseState) -> list[float]:
    """Return the shares that the running release has had so far."""
    starts = [place for place, step in enumerate(state.history) if step.what == "started"]
    if not starts or not state.running:
        return []
    return [step.weight for step in state.history[starts[-1] :] if 0.0 < step.weight < 1.0]


def _started(state: ReleaseState) -> datetime:
    return [step.at for step in state.history if step.what == "started"][-1]
