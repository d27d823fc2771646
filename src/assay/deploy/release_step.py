"""What a running release does next: one pure decision, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from assay.charter.charter import Charter
from assay.charter.delay import rows_or_time
from assay.deploy.freeze import frozen
from assay.deploy.release import next_stage, next_weight
from assay.evidence.folds import ReleaseState

__all__ = ["Ruling", "Step", "release_step", "soak_of"]


@dataclass(frozen=True)
class Ruling:
    """What evidence says of a running release, and why.

    It is not `sound` where traffic was not split as agreed: nothing it shows can be trusted then.
    """

    verdict: Literal["promote", "hold", "roll_back"]
    reason: str
    sound: bool = True


@dataclass(frozen=True)
class Step:
    """What is to be done with a release now, and why."""

    do: Literal["step", "promote", "roll_back", "hold"]
    reason: str


def release_step(
    charter: Charter,
    state: ReleaseState,
    at: datetime,
    ruling: Ruling | None,
    *,
    missing: Sequence[str] = (),
    waits: str = "",
) -> Step | None:
    """Return what a running release does at a moment; None where none runs.

    Evidence that speaks against it takes it back, whatever else holds. Nothing goes forward while
    it is paused, a freeze holds, something is `missing` at the gate, or its time on the step is not
    over (`release.soak`). Then what evidence decides goes live by evidence alone: time brings a
    canary to its next share and a staged release to its next part of the fleet, never to its end.
    A blue-green one flips once it is loaded everywhere: `waits` says what it waits for.
    """
    if state.challenger is None:
        return None
    if ruling is not None and ruling.verdict == "roll_back":
        return Step("roll_back", ruling.reason)
    held = _held(charter, state, at, missing) or _soaking(charter, state, at)
    if held:
        return Step("hold", held)
    if state.strategy == "blue_green":
        return _flip(waits)
    return _by_evidence(charter, state, ruling)


def soak_of(charter: Charter) -> timedelta:
    """Return the least time on each step; `check` refuses one that is not in hours or days."""
    soak = rows_or_time(charter.release.soak, charter)
    return soak if isinstance(soak, timedelta) else timedelta(0)


def _held(charter: Charter, state: ReleaseState, at: datetime, missing: Sequence[str]) -> str:
    if state.paused:
        return f"Paused: {state.pause.reason if state.pause else 'by hand'}."
    freeze = frozen(charter, at)
    if freeze is not None:
        return str(freeze)
    return f"The gate is closed. {' '.join(missing)}" if missing else ""


def _soaking(charter: Charter, state: ReleaseState, at: datetime) -> str:
    over = (state.began or at) + soak_of(charter)
    return "" if at >= over else f"It stays on this step until {over:%Y-%m-%d %H:%M %Z}."


def _flip(waits: str) -> Step:
    if waits:
        return Step("hold", waits)
    return Step("promote", "loaded beside the one before it, and flipped")


def _by_evidence(charter: Charter, state: ReleaseState, ruling: Ruling | None) -> Step:
    said = "Too early to decide." if ruling is None else ruling.reason
    if ruling is not None and not ruling.sound:
        return Step("hold", said)
    good = ruling is not None and ruling.verdict == "promote"
    soak = soak_of(charter)
    labels, weight = next_stage(charter, state), next_weight(charter, state)
    if labels is not None and (good or soak):
        return Step("step", said if good else f"{soak} on this stage, nothing against it: {said}")
    if good and labels is None:
        return Step("promote", said)
    if weight is not None and soak:
        return Step("step", f"{soak} on this step, nothing against it: {said}")
    return Step("hold", said)
