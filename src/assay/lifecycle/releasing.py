"""Releases on the ledger: start, try, promote or roll back, and tell the gateways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from assay.charter.charter import Charter
from assay.charter.environments import PRODUCTION
from assay.deploy.desired import desired_state, revision_told
from assay.deploy.release import (
    Entry,
    fall_back,
    pause,
    promote,
    resume,
    roll_back,
    start_release,
    step,
)
from assay.errors import CheckFailed, LedgerConflict
from assay.evidence.candidate import Candidate
from assay.evidence.event import EventType
from assay.evidence.folds import ReleaseState, releases
from assay.evidence.gate import Verdict
from assay.lifecycle.leave import bundles_with_leave
from assay.lifecycle.loss_budget import LossBudget, loss_budget
from assay.lifecycle.way_in import demand_way_in
from assay.ports.desired import DesiredStore
from assay.ports.ledger import Ledger

__all__ = [
    "BACK",
    "Action",
    "fall_back_to",
    "publish",
    "publish_where_behind",
    "release",
    "release_name",
    "release_state",
]

Action = Literal["start", "step", "promote", "roll_back", "pause", "resume"]

BACK = frozenset({"roll_back", "pause", "resume"})
"""What asks no gate: the ways back, and stopping on the way."""

_AT_ONCE = frozenset({"roll_back", "pause"})
"""What is taken whoever else steps meanwhile."""

_TRIES = 20

_BY_VALUE = frozenset({"canary", "shadow"})
"""The strategies that promote by value, and so take from the loss budget."""

Judged = tuple[Candidate, Verdict]


def release_name(charter: Charter) -> str:
    """Return the name that releases of the charter's environment have in the ledger."""
    inside = charter.environment
    return charter.name if inside == PRODUCTION else f"{charter.name}@{inside}"


def release_state(ledger: Ledger, charter: Charter) -> ReleaseState:
    """Return what serves in the environment that the charter is read for, from the ledger."""
    name = release_name(charter)
    found = releases(ledger.events(f"release:{name}"))
    return found.get(name, ReleaseState(name))


def publish(ledger: Ledger, desired: DesiredStore, charter: Charter) -> ReleaseState:
    """Tell the gateways how the release stands, where they were not told yet, and return it."""
    state = release_state(ledger, charter)
    code = bundles_with_leave(ledger, charter, state)
    document = desired_state(charter, state, state.revision, code=code).encode()
    if desired.read() != document:
        desired.publish(document, state.revision)
    return state


def publish_where_behind(ledger: Ledger, desired: DesiredStore, charter: Charter) -> ReleaseState:
    """Tell the gateways what a run that was cut short did not, and return how the release stands.

    A charter that was changed since the last entry goes live with the next one that goes forward.
    """
    state, raw = release_state(ledger, charter), desired.read()
    told = -1 if raw is None else revision_told(raw)
    return publish(ledger, desired, charter) if told < state.revision and state.history else state


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
    if state is None and action in _AT_ONCE:
        _surely(
            ledger,
            charter,
            lambda now_stands: _by(
                _entry(charter, judged, now_stands, action, reason, now), by, user, evidence
            ),
        )
        return publish(ledger, desired, charter)
    state = release_state(ledger, charter) if state is None else state
    budget = loss_budget(charter, state, now)
    if action == "start" and judged is not None:
        demand_way_in(ledger, charter, judged[0].version, now, _elsewhere(ledger, charter))
        entry = start_release(charter, *judged, state, salt=salt, at=now)
        _demand_budget(charter, budget)
    else:
        entry = _entry(charter, judged, state, action, reason, now)
    entry = _by(entry, by, user, evidence)
    if entry.type is EventType.RELEASE_PROMOTED and state.strategy in _BY_VALUE:
        taken = {"tolerance": budget.tolerance, "decisions_per_year": budget.decisions}
        entry = replace(entry, document={**entry.document, **taken})
    ledger.append(entry.subject, entry.type.value, entry.content, entry.expected)
    return publish(ledger, desired, charter)


def fall_back_to(
    ledger: Ledger,
    desired: DesiredStore,
    charter: Charter,
    baseline: str,
    *,
    reason: str,
    now: datetime,
    by: str = "",
    user: str = "",
) -> ReleaseState:
    """Let a baseline decide in the champion's place, write it down, and tell the gateways.

    It is done whatever steps others take meanwhile; `by` and `user` as in `release`.
    """
    _surely(
        ledger,
        charter,
        lambda state: _by(fall_back(state, baseline, reason=reason, at=now), by, user),
    )
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


def _by(entry: Entry, by: str, user: str, evidence: Mapping[str, str] | None = None) -> Entry:
    """Return an entry that tells who did it, and what shows why."""
    told: dict[str, Any] = {"by": by, "user": user, "evidence": dict(evidence or {})}
    more = {name: value for name, value in told.items() if value}
    return replace(entry, document={**entry.document, **more})


def _surely(ledger: Ledger, charter: Charter, made: Callable[[ReleaseState], Entry]) -> None:
    """Write the entry that takes a release back, made anew where somebody stepped meanwhile.

    What a roll back was to take out, and what somebody else took out meanwhile, is out: nothing
    more goes back.
    """
    first, tries = None, 0
    while True:
        entry = made(release_state(ledger, charter))
        first, tries = first or entry, tries + 1
        out = entry.document["version"] != first.document["version"]
        if out and entry.type is EventType.RELEASE_ROLLED_BACK:
            return
        try:
            ledger.append(entry.subject, entry.type.value, entry.content, entry.expected)
        except LedgerConflict:
            if tries == _TRIES:
                raise
        else:
            return


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
