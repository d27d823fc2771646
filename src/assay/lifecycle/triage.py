"""What stands behind an alert: where the money went, what changed upstream, what was alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from assay.charter.charter import Charter
from assay.deploy.fetch import fetch_bundle
from assay.errors import DataError
from assay.evidence.event import Event, EventType
from assay.evidence.folds import AlertState, VersionState
from assay.lifecycle.alerting import alert_states, by_cost
from assay.lifecycle.approval import model_state, version_state
from assay.lifecycle.bridge_elsewhere import bridge_of_log, reference_cases
from assay.lifecycle.bridging import Bridged, bridge_so_far
from assay.lifecycle.decided import Stretch, decided_by
from assay.monitor.carriers import Missed, MovedMix, missed_in, moved_mix
from assay.monitor.cases import Cases
from assay.monitor.possible import possible_uplifts
from assay.monitor.report import WindowReport
from assay.monitor.value import labelled_payoffs
from assay.monitor.volume import Volume
from assay.monitor.watched import Watched, watch_bundle
from assay.ports.engine import Floats
from assay.ports.ledger import Ledger
from assay.ports.ports import Ports
from assay.value.valuation import Valuation

__all__ = ["SimilarAlert", "Triage", "Upstream", "foremost", "triage"]

_DAY = timedelta(days=1)
_LOOK_BACK = timedelta(days=30)
"""How far before a breach changes upstream are looked for."""

_LEAST_CASES = 100
_MOST_SIMILAR = 10

_UPSTREAM = {
    EventType.CHARTER_SUBMITTED.value,
    EventType.MODEL_REGISTERED.value,
    EventType.RELEASE_STARTED.value,
    EventType.RELEASE_STEPPED.value,
    EventType.RELEASE_PROMOTED.value,
    EventType.RELEASE_ROLLED_BACK.value,
    EventType.RELEASE_FELL_BACK.value,
    EventType.RESPONSE_TAKEN.value,
}


@dataclass(frozen=True)
class Upstream:
    """A change that came before the breach or during it; `note` says what differs, if known."""

    at: datetime
    event: Event
    note: str = ""


@dataclass(frozen=True)
class SimilarAlert:
    """An earlier alert of the same kind and metric, and what was done while it was open."""

    alert: AlertState
    responses: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Triage:
    """One breach: the bridge of its windows, who carries the loss, and what may be behind it.

    `moved` are features whose mix changed, `missed` bands that disappoint, both in currency per
    day; `words` say what could not be told.
    """

    alert: AlertState
    version: int
    windows: tuple[str, ...]
    within: Stretch | None
    bridged: Bridged
    moved: tuple[MovedMix, ...]
    missed: tuple[Missed, ...]
    upstream: tuple[Upstream, ...]
    similar: tuple[SimilarAlert, ...]
    volume: Volume
    words: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {
            "alert": {"id": self.alert.id, **self.alert.data, "open": self.alert.open},
            "version": self.version,
            "windows": list(self.windows),
            "value_bridge": self.bridged.document(),
            "moved": [one.document() for one in self.moved],
            "missed": [one.document() for one in self.missed],
            "upstream": [
                {
                    "at": one.at.isoformat(),
                    "subject": one.event.subject,
                    "type": one.event.type,
                    "note": one.note,
                }
                for one in self.upstream
            ],
            "similar": [
                {
                    "id": one.alert.id,
                    "text": one.alert.text,
                    "raised_at": one.alert.raised_at.isoformat(),
                    "closed_because": one.alert.closed_because,
                    "responses": [dict(each) for each in one.responses],
                }
                for one in self.similar
            ],
            "words": list(self.words),
        }


def foremost(known: Iterable[AlertState]) -> AlertState:
    """Return the open alert that costs most, or the newest where none is open."""
    states = list(known)
    if not states:
        raise DataError("No alert was ever raised: `assay monitor` looks for breaches.")
    live = [one for one in states if one.open]
    return by_cost(live)[0] if live else states[-1]


def triage(
    charter: Charter,
    ports: Ports,
    alert: AlertState,
    reports: Iterable[WindowReport],
    now: datetime,
    *,
    reference: pl.DataFrame | None = None,
) -> Triage:
    """Gather what a person needs who is asked about an alert; nothing is written.

    The rows of the alert's windows are read again, for features stand in no score table.
    `reference` are the labelled rows of a model that is served elsewhere, with their raw outcomes.
    """
    version = int(alert.data.get("version", 0))
    windows = tuple(str(one) for one in dict.fromkeys(alert.windows))
    own = [one for one in reports if one.window in windows and one.version == version]
    ends = [(one.start, one.end) for one in own if one.start and one.end]
    within = (min(a for a, _ in ends), max(b for _, b in ends)) if ends else None
    bundle = own[-1].bundle if own else version_state(ports.ledger, charter, version).bundle
    watched = watch_bundle(fetch_bundle(ports.blobs, bundle))
    cases = decided_by(charter, ports, watched, bundle, windows, now)
    volume = _volume(charter, sum(one.measured.n for one in own), within)
    moved, missed, words = _carried(watched, cases, charter, volume)
    if reference is None:
        bridged = bridge_so_far(charter, ports, now, version=version, within=within)
    else:
        known = reference_cases(watched, reference)
        bridged = bridge_of_log(charter, watched, known, cases, version, now)
    return Triage(
        alert=alert,
        version=version,
        windows=windows,
        within=within,
        bridged=bridged,
        moved=moved,
        missed=missed,
        upstream=_upstream(charter, ports.ledger, alert, within),
        similar=_similar(charter, ports.ledger, alert),
        volume=volume,
        words=words,
    )


def _volume(charter: Charter, decisions: int, within: Stretch | None) -> Volume:
    """Return the decisions a day of the breach: as served, or planned where windows are of rows."""
    by_time = charter.monitoring.window.unit in {"hour", "day"}
    if by_time and within is not None and within[1] > within[0]:
        return Volume(decisions / ((within[1] - within[0]) / _DAY), "served in these windows")
    return Volume.planned(charter.value.decisions_per_month)


def _carried(
    watched: Watched, cases: Cases, charter: Charter, volume: Volume
) -> tuple[tuple[MovedMix, ...], tuple[Missed, ...], tuple[str, ...]]:
    """Return what each feature carries of the loss, and in words what is not known of it."""
    if cases.n < _LEAST_CASES:
        return (), (), (f"Only {cases.n} decisions of these windows are kept: too few to tell.",)
    valuation, currency = watched.valuation, charter.value.currency
    forecast = watched.forecast(cases.score, cases.columns)
    possible = possible_uplifts(valuation, forecast, cases.decisions, cases.columns)
    expected = possible.mean()
    moved = moved_mix(cases.columns, expected, watched.reference, volume.per_day, currency)
    # Cases that pay the same whatever comes cannot disappoint: who is left alone tells nothing.
    staked = ~possible.certain
    gaps = (_realised(valuation, cases) - expected)[staked]
    told = int(np.isfinite(gaps).sum())
    at_stake = {name: column[staked] for name, column in cases.columns.items()}
    a_day = volume.per_day * float(staked.mean())
    missed = missed_in(at_stake, gaps, watched.reference, a_day, currency)
    known = (
        f"Which cases disappoint rests on {told:,} known outcomes of the {len(gaps):,} decisions, "
        f"of {cases.n:,}, whose uplift hangs on one."
    )
    return moved, missed, (known,)


def _realised(valuation: Valuation, cases: Cases) -> Floats:
    """Return the uplift of each case whose outcome counts, NaN for the others."""
    rows = cases.counting
    uplift = np.full(cases.n, np.nan)
    if rows.any():
        told = (cases.decisions, cases.outcomes, rows, cases.columns)
        own, base = labelled_payoffs(valuation, *told)
        uplift[rows] = own - base
    return uplift


def _upstream(
    charter: Charter, ledger: Ledger, alert: AlertState, within: Stretch | None
) -> tuple[Upstream, ...]:
    """Return what was changed before the breach or during it, the newest first."""
    start = (within[0] if within else alert.raised_at) - _LOOK_BACK
    notes = _differences(charter, ledger)
    found = []
    for event in ledger.events():
        kind, _, name = event.subject.partition(":")
        if event.type not in _UPSTREAM or name.split("/")[0] != charter.name:
            continue
        at = datetime.fromisoformat(event.data["at"])
        if start <= at <= alert.raised_at:
            place = name.rpartition("/")[2] if kind == "model" else ""
            found.append(Upstream(at, event, notes.get(place, "")))
    return tuple(reversed(found))


def _differences(charter: Charter, ledger: Ledger) -> dict[str, str]:
    """Return for each version, by its number, what it was made of that the one before was not."""
    notes: dict[str, str] = {}
    before: VersionState | None = None
    for one in model_state(ledger, charter).registered:
        if before is not None:
            named = ("data", "code", "environment")
            changed = [name for name in named if one.origin.get(name) != before.origin.get(name)]
            told = " and ".join(changed) or "nothing"
            notes[str(one.version)] = f"{told} changed since version {before.version}"
        before = one
    return notes


def _similar(charter: Charter, ledger: Ledger, alert: AlertState) -> tuple[SimilarAlert, ...]:
    """Return earlier alerts of this kind and metric, the newest first, with what was done."""
    taken = [
        (datetime.fromisoformat(event.data["at"]), event.data)
        for event in ledger.events()
        if event.type == EventType.RESPONSE_TAKEN
        and event.subject.partition(":")[2].split("/")[0] == charter.name
    ]
    found = []
    for one in alert_states(ledger, charter.name):
        alike = (one.kind, one.data.get("metric")) == (alert.kind, alert.data.get("metric"))
        if alike and one.id != alert.id and one.raised_at <= alert.raised_at:
            until = one.closed_at or alert.raised_at
            done = tuple(data for at, data in taken if one.raised_at <= at <= until)
            found.append(SimilarAlert(one, done))
    return tuple(reversed(found))[:_MOST_SIMILAR]
