"""Releases on the ledger: start, try, promote or roll back, and tell the gateways."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

from assay.charter.charter import Charter
from assay.deploy.desired import desired_state
from assay.deploy.release import fall_back, promote, roll_back, start_release, step
from assay.errors import CheckFailed
from assay.evidence.candidate import Candidate
from assay.evidence.event import EventType
from assay.evidence.folds import ReleaseState, releases
from assay.evidence.gate import Verdict
from assay.lifecycle.loss_budget import LossBudget, loss_budget
from assay.ports.desired import DesiredStore
from assay.ports.ledger import Ledger

__all__ = ["Action", "fall_back_to", "publish", "release", "release_state"]

Action = Literal["start", "step", "promote", "roll_back"]


def release_state(ledger: Ledger, charter: Charter) -> ReleaseState:
    """Return what serves, from the ledger."""
    found = releases(ledger.events(f"release:{charter.name}"))
    return found.get(charter.name, ReleaseState(charter.name))


def publish(ledger: Ledger, desired: DesiredStore, charter: Charter) -> ReleaseState:
    """Tell the gateways how the release stands, and return it."""
    state = release_state(ledger, charter)
    document = desired_state(charter, state, state.revision)
    desired.publish(document.encode(), state.revision)
    return state


def release(
    ledger: Ledger,
    desired: DesiredStore,
    charter: Charter,
    judged: tuple[Candidate, Verdict] | None,
    *,
    action: Action,
    reason: str,
    salt: str,
    now: datetime,
) -> ReleaseState:
    """Take one step of a release, write it down, and tell the gateways.

    `judged` is the candidate with the gate's verdict; rolling back asks no gate and needs none.
    A promotion is written with what it takes of the loss budget. Raises GateClosed where the gate
    is not open, CheckFailed where the step does not apply or nothing is left of the loss budget.
    """
    state = release_state(ledger, charter)
    budget = loss_budget(charter, state, now)
    if action == "roll_back" or judged is None:
        entry = roll_back(state, reason=reason, at=now)
    elif action == "start":
        entry = start_release(charter, *judged, state, salt=salt, at=now)
        _demand_budget(charter, budget)
    else:
        forward = step if action == "step" else promote
        entry = forward(charter, *judged, state, reason=reason, at=now)
    if entry.type is EventType.RELEASE_PROMOTED:
        takes = {"tolerance": budget.tolerance, "decisions_per_year": budget.decisions}
        entry = replace(entry, document={**entry.document, **takes})
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
) -> ReleaseState:
    """Let a baseline decide in the champion's place, write it down, and tell the gateways."""
    entry = fall_back(release_state(ledger, charter), baseline, reason=reason, at=now)
    ledger.append(entry.subject, entry.type.value, entry.content, entry.expected)
    return publish(ledger, desired, charter)


def _demand_budget(charter: Charter, budget: LossBudget) -> None:
    if charter.release.strategy == "canary" and budget.left == 0.0:
        raise CheckFailed(
            f"Nothing is left of the loss budget of {charter.name}: {budget}, so that no canary "
            "could promote anything. Wait until the oldest of them is a year old, or agree on a "
            "larger `release.loss_budget_per_year`."
        )
