"""The running release: its steps, its strategy, and which records belong to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from assay.charter.charter import Charter
from assay.charter.release import Strategy
from assay.deploy.router import share_of
from assay.evidence.states import ReleaseState, ReleaseStep

__all__ = ["began", "belongs", "copied", "share_of_record", "steps_of", "strategy_of"]

Record = Mapping[str, Any]

_WHOLE = 2**64


def steps_of(state: ReleaseState) -> Sequence[ReleaseStep]:
    """Return the steps of the running release, its start first; none where none runs."""
    starts = [place for place, step in enumerate(state.history) if step.what == "started"]
    return state.history[starts[-1] :] if starts and state.running else ()


def strategy_of(charter: Charter, state: ReleaseState) -> Strategy:
    """Return how the running release goes live, or one would that were started now.

    A release that is running as no shadow and not staged is a canary.
    """
    if not state.running:
        return charter.release.strategy
    if state.strategy == "shadow":
        return "shadow"
    return "staged" if state.strategy == "staged" else "canary"


def began(state: ReleaseState) -> datetime:
    """Return when the running release was started."""
    return steps_of(state)[0].at


def belongs(record: Record, steps: Sequence[ReleaseStep]) -> bool:
    """Whether a record was written since the release's start, by a gateway that knew of it.

    A record without a revision, which an earlier gateway wrote, is placed by its time.
    """
    revision = record.get("revision")
    if revision is not None:
        return bool(revision >= steps[0].revision)
    return datetime.fromisoformat(record["at"]) >= steps[0].at


def share_of_record(record: Record, steps: Sequence[ReleaseStep]) -> float:
    """Return the challenger's share under which a record was assigned; 0 before the release."""
    revision, weight = record.get("revision"), record.get("weight")
    if revision is not None and weight is not None:
        return float(weight) if revision >= steps[0].revision else 0.0
    at = datetime.fromisoformat(record["at"])
    return ([0.0] + [step.weight for step in steps if step.at <= at])[-1]


def copied(salt: str, share: float, key: str) -> bool:
    """Whether a shadow was to score an entity's cases, as gateways deal out copies.

    >>> copied("release-1", 1.0, "ana"), copied("release-1", 0.0, "ana")
    (True, False)
    """
    return share >= 1.0 or share_of(f"{salt}/shadow", key) < int(share * _WHOLE)
