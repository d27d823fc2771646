"""Release: a model version's way into an environment, as ledger entries still to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.charter.charter import Charter
from assay.deploy.freeze import frozen
from assay.deploy.settings import settings_of
from assay.errors import CheckFailed, GateClosed
from assay.evidence.candidate import Candidate
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import EventType
from assay.evidence.folds import Live, ReleaseState
from assay.evidence.gate import Verdict

__all__ = [
    "Entry",
    "before",
    "fall_back",
    "next_stage",
    "next_weight",
    "pause",
    "promote",
    "resume",
    "roll_back",
    "start_release",
    "step",
]


@dataclass(frozen=True)
class Entry:
    """An entry that the ledger is to take; append it at revision `expected` of its subject."""

    subject: str
    type: EventType
    document: Mapping[str, Any]
    expected: int

    @property
    def content(self) -> bytes:
        """The bytes to be written."""
        return canonical_bytes(self.document)


def start_release(
    charter: Charter,
    candidate: Candidate,
    verdict: Verdict,
    state: ReleaseState,
    *,
    salt: str,
    at: datetime,
) -> Entry:
    """Start a release of what the gate has opened; raises GateClosed with all that is missing.

    `immediate` puts the version in the champion's place. `canary` gives it the first step's share
    of traffic as challenger, against the champion; where nothing serves yet, against the charter's
    baseline, which the entry says. `staged` gives it the first part of the fleet, `shadow` copies
    of requests, `blue_green` nothing yet. `salt` decides who gets which arm: a fresh random text
    for each release. Raises CheckFailed where another release is running, the version serves, or
    nothing new may go live now (`release.freeze`).
    """
    _demand_thawed(charter, at)
    _demand_open(charter, candidate, verdict)
    _demand_free(candidate, state)
    release = charter.release
    shares = {"immediate": 1.0, "canary": release.steps[0]}
    staged = {"labels": dict(release.stages[0])} if release.strategy == "staged" else {}
    return _entry(
        state,
        EventType.RELEASE_STARTED,
        at,
        version=candidate.version,
        bundle=candidate.bundle,
        strategy=release.strategy,
        weight=shares.get(release.strategy, 0.0),
        salt=salt,
        replaces=None if state.champion is None else state.champion.version,
        reason=_first(charter, state),
        settings=settings_of(charter),
        **staged,
    )


def step(
    charter: Charter,
    candidate: Candidate,
    verdict: Verdict,
    state: ReleaseState,
    *,
    reason: str,
    at: datetime,
) -> Entry:
    """Give the challenger its next share of traffic or part of the fleet; after the last, promote.

    The gate must still be open: a payoff changed meanwhile closes it. Raises GateClosed then, and
    CheckFailed where no release of this version is running, it is paused, or nothing new may go
    live now.
    """
    _demand_thawed(charter, at)
    _demand_open(charter, candidate, verdict)
    challenger = _challenger(state, candidate)
    weight, labels = next_weight(charter, state), next_stage(charter, state)
    if weight is None and labels is None:
        return promote(charter, candidate, verdict, state, reason=reason, at=at)
    _demand_going(state)
    return _entry(
        state,
        EventType.RELEASE_STEPPED,
        at,
        version=challenger.version,
        weight=weight or 0.0,
        reason=reason,
        settings=settings_of(charter),
        **({} if labels is None else {"labels": dict(labels)}),
    )


def promote(
    charter: Charter,
    candidate: Candidate,
    verdict: Verdict,
    state: ReleaseState,
    *,
    reason: str,
    at: datetime,
) -> Entry:
    """Make the challenger the champion, at whatever step it is; the gate must still be open."""
    _demand_thawed(charter, at)
    _demand_open(charter, candidate, verdict)
    challenger = _challenger(state, candidate)
    _demand_going(state)
    return _entry(
        state,
        EventType.RELEASE_PROMOTED,
        at,
        version=challenger.version,
        bundle=challenger.bundle,
        reason=reason,
        settings=settings_of(charter),
    )


def roll_back(state: ReleaseState, *, reason: str, at: datetime) -> Entry:
    """Take the challenger out, or where none is running put the champion before back.

    A challenger that was tried against the baseline leaves nothing serving; after a fall back the
    version that fell back is put in place again. Asks no gate: going back must always be possible.
    Raises CheckFailed where there is nothing to go back to.
    """
    leaving = state.challenger or state.champion or state.fallen
    to = state.champion if state.challenger is not None else before(state)
    if leaving is None or (to is None and state.challenger is None):
        served = "no version" if leaving is None else f"version {leaving.version} only"
        raise CheckFailed(
            f"There is nothing to roll back to: {state.name} has served {served}. "
            "Release another version instead."
        )
    return _entry(
        state,
        EventType.RELEASE_ROLLED_BACK,
        at,
        version=leaving.version,
        to=None if to is None else to.version,
        reason=reason,
    )


def fall_back(state: ReleaseState, baseline: str, *, reason: str, at: datetime) -> Entry:
    """Let a baseline decide in the champion's place; the version goes on scoring beside it.

    A version that is being tried is taken out with it. Asks no gate: what needs no model must
    always be possible. Raises CheckFailed where nothing serves.
    """
    leaving = state.champion or state.fallen or state.challenger
    if leaving is None:
        raise CheckFailed(f"{state.name} cannot fall back to {baseline}: nothing serves.")
    return _entry(
        state,
        EventType.RELEASE_FELL_BACK,
        at,
        version=leaving.version,
        bundle=leaving.bundle,
        baseline=baseline,
        reason=reason,
    )


def pause(state: ReleaseState, *, reason: str, at: datetime) -> Entry:
    """Keep a running release where it is until it is resumed; going back stays possible."""
    if state.challenger is None or state.paused:
        why = "it is paused already" if state.paused else "no release is running"
        raise CheckFailed(f"{state.name} cannot be paused: {why}.")
    version = state.challenger.version
    return _entry(state, EventType.RELEASE_PAUSED, at, version=version, reason=reason)


def resume(state: ReleaseState, *, reason: str, at: datetime) -> Entry:
    """Let a paused release go on; the time that it must soak on its step begins anew."""
    if state.challenger is None or not state.paused:
        why = "it is not paused" if state.running else "no release is running"
        raise CheckFailed(f"{state.name} cannot be resumed: {why}.")
    version = state.challenger.version
    return _entry(state, EventType.RELEASE_RESUMED, at, version=version, reason=reason)


def before(state: ReleaseState) -> Live | None:
    """Return what a roll back would bring back: the champion before, or the one that fell back.

    A version that fell back while it was tried was never champion, and does not come back so.
    """
    if state.fallen is None:
        return state.previous
    return state.fallen if state.fallen.version in state.line else None


def next_weight(charter: Charter, state: ReleaseState) -> float | None:
    """Return the share of traffic that a running canary gets next; None after its last step."""
    if state.strategy != "canary" or not state.running:
        return None
    return next((one for one in charter.release.steps if one > state.weight), None)


def next_stage(charter: Charter, state: ReleaseState) -> Mapping[str, str] | None:
    """Return the labels that a running staged release reaches next; None after its last stage."""
    if state.strategy != "staged" or not state.running:
        return None
    return next((one for one in charter.release.stages if one not in state.stages), None)


def _first(charter: Charter, state: ReleaseState) -> str:
    """Say what a first canary is tried against."""
    if charter.release.strategy != "canary" or state.champion is not None:
        return ""
    if state.fallen is None:
        return f"nothing serves yet: against the baseline {charter.value.baseline}"
    return (
        f"against the baseline {state.baseline}, which decides since version "
        f"{state.fallen.version} fell back"
    )


def _demand_open(charter: Charter, candidate: Candidate, verdict: Verdict) -> None:
    judged = candidate.under(charter)
    if verdict.subject_digest != judged.digest:
        raise GateClosed(
            judged.subject,
            [f"The verdict is on {verdict.subject_digest[:12]}, not on {judged.digest[:12]}."],
        )
    if candidate.model != charter.name:
        raise GateClosed(judged.subject, [f"This charter is for {charter.name}."])
    if not verdict.open:
        raise GateClosed(judged.subject, verdict.reasons)


def _demand_free(candidate: Candidate, state: ReleaseState) -> None:
    if state.challenger is not None:
        how = f"with {state.weight:.0%} of traffic" if state.weight else f"({state.strategy})"
        raise CheckFailed(
            f"Version {state.challenger.version} of {state.name} is being tried {how}. "
            "Promote it or roll it back first."
        )
    if state.champion is not None and state.champion.version == candidate.version:
        raise CheckFailed(f"Version {candidate.version} of {state.name} serves already.")


def _demand_thawed(charter: Charter, at: datetime) -> None:
    freeze = frozen(charter, at)
    if freeze is not None:
        raise CheckFailed(f"{freeze} Pausing and every way back stay possible.")


def _demand_going(state: ReleaseState) -> None:
    if state.paused:
        why = "" if state.pause is None else f" ({state.pause.reason})"
        raise CheckFailed(
            f"The release of {state.name} is paused{why}. Resume it first, or roll it back."
        )


def _challenger(state: ReleaseState, candidate: Candidate) -> Live:
    challenger = state.challenger
    if challenger is None or challenger != Live(candidate.version, candidate.bundle):
        running = "none is" if challenger is None else f"version {challenger.version} is"
        raise CheckFailed(
            f"Version {candidate.version} of {state.name} is not being tried ({running}). "
            "Start its release first."
        )
    return challenger


def _entry(state: ReleaseState, type_: EventType, at: datetime, **document: Any) -> Entry:
    return Entry(
        subject=f"release:{state.name}",
        type=type_,
        document={"at": at.isoformat(), **document},
        expected=state.revision,
    )
