"""The charter that a running release is decided by."""

from __future__ import annotations

from assay.charter.charter import Charter
from assay.evidence.states import ReleaseState

__all__ = ["charter_of_release"]


def charter_of_release(charter: Charter, state: ReleaseState) -> Charter:
    """Return the charter as it was agreed for the day on which the running release started.

    The day is that of the charter's time zone. Where nothing runs it is `charter` itself. So
    payoffs, their bounds and what comes of them stay one and the same over a release, whatever
    agreed change (`value.changes`) falls into it: looking again pays no unit anew.
    """
    started = [step.at for step in state.history if step.what == "started"]
    if not state.running or not started:
        return charter
    return charter.on(started[-1].astimezone(charter.monitoring.zone).date())
