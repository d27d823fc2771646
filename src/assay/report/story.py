"""Everything that a report tells about a use case, gathered from ledger, blobs and monitoring."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.charter.charter import Charter
from assay.deploy.fetch import fetch_bundle
from assay.errors import LedgerBroken
from assay.evidence.event import Event
from assay.evidence.evidence import Evidence
from assay.evidence.folds import AlertState, ReleaseState, VersionState, alerts, models, releases
from assay.evidence.gate import Verdict, gate
from assay.lifecycle.approval import evidence_of, version_state
from assay.lifecycle.bridging import Bridged
from assay.monitor.run import MonitorResult
from assay.ports.blobs import Blobs
from assay.ports.ledger import Ledger
from assay.ports.ports import Ports

__all__ = ["LedgerCheck", "Story", "Version", "gather"]


@dataclass(frozen=True)
class Version:
    """One version with its evidence, what the gate says of it now, and its policy."""

    state: VersionState
    evidence: tuple[Evidence, ...]
    verdict: Verdict
    policy: Mapping[str, Any]

    def content(self, kind: str) -> Mapping[str, Any]:
        """Return what the newest evidence of a kind measured; empty where there is none."""
        found = [one.content for one in self.evidence if one.kind == kind]
        return found[-1] if found else {}


@dataclass(frozen=True)
class LedgerCheck:
    """Whether the ledger holds together, in words."""

    intact: bool
    text: str


@dataclass(frozen=True)
class Story:
    """What the page shows; `version` is None before anything was built."""

    charter: Charter
    at: datetime
    version: Version | None
    release: ReleaseState
    observed: MonitorResult
    bridged: Bridged
    alerts: tuple[AlertState, ...]
    events: tuple[Event, ...]
    ledger: LedgerCheck


def gather(
    charter: Charter,
    ports: Ports,
    observed: MonitorResult,
    bridged: Bridged,
    version: int | None,
    now: datetime,
) -> Story:
    """Read everything; nothing is written, the gate is asked without recording its answer."""
    ledger, blobs = ports.ledger, ports.blobs
    events = tuple(ledger.events())
    built = version is not None or charter.name in models(events)
    return Story(
        charter=charter,
        at=now,
        version=_version(charter, ledger, blobs, version, now) if built else None,
        release=releases(events).get(charter.name, ReleaseState(charter.name)),
        observed=observed,
        bridged=bridged,
        alerts=alerts(events),
        events=events,
        ledger=_checked(ledger),
    )


def _version(
    charter: Charter, ledger: Ledger, blobs: Blobs, number: int | None, now: datetime
) -> Version:
    state = version_state(ledger, charter, number)
    evidence = evidence_of(blobs, state)
    verdict = gate(charter, state.candidate, evidence, state.sign_offs, state.waivers, now)
    bundle = fetch_bundle(blobs, state.bundle)
    return Version(state, evidence, verdict, json.loads(bundle.files["policy.json"]))


def _checked(ledger: Ledger) -> LedgerCheck:
    try:
        count = ledger.verify()
    except LedgerBroken as error:
        return LedgerCheck(intact=False, text=str(error))
    last = [event.digest for event in ledger.events(after=count - 1)]
    head = f" The last digest is {last[-1]}: keep a copy elsewhere." if last else ""
    return LedgerCheck(
        intact=True, text=f"{count} entries, each bound to the one before; all hold.{head}"
    )
