"""Acting on a response: through the gate like any other version, and resumable at every step."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from assay.build.registry import register
from assay.build.revision import made_for, revise
from assay.build.run import Again
from assay.charter.delay import rows_or_time
from assay.deploy.release import before
from assay.errors import CheckFailed, DataError
from assay.evidence.response_fold import ResponsesState, ResponseState
from assay.evidence.states import VersionState
from assay.lifecycle.approval import evidence_of, judge, model_state, version_state
from assay.lifecycle.desk import Desk, known_by
from assay.lifecycle.judging import known_recipe, stands_now
from assay.lifecycle.moving import read_version
from assay.lifecycle.posting import as_parquet, joined_rows, labelled_table
from assay.lifecycle.releasing import release
from assay.lifecycle.remedies import bent_to
from assay.lifecycle.telling import release_state
from assay.lifecycle.ways_back import fall_back_to
from assay.value.valuation import valuation

__all__ = ["done_already", "pending", "take"]

_MADE = ("move_policy", "recalibrate", "retrain")

_LEAST_TAUGHT = 500
"""Newest outcomes that teach and judge a revised version, where the proposal saw fewer."""


def take(desk: Desk, one: ResponseState) -> dict[str, Any]:
    """Do what a response says, and return what the ledger is to tell of it.

    Whatever was done already for this very response is found and not done again: a release step
    by its reason, a version by its evidence. A version that is made is not released here. Raises
    CheckFailed where what was proposed no longer applies, and DataError where too few cases
    could judge the version.
    """
    done = done_already(desk, one)
    if done is not None:
        return done
    told = _told(one)
    if one.kind in _MADE:
        return {"reason": told, "version": _make(desk, one)}
    if one.kind != "escalate":
        _step(desk, one, told)
    return {"reason": told}


def done_already(desk: Desk, one: ResponseState) -> dict[str, Any] | None:
    """Return what the ledger is to tell of a response that was done and not written down."""
    told = _told(one)
    if one.kind in _MADE:
        for version in reversed(model_state(desk.ports.ledger, desk.charter).registered):
            if _later(version, one) and _responds_to(desk, version) == one.id:
                return {"reason": told, "version": version.version}
        return None
    state = release_state(desk.ports.ledger, desk.charter)
    return {"reason": told} if any(step.reason == told for step in state.history) else None


def _told(one: ResponseState) -> str:
    return f"{one.proposed['text']} (response {one.id})"


def pending(
    desk: Desk, states: ResponsesState, *, release: bool = True
) -> tuple[int | None, tuple[str, ...]]:
    """Release the version that the newest response made, once the gate opens.

    Returns its number while it still waits, with why. It waits no more once it was tried, another
    version stands, or the charter's `response.period` is over; without `release` it only says so.
    """
    made = [one for one in states.taken if one.taken and one.taken.get("version")]
    if not made:
        return None, ()
    newest = made[-1]
    version = int((newest.taken or {})["version"])
    state = release_state(desk.ports.ledger, desk.charter)
    if any(step.version == version for step in state.history):
        return None, ()
    if stands_now(state).version != newest.proposed.get("standing") or _over(desk, newest):
        return None, ()
    if not release:
        return version, ()
    return _released(desk, version)


def _released(desk: Desk, version: int) -> tuple[int | None, tuple[str, ...]]:
    ledger, blobs, charter = desk.ports.ledger, desk.ports.blobs, desk.charter
    candidate, verdict = judge(ledger, blobs, charter, version, desk.now)
    if not verdict.open:
        why = " ".join(verdict.reasons)
        return version, (f"Version {version} waits at the gate. {why}",)
    try:
        state = release(
            ledger,
            desk.ports.desired,
            charter,
            (candidate, verdict),
            action="start",
            reason="",
            salt=desk.salt,
            now=desk.now,
            by="a response",
        )
    except CheckFailed as error:
        return version, (str(error),)
    share = f" with {state.weight:.0%} of traffic" if state.weight else f" ({state.strategy})"
    how = f"on trial{share}" if state.running else "released"
    return None, (f"Version {version} is {how}.",)


def _over(desk: Desk, one: ResponseState) -> bool:
    """Whether a version has waited for longer than the charter's period of responses."""
    span = rows_or_time(desk.charter.response.period, desk.charter)
    taken = one.taken or {}
    if isinstance(span, int):
        return len(desk.served().records) - int(taken.get("served", 0)) >= span
    return desk.now - (one.ended or desk.now) >= span


def _step(desk: Desk, one: ResponseState, told: str) -> None:
    ports, charter, target = desk.ports, desk.charter, str(one.proposed["target"])
    by = f"the response {one.id}"
    if one.kind == "fall_back":
        fall_back_to(ports.ledger, ports.desired, charter, target, reason=told, now=desk.now, by=by)
        return
    state = release_state(ports.ledger, charter)
    former = before(state)
    if former is None or str(former.version) != target:
        there = "nothing" if former is None else f"version {former.version}"
        raise CheckFailed(
            f"The response {one.id} is to roll back to version {target}, and what would come back "
            f"now is {there}. Decline it, or roll back by hand (`assay release --do roll-back`)."
        )
    release(
        ports.ledger,
        ports.desired,
        charter,
        None,
        action="roll_back",
        reason=told,
        salt=desk.salt,
        now=desk.now,
        state=state,
        by=by,
    )


def _make(desk: Desk, one: ResponseState) -> int:
    """Make and register the version that a response is about, and return its number."""
    packaged = read_version(desk.charter, desk.ports, int(one.proposed["standing"]))
    if one.kind == "retrain":
        recipe, why = known_recipe(desk.charter, packaged)
        if why:
            raise CheckFailed(f"Version {packaged.version} cannot be retrained: {why}.")
        return desk.retrain(Again(recipe, one.id))
    made = version_state(desk.ports.ledger, desk.charter, packaged.version).registered_at
    frame, table = _served_table(desk, made, max(int(one.proposed["cases"]), _LEAST_TAUGHT))
    built = revise(
        desk.charter,
        packaged,
        frame,
        table,
        engines=desk.engines,
        bend=bent_to(valuation(desk.charter.value, desk.charter.data))
        if one.kind == "recalibrate"
        else None,
        responds_to=one.id,
        progress=desk.progress,
    )
    return register(built, desk.charter, desk.ports.ledger, desk.ports.blobs, desk.now).version


def _served_table(desk: Desk, since: datetime | None, newest: int) -> tuple[pl.DataFrame, bytes]:
    """Return the newest cases served since a version was made as the charter's table has them."""
    known = known_by(desk.served(), desk.charter, desk.now, since)
    served = labelled_table(known, desk.charter).tail(newest)
    if not served.height:
        raise DataError("No served case has an outcome that counts since this version was made.")
    frame = joined_rows(desk.table().clear(), served, desk.charter)
    return frame, as_parquet(frame)


def _later(version: VersionState, one: ResponseState) -> bool:
    return version.registered_at is not None and version.registered_at >= one.proposed_at


def _responds_to(desk: Desk, version: VersionState) -> str:
    found = [one for one in evidence_of(desk.ports.blobs, version) if one.kind == "evaluation"]
    return made_for(found[-1].content.get("search")) if found else ""
