"""Release: a model version's way into production, as ledger entries still to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.charter.charter import Charter
from assay.errors import CheckFailed, GateClosed
from assay.evidence.candidate import Candidate
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import EventType
from assay.evidence.folds import Live, ReleaseState
from assay.evidence.gate import Verdict

__all__ = ["Entry", "before", "fall_back", "promote", "roll_back", "start_release", "step"]


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
    baseline, which the entry says. `salt` decides who gets which arm: a fresh random text
    for each release. Raises CheckFailed where another release is running or the version serves.
    """
    _demand_open(charter, candidate, verdict)
    _demand_free(candidate, state)
    canary = charter.release.strategy == "canary"
    first = canary and state.champion is None
    rest = f"nothing serves yet: against the baseline {charter.value.baseline}"
    if state.fallen is not None:
        rest = f"against the baseline {state.baseline}, which decides since version "
        rest += f"{state.fallen.version} fell back"
    return _entry(
        state,
        EventType.RELEASE_STARTED,
        at,
        version=candidate.version,
        bundle=candidate.bundle,
        strategy=charter.release.strategy,
        weight=charter.release.steps[0] if canary and charter.release.steps else float(not canary),
        salt=salt,
        replaces=None if state.champion is None else state.champion.version,
        reason=rest if first else "",
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
    """Give the challenger its next share of traffic; after the last step, promote it.

    The gate must still be open: a payoff changed meanwhile closes it. Raises GateClosed then, and
    CheckFailed where no release of this version is running.
    """
    _demand_open(charter, candidate, verdict)
    challenger = _challenger(state, candidate)
    larger = [weight for weight in charter.release.steps if weight > state.weight]
    if not larger:
        return promote(charter, candidate, verdict, state, reason=reason, at=at)
    return _entry(
        state,
        EventType.RELEASE_STEPPED,
        at,
        version=challenger.version,
        weight=larger[0],
        reason=reason,
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
    _demand_open(charter, candidate, verdict)
    challenger = _challenger(state, candidate)
    return _entry(
        state,
        EventType.RELEASE_PROMOTED,
        at,
        version=challenger.version,
        bundle=challenger.bundle,
        reason=reason,
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

    Asks no gate: what needs no model must always be possible. Raises CheckFailed where nothing
    serves, or a trial is running.
    """
    leaving = state.champion or state.fallen
    if leaving is None or state.challenger is not None:
        why = "a version is being tried: roll it back" if state.challenger else "nothing serves"
        raise CheckFailed(f"{state.name} cannot fall back to {baseline}: {why}.")
    return _entry(
        state,
        EventType.RELEASE_FELL_BACK,
        at,
        version=leaving.version,
        bundle=leaving.bundle,
        baseline=baseline,
        reason=reason,
    )


def before(state: ReleaseState) -> Live | None:
    """Return what a roll back would bring back: the champion before, or the one that fell back."""
    return state.fallen or _champion_before(state)


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
        raise CheckFailed(
            f"Version {state.challenger.version} of {state.name} is being tried with "
            f"{state.weight:.0%} of traffic. Promote it or roll it back first."
        )
    if state.champion is not None and state.champion.version == candidate.version:
        raise CheckFailed(f"Version {candidate.version} of {state.name} serves already.")


def _challenger(state: ReleaseState, candidate: Candidate) -> Live:
    challenger = state.challenger
    if challenger is None or challenger != Live(candidate.version, candidate.bundle):
        running = "none is" if challenger is None else f"version {challenger.version} is"
        raise CheckFailed(
            f"Version {candidate.version} of {state.name} is not being tried ({running}). "
            "Start its release first."
        )
    return challenger


def _champion_before(state: ReleaseState) -> Live | None:
    """Return the champion before this one, by replaying who took whose place."""
    line: list[int] = []
    for one in state.history:
        if one.what == "promoted" or (one.what == "started" and one.strategy == "immediate"):
            line.append(one.version)
        elif one.what == "rolled_back" and line and line[-1] == one.version:
            line.pop()
    if len(line) < 2 or line[-2] not in state.bundles:
        return None
    return Live(line[-2], state.bundles[line[-2]])


def _entry(state: ReleaseState, type_: EventType, at: datetime, **document: Any) -> Entry:
    return Entry(
        subject=f"release:{state.name}",
        type=type_,
        document={"at": at.isoformat(), **document},
        expected=state.revision,
    )
