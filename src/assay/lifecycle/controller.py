"""The controller of a release: looks at how it stands, and takes the one step that follows.

It keeps nothing. What it sees is folded from the ledger, what it does is one entry at the revision
that it saw, and what gateways are told is folded from the ledger again: killed at any point, or run
by several at once, it takes no step twice and loses none, and the next run tells the gateways what
a killed one did not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from assay.charter.charter import Charter
from assay.deploy.release_step import Ruling, Step, release_step
from assay.errors import CheckFailed, GateClosed, InputError, LedgerConflict, WorldError
from assay.evidence.folds import ReleaseState
from assay.lifecycle.approval import ask, judge, version_state
from assay.lifecycle.releasing import Action, release
from assay.lifecycle.telling import publish_where_behind
from assay.ports.ports import Ports

__all__ = ["Decide", "Keep", "Reconciled", "Waits", "each_by_itself", "reconcile"]

Decide = Callable[[ReleaseState], Ruling | None]
"""What evidence says of a running release; None while it is too early to say."""

Keep = Callable[[], Mapping[str, str]]
"""Keeps what a ruling rests on, and returns the digests of the blobs by name."""

Waits = Callable[[ReleaseState], str]
"""Says which gateways a flip waits for in a release that stands so; empty where for none."""

_WATCHED = frozenset({"canary", "shadow", "staged"})


@dataclass(frozen=True)
class Reconciled:
    """How a release stands now, and what was done or why nothing was; no `step` where none runs."""

    state: ReleaseState
    step: Step | None = None
    ruling: Ruling | None = None


def each_by_itself(_: ReleaseState) -> str:
    """Let a flip wait for nobody, where gateways follow a file and no server hears them.

    Each of them loads what it is told before it answers with it, and answers as before until then:
    none fails a request, though they do not flip at one moment.
    """
    return ""


def reconcile(
    ports: Ports,
    charter: Charter,
    now: datetime,
    decide: Decide,
    *,
    waits: Waits = each_by_itself,
    keep: Keep | None = None,
) -> Reconciled:
    """Bring the release of the charter's environment one step on, where one is due.

    Gateways are told first what they were not told yet. `decide` is asked for releases that
    evidence decides, `keep` is called where a step rests on what it said, and `waits` says which
    gateways a flip waits for; a server, which hears them, must say so itself.
    Raises LedgerBroken where the chain does not hold: nothing is added to it then, but for a way
    back.
    """
    state = publish_where_behind(ports.ledger, ports.desired, charter)
    if state.challenger is None:
        return Reconciled(state)
    ruling = _ruling(state, decide)
    version = version_state(ports.ledger, charter, state.challenger.version)
    missing = ask(ports.blobs, charter, version, now).reasons
    waiting = waits(state) if state.strategy == "blue_green" else ""
    step = release_step(charter, state, now, ruling, missing=missing, waits=waiting)
    if step is None or step.do == "hold":
        return Reconciled(state, step, ruling)
    kept, step = _kept(step, keep if ruling is not None else None)
    return _taken(ports, charter, state, step, kept, ruling, now)


def _taken(
    ports: Ports,
    charter: Charter,
    state: ReleaseState,
    step: Step,
    kept: Mapping[str, str],
    ruling: Ruling | None,
    now: datetime,
) -> Reconciled:
    """Take a step from the very state it was decided on; hold where somebody else moved it."""
    judged = None
    try:
        if step.do != "roll_back":
            ports.ledger.verify()
            number = state.challenger.version if state.challenger else None
            judged = judge(ports.ledger, ports.blobs, charter, number, now)
        after = release(
            ports.ledger,
            ports.desired,
            charter,
            judged,
            action=cast("Action", step.do),
            reason=step.reason,
            salt=state.salt,
            now=now,
            state=state,
            evidence=kept,
            by="the controller",
        )
    except LedgerConflict:
        now_stands = publish_where_behind(ports.ledger, ports.desired, charter)
        return Reconciled(now_stands, Step("hold", "Somebody else took a step meanwhile."), ruling)
    except GateClosed as closed:
        return Reconciled(state, Step("hold", " ".join(closed.reasons)), ruling)
    return Reconciled(after, step, ruling)


def _kept(step: Step, keep: Keep | None) -> tuple[Mapping[str, str], Step]:
    """Keep what a step rests on. A way back waits for no store, and says what it could not keep."""
    try:
        return ({} if keep is None else keep()), step
    except WorldError as error:
        if step.do != "roll_back":
            raise
        return {}, replace(step, reason=f"{step.reason} (not kept as evidence: {error})")


def _ruling(state: ReleaseState, decide: Decide) -> Ruling | None:
    """Return what evidence says; where it cannot say, a hold that tells why."""
    if state.strategy not in _WATCHED:
        return None
    try:
        return decide(state)
    except (CheckFailed, InputError) as error:
        return Ruling("hold", str(error), sound=False)
