"""Steps of a release on the ledger, and telling the gateways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from assay.charter.charter import Charter
from assay.deploy.release import Entry, pause, promote, resume, roll_back, start_release, step
from assay.errors import CheckFailed
from assay.evidence.candidate import Candidate
from assay.evidence.event import EventType
from assay.evidence.folds import ReleaseState
from assay.evidence.gate import Verdict
from assay.lifecycle.loss_budget import LossBudget, loss_budget
from assay.lifecycle.telling import publish, release_state
from assay.lifecycle.way_in import demand_way_in
from assay.lifecycle.ways_back import go_back, told_by
from assay.ports.desired import DesiredStore
from assay.ports.ledger import Ledger

__all__ = ["Action", "release"]

Action = Literal["start", "step", "promote", "roll_back", "pause", "resume"]

_BY_VALUE = frozenset({"canary", "shadow"})
"""The strategies that promote by value, and so take from the loss budget."""

Judged = tuple[Candidate, Verdict]


def release(
    ledger: Ledger,
    desired: DesiredStore,
    charter: Charter,
    judged: Judged | None,
    *,
    action: Action,
    reason: str,
    salt: str,
    now: datetime,
    state: ReleaseState | None = None,
    evidence: Mapping[str, str] | None = None,
    by: str = "",
    user: str = "",
) -> ReleaseState:
    """Take one step of a release, write it down, and tell the gateways.

    `judged` is the candidate with the gate's verdict; going back and pausing ask no gate and need
    none. `state` is what the step was decided on, where it was not decided just now: it is then
    taken from there or not at all. A way back, or a pause, that was decided just now is taken
    whatever others do meanwhile. `evidence` names the blobs that show why, `by` who did it, and
    `user` whose account it was. A promotion by value is written with what it takes of the loss
    budget. Raises GateClosed where the gate is not open,
    CheckFailed where the step does not apply or nothing is left of the loss budget, and
    LedgerConflict where somebody else took a step meanwhile.
    """
    if state is None and (action == "roll_back" or action == "pause"):  # noqa: PLR1714 - so that types follow
        given = (ledger, desired, charter, action)
        return go_back(*given, reason=reason, now=now, by=by, user=user, evidence=evidence)
    state = release_state(ledger, charter) if state is None else state
    budget = loss_budget(charter, state, now)
    if action == "start" and judged is not None:
        demand_way_in(ledger, charter, judged[0].version, now, _elsewhere(ledger, charter))
        entry = start_release(charter, *judged, state, salt=salt, at=now)
        _demand_budget(charter, budget)
    else:
        entry = _entry(charter, judged, state, action, reason, now)
    entry = told_by(entry, by, user, evidence)
    if entry.type is EventType.RELEASE_PROMOTED and state.strategy in _BY_VALUE:
        taken = {"tolerance": budget.tolerance, "decisions_per_year": budget.decisions}
        entry = replace(entry, document={**entry.document, **taken})
    ledger.append(entry.subject, entry.type.value, entry.content, entry.expected)
    return publish(ledger, desired, charter)


def _entry(
    charter: Charter,
    judged: Judged | None,
    state: ReleaseState,
    action: Action,
    reason: str,
    now: datetime,
) -> Entry:
    if action == "pause":
        return pause(state, reason=reason, at=now)
    if action == "resume":
        return resume(state, reason=reason, at=now)
    if action == "roll_back" or judged is None:
        return roll_back(state, reason=reason, at=now)
    forward = step if action == "step" else promote
    return forward(charter, *judged, state, reason=reason, at=now)


def _elsewhere(ledger: Ledger, charter: Charter) -> ReleaseState | None:
    """Return how the release stands in the environment that comes before; None without one."""
    before = charter.place.after
    return None if before is None else release_state(ledger, charter.within(before))


def _demand_budget(charter: Charter, budget: LossBudget) -> None:
    if charter.release.strategy in _BY_VALUE and budget.left == 0.0:
        raise CheckFailed(
            f"Nothing is left of the loss budget of {charter.name}: {budget}, so that no canary "
            "could promote anything. Wait until the oldest of them is a year old, or agree on a "
            "larger `release.loss_budget_per_year`."
        )
