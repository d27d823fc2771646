"""Going back, pausing and falling back: what asks no gate, and is done whoever steps meanwhile.

Nothing here reads more of a charter than whose release it is: a way back is open where the charter
on disk has faults, and is quick, as nothing that values decisions is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from assay.deploy.release import Entry, fall_back, pause, roll_back
from assay.deploy.settings import Whose
from assay.errors import LedgerConflict
from assay.evidence.event import EventType
from assay.evidence.folds import ReleaseState
from assay.lifecycle.telling import publish, release_state
from assay.ports.desired import DesiredStore
from assay.ports.ledger import Ledger

__all__ = ["fall_back_to", "go_back", "told_by"]

_TRIES = 20


def go_back(
    ledger: Ledger,
    desired: DesiredStore,
    whose: Whose,
    way: Literal["roll_back", "pause"],
    *,
    reason: str,
    now: datetime,
    by: str = "",
    user: str = "",
    evidence: Mapping[str, str] | None = None,
) -> ReleaseState:
    """Roll a release back or pause it, write it down, and tell the gateways.

    It is done whatever steps others take meanwhile. `by` says who did it, `user` whose account it
    was, and `evidence` names the blobs that show why. Raises CheckFailed where there is nothing to
    roll back to, or to pause.
    """
    made = roll_back if way == "roll_back" else pause
    _surely(
        ledger,
        whose,
        lambda state: told_by(made(state, reason=reason, at=now), by, user, evidence),
    )
    return publish(ledger, desired, whose)


def fall_back_to(
    ledger: Ledger,
    desired: DesiredStore,
    whose: Whose,
    baseline: str,
    *,
    reason: str,
    now: datetime,
    by: str = "",
    user: str = "",
) -> ReleaseState:
    """Let a baseline decide in the champion's place, write it down, and tell the gateways.

    It is done whatever steps others take meanwhile; `by` and `user` as in `go_back`.
    """
    _surely(
        ledger,
        whose,
        lambda state: told_by(fall_back(state, baseline, reason=reason, at=now), by, user),
    )
    return publish(ledger, desired, whose)


def told_by(entry: Entry, by: str, user: str, evidence: Mapping[str, str] | None = None) -> Entry:
    """Return an entry that tells who did it, and what shows why."""
    told: dict[str, Any] = {"by": by, "user": user, "evidence": dict(evidence or {})}
    more = {name: value for name, value in told.items() if value}
    return replace(entry, document={**entry.document, **more})


def _surely(ledger: Ledger, whose: Whose, made: Callable[[ReleaseState], Entry]) -> None:
    """Write the entry that takes a release back, made anew where somebody stepped meanwhile.

    What a roll back was to take out, and what somebody else took out meanwhile, is out: nothing
    more goes back.
    """
    first, tries = None, 0
    while True:
        entry = made(release_state(ledger, whose))
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
