"""From where a canary counts its payoffs: fixed by evidence before its first unit."""

from __future__ import annotations

from datetime import datetime

from assay.charter.charter import Charter
from assay.evidence.folds import ModelState, ReleaseState
from assay.lifecycle.canary_units import unit_bounds
from assay.lifecycle.charter_then import charter_of_release
from assay.lifecycle.shown import evaluations_of, shown_by
from assay.ports.blobs import Blobs
from assay.value.valuation import valuation

__all__ = ["payoff_centre"]


def payoff_centre(
    charter: Charter,
    state: ReleaseState,
    versions: ModelState,
    blobs: Blobs,
    challenger: int,
    now: datetime,
) -> float:
    """Return what a unit of the other arm was expected to pay, before the canary began.

    It is the mean payoff per decision, times a unit's usual decisions, that the champion's last
    evaluation before the release's start measured; where nothing served before, the baseline's, by
    the evaluation of the version `challenger`. Before a release it is what one started `now` would
    have. Where there is no such evaluation it is 0. It rests on ledger entries from before the
    start alone, so that looking again gives the same number, and lies within the bounds of a unit
    by the payoffs of the day on which it started.
    Raises StoreError where the ledger names an evaluation that the store has lost: another centre
    at a later look would be another test.
    """
    charter = charter_of_release(charter, state)
    champion = state.champion
    number = challenger if champion is None else champion.version
    recorded = evaluations_of(versions, number, until=_start(state) or now)
    if not recorded:
        return 0.0
    shown = shown_by(recorded[-1], blobs)
    mean = (shown.baseline if champion is None else shown.value).mean
    unit = charter.release.unit
    low, high = unit_bounds(valuation(charter.value, charter.data).bounds(), unit.most)
    return min(max(mean * unit.usual, low), high)


def _start(state: ReleaseState) -> datetime | None:
    """Return when the running canary was started; None where none is."""
    started = [step.at for step in state.history if step.what == "started"]
    return started[-1] if state.running and started else None
