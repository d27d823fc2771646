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

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from assay.charter.charter import Charter
from assay.charter.release import ReleaseGuardrail
from assay.deploy.batch import Batch
from assay.deploy.rollout import Decision, decide, out_of_time
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.rollout_state import RolloutState
from assay.errors import CheckFailed
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
from assay.lifecycle.paired_units import first_pairs, paired_units, pairs_of
from assay.lifecycle.payoffs import realised_payoffs
from assay.lifecycle.posting import Served
from assay.lifecycle.release_course import began, strategy_of
from assay.lifecycle.running_release import RunningRelease
from assay.lifecycle.staged_units import against_control, first_served, served_by_new
from assay.value.valuation import valuation

__all__ = ["decide_agreed", "decide_canary", "decide_looks", "decide_running", "looks_of"]


def decide_running(known: RunningRelease) -> Decision | None:
    """Decide the release that is running; CheckFailed where none is, None while it is too early.

    What was served is paid anew by the charter of the day on which the release started, where a
    change of payoffs was agreed for a day since. After `release.most_days` without a decision it is
    over, on what is known by then.
    """
    return decide_agreed(known, *looks_of(known))


def decide_agreed(
    known: RunningRelease, plan: RolloutPlan, looks: Iterable[Look]
) -> Decision | None:
    """Decide on a plan and what the running release shows (`looks_of`), within the agreed days."""
    decision = decide_looks(plan, looks)
    days = charter_of_release(known.charter, known.state).release.most_days
    if days is None or known.now - began(known.state) < timedelta(days=days):
        return decision
    nothing = Batch(np.empty(0))
    return out_of_time(decision or decide(RolloutState.start(plan), nothing), days)


def looks_of(known: RunningRelease) -> tuple[RolloutPlan, Sequence[Look]]:
    """Return what the running release is decided by, and what it shows, look by look.

    Errors as of `decide_running`.
    """
    charter, state, now = known.charter, known.state, known.now
    if state.challenger is None:
        raise CheckFailed(f"No release of {charter.name} is running: release a version first.")
    asked = (charter, state, known.versions, known.blobs, state.challenger.version, now)
    plan = rollout_plan(charter, state, now, payoff_centre(*asked), untold_because(*asked))
    if plan.tolerance <= 0:
        raise CheckFailed(
            f"Nothing was left of the loss budget of {charter.name} when this release started, so "
            "that it can promote nothing: roll it back, or agree on a larger "
            "`release.loss_budget_per_year`."
        )
    shows = _SHOWS[strategy_of(charter, state)]
    return plan, in_order(shows(plan, _as_agreed(known)))


def _as_agreed(known: RunningRelease) -> RunningRelease:
    """Return what is known under the charter, and the payoffs, of the release's first day."""
    then = charter_of_release(known.charter, known.state)
    return replace(known, charter=then, served=_paid(known.served, known.charter, then))


def _of_canary(plan: RolloutPlan, known: RunningRelease) -> Iterator[Look]:
    served, state = known.served, known.state
    yield from unit_looks(plan, units_of(served, state, known.charter, known.now))
    for guardrail in _agreed(plan, known.charter):
        said = said_in_canary(guardrail, served.records, known.failures, state)
        yield from guardrail_looks(said)


def _of_shadow(plan: RolloutPlan, known: RunningRelease) -> Iterator[Look]:
    served, state, charter = known.served, known.state, known.charter
    pairs = pairs_of(served, known.shadows, state, charter)
    if plan.untold:
        yield from blank_looks(plan, first_pairs(pairs))
    else:
        bounds = plan.difference_bounds
        yield from paired_looks(tuple(paired_units(pairs, served, charter, bounds, known.now)))
    for guardrail in _agreed(plan, charter):
        yield from guardrail_looks(said_by_copies(guardrail, pairs, known.failures, state))


def _of_stages(plan: RolloutPlan, known: RunningRelease) -> Iterator[Look]:
    served, state, charter = known.served, known.state, known.charter
    own = [record for _, record in served_by_new(served, state)]
    if plan.untold:
        yield from blank_looks(plan, first_served(own))
    else:
        yield from unit_looks(plan, against_control(served, state, charter, known.now))
    for guardrail in _agreed(plan, charter):
        yield from guardrail_looks(said_in_stages(guardrail, own, known.failures, state))


_SHOWS: Mapping[str, Callable[[RolloutPlan, RunningRelease], Iterator[Look]]] = {
    "canary": _of_canary,
    "shadow": _of_shadow,
    "staged": _of_stages,
}
"""What a running release shows, by its strategy."""


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
