"""Where a use case stands: what is built, what the gate says now, what serves, what is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.charter.charter import Charter
from assay.charter.environments import PRODUCTION
from assay.evidence.folds import AlertState, ReleaseState
from assay.evidence.gate import Verdict
from assay.lifecycle.alerting import alert_states, by_cost
from assay.lifecycle.approval import ask, model_state
from assay.lifecycle.fleet_waits import Awaited
from assay.lifecycle.telling import release_state
from assay.ports.blobs import Blobs
from assay.ports.ledger import Ledger

__all__ = ["Status", "status_of"]


@dataclass(frozen=True)
class Status:
    """The newest version, the gate's answer, the release, and open alerts, the dearest first.

    A model that is served `elsewhere` has no version here, unless one was built beside it.
    `release` is that of the environment that was asked about, `environments` are all others;
    `awaited` are the gateways that its flip waits for, where a server hears any.
    """

    name: str
    solo: bool
    newest: int | None
    verdict: Verdict | None
    release: ReleaseState
    alerts: tuple[AlertState, ...]
    elsewhere: bool = False
    environments: tuple[ReleaseState, ...] = ()
    awaited: Awaited | None = None

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
        release = self.release
        if release.fallen is not None and not release.running:
            back = release.fallen.version
            return f"assay release . roll-back brings version {back} back, with no gate"
        if not self.verdict.open:
            return "assay gate, to see what is missing"
        if release.challenger is not None:
            return _tried(release, str(self.awaited or ""))
        live = release.champion is not None
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
            "awaits": [] if self.awaited is None else list(self.awaited.names),
            "environments": {one.environment: _serving(one) for one in self.environments},
            "alerts": [{"id": alert.id, "text": alert.text} for alert in self.alerts],
            "next": self.next,
        }


def _tried(state: ReleaseState, waits: str) -> str:
    """Say what a version that is being tried waits for, and what brings it on."""
    version = state.challenger.version if state.challenger else 0
    if state.paused:
        why = f" ({state.pause.reason})" if state.pause else ""
        return f"version {version} is paused{why}: assay release . resume"
    if state.strategy == "blue_green":
        told = waits or f"version {version} may be flipped."
        return f"{told} A server does it, or assay release . reconcile"
    how = state.strategy.replace("_", " ")
    return (
        f"version {version} waits until evidence decides ({how}): assay release . plan says how "
        "long, assay release . decide what is known"
    )


def _serving(state: ReleaseState) -> dict[str, Any]:
    champion, challenger = state.champion, state.challenger
    return {
        "champion": champion.version if champion else None,
        "challenger": challenger.version if challenger else None,
        "strategy": state.strategy,
        "paused": state.paused,
    }


def status_of(charter: Charter, ledger: Ledger, blobs: Blobs, now: datetime) -> Status:
    """Read where things stand; the gate is asked without recording its answer."""
    newest = model_state(ledger, charter).newest
    others = dict.fromkeys((PRODUCTION, *charter.environments))
    others.pop(charter.environment)
    return Status(
        name=charter.name,
        solo=charter.people.solo,
        newest=None if newest is None else newest.version,
        verdict=None if newest is None else ask(blobs, charter, newest, now),
        release=release_state(ledger, charter),
        alerts=tuple(one for one in by_cost(alert_states(ledger, charter.name)) if one.open),
        elsewhere=charter.monitoring.source is not None,
        environments=tuple(release_state(ledger, charter.within(name)) for name in others),
    )
