"""Planned against realised value of the version that serves, and what lies between."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from assay.build.judged_rows import JudgedRows, fixed_costs_per_month, segment_names
from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.deploy.fetch import fetch_bundle
from assay.errors import DataError
from assay.evidence.evidence import Evidence
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM, Live
from assay.lifecycle.approval import version_state
from assay.lifecycle.decided import Stretch
from assay.lifecycle.telling import release_state
from assay.monitor.cases import Cases, moments, read_cases, served_once
from assay.monitor.join import newest_outcomes
from assay.monitor.matured import matured
from assay.monitor.value import LEAST_LABELS
from assay.monitor.volume import DAYS_PER_MONTH
from assay.monitor.watched import Watched, watch_bundle
from assay.monitor.windows import cut_windows
from assay.ports.blobs import Blobs
from assay.ports.ledger import Ledger
from assay.ports.ports import Ports
from assay.stats.clusters import Clusters, row_blocks
from assay.value.bridge import Bridge, bridge
from assay.value.bridge_sides import Side, paid_instead_by
from assay.value.valuation import Valuation, valuation, valuation_from_document

__all__ = ["Bridged", "bridge_so_far"]

_LEAST_SEGMENT = 100
"""Judged rows below which a segment joins the others: its score cells would be all but empty."""
_OTHERS = "other"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Bridged:
    """The value bridge of the version that serves; where there is none yet, `words` say why."""

    version: int | None
    bridge: Bridge | None
    words: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        found = None if self.bridge is None else self.bridge.document()
        return {"version": self.version, "bridge": found, "words": list(self.words)}


def bridge_so_far(
    charter: Charter,
    ports: Ports,
    now: datetime,
    *,
    version: int | None = None,
    within: Stretch | None = None,
) -> Bridged:
    """Return what lies between the plan of a version and what it realised.

    The version is the one that serves where none is named; `within` takes only what it decided
    then, both ends included.

    Planned are the rows that judged the version, at the volume and costs of its charter. Realised
    are its own decisions whose label delay is over, paid by the charter as it is now, at the volume
    that the use case served (a window of rows says nothing of time: there the planned volume
    counts) and at today's costs. Outcomes that have not come are left out as if they would not have
    differed; those that the action taken never shows are as the forecast expects, and said to be.
    """
    live = _live(charter, ports, version)
    if live is None:
        return _none(None, "There is no value bridge yet: nothing is released.")
    planned = _judged(ports.ledger, ports.blobs, charter, live)
    if planned is None:
        return _none(
            live,
            f"There is no value bridge: version {live.version} was built before the rows that "
            "judge a version were kept. Versions built from now on have one.",
        )
    watched = watch_bundle(fetch_bundle(ports.blobs, live.bundle))
    served = _served(charter, ports, live, now, within)
    told = int(served.labelled[served.rows].sum())
    if told < LEAST_LABELS:
        return _none(
            live,
            f"There is no value bridge yet: version {live.version} has {told:,} decisions with an "
            f"outcome that counts, and it takes {LEAST_LABELS}.",
        )
    try:
        sides = _planned(watched, planned), _realised(charter, watched, planned, served, now)
        found = bridge(*sides, seed=charter.build.seed)
    except DataError as error:
        return _none(live, f"There is no value bridge: {error}")
    return Bridged(live.version, found, (_basis(live, sides[1], told, served), *found.words()))


def _live(charter: Charter, ports: Ports, version: int | None) -> Live | None:
    if version is not None:
        return Live(version, version_state(ports.ledger, charter, version).bundle)
    state = release_state(ports.ledger, charter)
    return state.champion or state.challenger


def _none(live: Live | None, why: str) -> Bridged:
    return Bridged(live.version if live else None, None, (why,))


def _judged(ledger: Ledger, blobs: Blobs, charter: Charter, live: Live) -> JudgedRows | None:
    """Return the rows that judged a version; None where they were not kept."""
    kept = None
    for one in version_state(ledger, charter, live.version).evidence:
        if one.kind == "evaluation" and blobs.has(one.digest):
            evidence = Evidence.from_document(json.loads(blobs.get(one.digest)))
            kept = evidence.content.get("judged_rows")
    if kept is None or not blobs.has(kept["digest"]):
        return None
    return JudgedRows.read(kept, blobs.get(kept["digest"]))


@dataclass(frozen=True, eq=False)
class _Served:
    """All captures of a use case in order, and which `rows` of them tell of the live version."""

    records: Sequence[Mapping[str, Any]]
    outcomes: Sequence[Any]
    times: NDArray[np.datetime64]
    labelled: NDArray[np.bool_]
    ripe: NDArray[np.bool_]
    rows: NDArray[np.int64]


def _served(
    charter: Charter, ports: Ports, live: Live, now: datetime, within: Stretch | None
) -> _Served:
    records = served_once(ports.captures.read(), charter.name)
    table = ports.outcomes.read()
    _, outcomes = newest_outcomes(
        [record["id"] for record in records],
        *(table[name].to_list() for name in ("id", "revision", "outcome")),
    )
    labelled = np.array([outcome is not None for outcome in outcomes], dtype=np.bool_)
    times = moments(records)
    own = np.array(
        [
            one["bundle"] == live.bundle and one["arm"] not in (BASELINE_ARM, CONTROL_ARM)
            for one in records
        ],
        dtype=np.bool_,
    )
    if within is not None:
        first, last = (np.datetime64(one.astimezone(UTC).replace(tzinfo=None)) for one in within)
        own &= (first <= times) & (times <= last)
    ripe = own & matured(times, label_delay(charter), now)
    reveals = charter.data.revealed_by
    hidden = np.array(
        [bool(reveals) and one["decision"] not in reveals for one in records], dtype=np.bool_
    )
    rows = np.flatnonzero(ripe & (labelled | hidden))
    return _Served(records, outcomes, times, labelled, ripe, rows)


def _planned(watched: Watched, rows: JudgedRows) -> Side:
    return Side(
        watched.valuation,
        watched.forecast(rows.score, rows.columns),
        rows.outcomes,
        rows.columns,
        volume=rows.decisions_per_month,
        fixed_costs=rows.fixed_costs_per_month,
        cost_per_decision=rows.cost_per_decision,
        segments=_pooled(rows.segments, rows),
        clusters=rows.clusters,
    )


def _realised(
    charter: Charter, watched: Watched, planned: JudgedRows, served: _Served, now: datetime
) -> Side:
    day = now.astimezone(ZoneInfo(charter.monitoring.time_zone)).date()
    agreed = charter.value.at(day)
    payer = _payer(valuation(agreed, charter.data), watched.valuation)
    cases = _readable(watched, served, payer.columns | watched.valuation.columns)
    names = segment_names(cases.columns, planned.segmented_by, cases.n)
    side = Side(
        watched.valuation,
        watched.forecast(cases.score, cases.columns),
        cases.outcomes,
        cases.columns,
        volume=_volume(charter, served, now),
        fixed_costs=fixed_costs_per_month(charter, agreed),
        cost_per_decision=agreed.cost_per_decision,
        decisions=cases.decisions,
        segments=_pooled(names, planned),
        clusters=_clusters(cases, planned),
        known=cases.labelled,
    )
    return paid_instead_by(side, payer)


def _payer(agreed: Valuation, served: Valuation) -> Valuation:
    """Return the charter's valuation with what the served one has learned from outcomes."""
    learned = served.document()
    names = {"learned", "prices", "refers_from"} & set(learned)
    return valuation_from_document(agreed.document() | {name: learned[name] for name in names})


