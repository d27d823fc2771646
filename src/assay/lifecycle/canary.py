"""A running canary, decided on what is known so far.

Looking again looks at the same units in the same batches, from the captures and the outcomes that
lie there by then; nothing is frozen. Outcomes that came since can only have added evidence, since a
payoff that is not known counts against each claim; so a claim that is accepted now would also be
accepted by somebody who knew every outcome, and the error rates hold. What breaks that is an
outcome that was corrected after a look, and a clock that puts a later decision before an earlier
one; both move units that were looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.deploy.rollout import Batch, Decision, RolloutPlan, RolloutState, decide
from assay.errors import CheckFailed
from assay.evidence.folds import ReleaseState, ReleaseStep
from assay.lifecycle.loss_budget import loss_budget
from assay.lifecycle.posting import Served
from assay.value.valuation import valuation

__all__ = ["Unit", "decide_canary", "decide_running", "rollout_plan", "units_of"]

_BATCH = 100
"""Units decided on at once: fixed, so that looking again repeats every earlier look."""


def rollout_plan(charter: Charter, state: ReleaseState, now: datetime) -> RolloutPlan:
    """Return what the running canary is decided by; amounts per unit.

    Its tolerance comes from the loss budget that was left when it was started.
    """
    return RolloutPlan(
        currency=charter.value.currency,
        bounds=valuation(charter.value, charter.data).bounds(),
        tolerance=loss_budget(charter, state, now).tolerance,
        most_units=charter.release.most_decisions,
        shares=charter.release.steps,
        alpha=charter.release.alpha,
        against=state.against,
    )


def decide_running(
    charter: Charter, state: ReleaseState, served: Served, now: datetime
) -> Decision | None:
    """Decide the canary that is running; CheckFailed where none is, None while it is too early."""
    if state.challenger is None:
        raise CheckFailed(f"No canary of {charter.name} is running: release a version first.")
    plan = rollout_plan(charter, state, now)
    return decide_canary(plan, units_of(served, state, charter, now))


@dataclass(frozen=True)
class Unit:
    """One decision of a running canary: its arm, its share when assigned, and what it paid.

    `payoff` is NaN where nobody knows it, though the label delay is over.
    """

    challenger: bool
    share: float
    payoff: float


def units_of(
    served: Served, state: ReleaseState, charter: Charter, now: datetime
) -> tuple[Unit, ...]:
    """Return the matured units of the running release, in order of assignment.

    They are on the challenger's arm, or on that of what it is tried against: the champion, or
    where nothing served before the baseline.
    A unit enters once its label delay is over. Its share is the one under which the gateway
    assigned it, which it captured: gateways learn of a step a little after the ledger. An entity
    counts with its first decision only, since its later ones are not independent of it.
    """
    starts = [place for place, step in enumerate(state.history) if step.what == "started"]
    if not starts or state.challenger is None:
        return ()
    steps = state.history[starts[-1] :]
    matured = _matured(served.records, charter, now)
    seen: set[str] = set()
    units = []
    for record, payoff, ripe in zip(served.records, served.payoffs.tolist(), matured, strict=True):
        unit = str(record.get("entity") or record["id"])
        share = _share(record, steps)
        if share <= 0 or record["arm"] not in (state.against, "challenger") or unit in seen:
            continue
        seen.add(unit)
        if ripe:
            units.append(Unit(record["arm"] == "challenger", share, payoff))
    return tuple(units)


def _share(record: Mapping[str, Any], steps: Sequence[ReleaseStep]) -> float:
    """Return the challenger's share under which a record was assigned; 0 before the release.

    A record without a revision, which an earlier gateway wrote, is placed by its time.
    """
    revision = record.get("revision")
    if revision is not None:
        return float(record["weight"]) if revision >= steps[0].revision else 0.0
    at = datetime.fromisoformat(record["at"])
    return ([0.0] + [step.weight for step in steps if step.at <= at])[-1]


def decide_canary(plan: RolloutPlan, units: Iterable[Unit]) -> Decision | None:
    """Decide on all units so far, batch by batch; None before the first whole batch.

    Batches are cut in order of assignment and where the share changed, so that looking again
    later looks at the same ones. Payoffs that are not known count against each claim.
    """
    state, decision = RolloutState.start(plan), None
    for batch in _batches(list(units)):
        payoffs = np.array([unit.payoff for unit in batch])
        arm = np.array([unit.challenger for unit in batch])
        decision = decide(state, Batch.split(payoffs, arm, batch[0].share, plan.bounds))
        if decision.verdict != "hold":
            return decision
        state = decision.state
    return decision


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


def _matured(records: Sequence[Mapping[str, Any]], charter: Charter, now: datetime) -> list[bool]:
    delay = label_delay(charter)
    if isinstance(delay, timedelta):
        return [datetime.fromisoformat(record["at"]) + delay <= now for record in records]
    return [place + delay < len(records) for place in range(len(records))]
