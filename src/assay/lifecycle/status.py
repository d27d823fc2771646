"""Where a use case stands: what is built, what the gate says now, what serves, what is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.charter.charter import Charter
from assay.evidence.folds import AlertState, ReleaseState
from assay.evidence.gate import Verdict
from assay.lifecycle.alerting import alert_states, by_cost
from assay.lifecycle.approval import ask, model_state
from assay.lifecycle.releasing import release_state
from assay.ports.blobs import Blobs
from assay.ports.ledger import Ledger

__all__ = ["Status", "status_of"]


@dataclass(frozen=True)
class Status:
    """The newest version, the gate's answer, the release, and open alerts, the dearest first.

    A model that is served `elsewhere` has no version here, unless one was built beside it.
    """

    name: str
    solo: bool
    newest: int | None
    verdict: Verdict | None
    release: ReleaseState
    alerts: tuple[AlertState, ...]
    elsewhere: bool = False

    @property
    def next(self) -> str:
        """What to do next."""
        if self.elsewhere and (self.alerts or self.newest is None):
            behind = "assay triage, to see what stands behind the alerts"
            return behind if self.alerts else "assay monitor"
        if self.newest is None or self.verdict is None:
            return "assay build"
        if self.alerts:
            return "assay monitor, then assay respond"
        if not self.verdict.open:
            return "assay gate, to see what is missing"
        release = self.release
        live = release.champion is not None or release.running or release.fallen is not None
        return "assay monitor" if live else "assay release, then assay up"

    def document(self) -> dict[str, Any]:
        """Return the status as a JSON document."""
        champion, challenger = self.release.champion, self.release.challenger
        return {
            "name": self.name,
            "solo": self.solo,
            "elsewhere": self.elsewhere,
            "newest": self.newest,
            "gate_open": None if self.verdict is None else self.verdict.open,
            "champion": champion.version if champion else None,
            "challenger": challenger.version if challenger else None,
            "challenger_share": self.release.weight,
            "alerts": [{"id": alert.id, "text": alert.text} for alert in self.alerts],
            "next": self.next,
        }


def status_of(charter: Charter, ledger: Ledger, blobs: Blobs, now: datetime) -> Status:
    """Read where things stand; the gate is asked without recording its answer."""
    newest = model_state(ledger, charter).newest
    return Status(
        name=charter.name,
        solo=charter.people.solo,
        newest=None if newest is None else newest.version,
        verdict=None if newest is None else ask(blobs, charter, newest, now),
        release=release_state(ledger, charter),
        alerts=tuple(one for one in by_cost(alert_states(ledger, charter.name)) if one.open),
        elsewhere=charter.monitoring.source is not None,
    )