def _readable(watched: Watched, served: _Served, needed: frozenset[str]) -> Cases:
    """Return the cases that came with every column that payoffs and baselines read."""
    rows = served.rows.tolist()
    cases = read_cases(
        watched,
        [served.records[row] for row in rows],
        [served.outcomes[row] for row in rows],
        served.labelled[served.rows],
    )
    whole = np.ones(cases.n, dtype=np.bool_)
    for name in needed & set(cases.columns):
        column = cases.columns[name]
        whole &= ~np.isnan(column) if column.dtype.kind == "f" else column != ""
    return cases.at(whole)


def _pooled(names: NDArray[np.str_], planned: JudgedRows) -> NDArray[Any]:
    """Return segments by name, those with few judged rows together; new ones keep their own."""
    known, counts = np.unique(planned.segments, return_counts=True)
    return np.where(np.isin(names, known[counts < _LEAST_SEGMENT]), _OTHERS, names)


def _clusters(cases: Cases, planned: JudgedRows) -> Clusters | None:
    """Return which served cases hang together: as the judged rows do."""
    if cases.entities is not None:
        return Clusters.of(cases.entities, "entity")
    return None if planned.clusters is None else row_blocks(cases.n)


def _volume(charter: Charter, served: _Served, now: datetime) -> float:
    """Return the decisions a month of all arms, in the windows in which the version decided."""
    span = charter.monitoring.window
    if span.unit not in {"hour", "day"}:
        return charter.value.decisions_per_month
    windows = [
        one
        for one in cut_windows(served.times, span, charter.monitoring.time_zone, now)
        if one.complete and np.isin(one.rows, served.rows).any()
    ]
    days = sum((one.end - one.start) / _DAY for one in windows if one.start and one.end)
    if not days:
        return charter.value.decisions_per_month
    return sum(len(one.rows) for one in windows) / days * DAYS_PER_MONTH


def _basis(live: Live, realised: Side, told: int, served: _Served) -> str:
    """Say what the realised side rests on."""
    ripe, used = int(served.ripe.sum()), len(served.rows)
    waiting = "" if used == ripe else f"; {ripe - used:,} more have none yet and are left out"
    return (
        f"Uplift after running costs. Planned is what judged version {live.version}; realised are "
        f"{len(realised):,} of its decisions whose label delay is over ({told:,} with an "
        f"outcome{waiting}), at {realised.volume:,.0f} decisions a month."
    )
