"""A running release, decided on what is known so far: a canary, a shadow, or one in stages.

Looking again looks at the same units in the same batches, from the captures and the outcomes that
lie there by then; nothing is frozen. Outcomes that came since can only have added evidence, since a
payoff that is not known counts against each claim; so a claim that is accepted now would also be
accepted by somebody who knew every outcome, and the error rates hold. What breaks that is an
outcome that was corrected after a look, one that comes after `release.missing_outcome` stood in for
it, a clock that puts a later decision before an earlier one, captures that arrive later than those
of later decisions (spooled at an edge that was cut off), and a charter that is rewritten while
the release runs (its `value`, `data.label_delay`, or `release.unit` and the limits beside it); they
move units that were looked at. A change of payoffs that was agreed for a date (`value.changes`)
moves none: a release is paid by the payoffs of the day on which it started.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from assay.charter.charter import Charter
from assay.charter.release import ReleaseGuardrail
from assay.deploy.batch import Batch
from assay.deploy.rollout import Decision, decide, out_of_time
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.rollout_state import RolloutState
from assay.errors import CheckFailed
from assay.evidence.folds import ModelState, ReleaseState
from assay.lifecycle.agreed_rollout import rollout_plan, untold_because
from assay.lifecycle.canary_units import Unit, units_of
from assay.lifecycle.centre import payoff_centre
from assay.lifecycle.charter_then import charter_of_release
from assay.lifecycle.guardrail_cases import said_by_copies, said_in_canary, said_in_stages
from assay.lifecycle.looks import (
    Look,
    blank_looks,
    guardrail_looks,
    in_order,
    paired_looks,
    unit_looks,
)
from assay.lifecycle.paired_units import Pair, first_pairs, paired_units, pairs_of
from assay.lifecycle.payoffs import realised_payoffs
from assay.lifecycle.posting import Served
from assay.lifecycle.release_course import began, strategy_of
from assay.lifecycle.staged_units import against_control, first_served, served_by_new
from assay.ports.blobs import Blobs
from assay.value.valuation import valuation

__all__ = ["decide_agreed", "decide_canary", "decide_looks", "decide_running", "looks_of"]

Record = Mapping[str, Any]


def decide_running(
    charter: Charter,
    state: ReleaseState,
    versions: ModelState,
    blobs: Blobs,
    served: Served,
    now: datetime,
    *,
    shadows: Sequence[Record] = (),
    failures: Sequence[Record] = (),
) -> Decision | None:
    """Decide the release that is running; CheckFailed where none is, None while it is too early.

    `served` is paid by `charter`, and paid anew by that of the day on which the release started
    where a change of payoffs was agreed for a day since. `shadows` are the captures of copies that
    a shadow scored, `failures` those of requests that were answered with an error, both in order of
    writing. After `release.most_days` without a decision it is over, on what is known by then.
    """
    known = (charter, state, versions, blobs, served, now)
    return decide_agreed(charter, state, *looks_of(*known, shadows=shadows, failures=failures), now)


def decide_agreed(
    charter: Charter,
    state: ReleaseState,
    plan: RolloutPlan,
    looks: Iterable[Look],
    now: datetime,
) -> Decision | None:
    """Decide on a plan and what the running release shows (`looks_of`), within the agreed days."""
    decision = decide_looks(plan, looks)
    days = charter_of_release(charter, state).release.most_days
    if days is None or now - began(state) < timedelta(days=days):
        return decision
    nothing = Batch(np.empty(0))
    return out_of_time(decision or decide(RolloutState.start(plan), nothing), days)


def looks_of(
    charter: Charter,
    state: ReleaseState,
    versions: ModelState,
    blobs: Blobs,
    served: Served,
    now: datetime,
    *,
    shadows: Sequence[Record] = (),
    failures: Sequence[Record] = (),
) -> tuple[RolloutPlan, Sequence[Look]]:
    """Return what the running release is decided by, and what it shows, look by look.

    Arguments and errors as of `decide_running`.
    """
    if state.challenger is None:
        raise CheckFailed(f"No release of {charter.name} is running: release a version first.")
    number = state.challenger.version
    centre = payoff_centre(charter, state, versions, blobs, number, now)
    untold = untold_because(charter, state, versions, blobs, number, now)
    plan = rollout_plan(charter, state, now, centre, untold)
    if plan.tolerance <= 0:
        raise CheckFailed(
            f"Nothing was left of the loss budget of {charter.name} when this release started, so "
            "that it can promote nothing: roll it back, or agree on a larger "
            "`release.loss_budget_per_year`."
        )
    then = charter_of_release(charter, state)
    served = _paid(served, charter, then)
    strategy = strategy_of(charter, state)
    if strategy == "shadow":
        pairs = pairs_of(served, shadows, state, then)
        looks = _of_shadow(plan, pairs, failures, served, state, then, now)
    elif strategy == "staged":
        looks = _of_stages(plan, failures, served, state, then, now)
    else:
        looks = _of_canary(plan, failures, served, state, then, now)
    return plan, in_order(looks)


def _of_canary(
    plan: RolloutPlan,
    failures: Sequence[Record],
    served: Served,
    state: ReleaseState,
    charter: Charter,
    now: datetime,
) -> Iterator[Look]:
    yield from unit_looks(plan, units_of(served, state, charter, now))
    for guardrail in _agreed(plan, charter):
        yield from guardrail_looks(said_in_canary(guardrail, served.records, failures, state))


def _of_shadow(
    plan: RolloutPlan,
    pairs: Sequence[Pair],
    failures: Sequence[Record],
    served: Served,
    state: ReleaseState,
    charter: Charter,
    now: datetime,
) -> Iterator[Look]:
    if plan.untold:
        yield from blank_looks(plan, first_pairs(pairs))
    else:
        bounds = plan.difference_bounds
        yield from paired_looks(tuple(paired_units(pairs, served, charter, bounds, now)))
    for guardrail in _agreed(plan, charter):
        yield from guardrail_looks(said_by_copies(guardrail, pairs, failures, state))


def _of_stages(
    plan: RolloutPlan,
    failures: Sequence[Record],
    served: Served,
    state: ReleaseState,
    charter: Charter,
    now: datetime,
) -> Iterator[Look]:
    own = [record for _, record in served_by_new(served, state)]
    if plan.untold:
        yield from blank_looks(plan, first_served(own))
    else:
        yield from unit_looks(plan, against_control(served, state, charter, now))
    for guardrail in _agreed(plan, charter):
        yield from guardrail_looks(said_in_stages(guardrail, own, failures, state))


def _agreed(plan: RolloutPlan, charter: Charter) -> Iterator[ReleaseGuardrail]:
    """Yield the charter's guardrails that the plan has conditions of."""
    names = {one.name for one in plan.conditions}
    yield from (one for one in charter.release.guardrails if one.label in names)


def _paid(served: Served, charter: Charter, then: Charter) -> Served:
    """Return what was served with the payoffs of another day, where they differ."""
    if then.value == charter.value:
        return served
    valued = valuation(then.value, then.data)
    return replace(served, payoffs=realised_payoffs(valued, served.records, served.outcomes))


def decide_canary(plan: RolloutPlan, units: Iterable[Unit]) -> Decision | None:
    """Decide on the units of a canary so far; None before the first whole batch.

    Batches are cut in order of assignment and where the share changed, so that looking again
    later looks at the same ones. What is not known of a payoff counts against each claim.
    """
    return decide_looks(plan, unit_looks(plan, list(units)))


def decide_looks(plan: RolloutPlan, looks: Iterable[Look]) -> Decision | None:
    """Decide look by look until there is a verdict; None before the first."""
    state, decision = RolloutState.start(plan), None
    for look in looks:
        decision = decide(state, look.batch)
        if decision.verdict != "hold":
            return decision
        state = decision.state
    return decision
