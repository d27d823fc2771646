"""Monitoring as a pure function: from captures and outcomes to windows, alerts and value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.errors import DataError
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM, AlertState
from assay.monitor.alerts import Alert, Changes, Judgement, changes, follow
from assay.monitor.cases import Cases, moments, read_cases, served_once
from assay.monitor.join import Joined, newest_outcomes
from assay.monitor.matured import matured
from assay.monitor.report import Judged, WindowReport, judge, measure
from assay.monitor.track_record import Gap, track_record
from assay.monitor.volume import daily_volume
from assay.monitor.watched import Watched
from assay.monitor.windows import Window, cut_windows
from assay.stats.estimate import Estimate
from assay.value.control import ControlMeasured
from assay.value.in_force import paid_by
from assay.value.valuation import valuation

__all__ = ["MonitorResult", "monitor"]

_NOTHING = Judged((), frozenset(), None)


@dataclass(frozen=True, eq=False)
class MonitorResult:
    """Every window of every version that served, every alert, and what the ledger lacks.

    `joined` tells of outcomes whose id nobody served, and of those delivered again; `by_control`
    is the uplift that a control share shows, where there is one.
    """

    windows: tuple[WindowReport, ...]
    alerts: tuple[Alert, ...]
    changes: Changes
    joined: Joined
    by_control: ControlMeasured | None = None


@dataclass(frozen=True, eq=False)
class _Served:
    """One model's captures in order, each with its outcome where that is known.

    `matured` tells of which the label delay is over.
    """

    records: Sequence[Mapping[str, Any]]
    outcomes: Sequence[Any]
    labelled: NDArray[np.bool_]
    matured: NDArray[np.bool_]

    def cases(self, watched: Watched, rows: NDArray[np.int64]) -> Cases:
        """Return some rows, all of one bundle, as arrays."""
        return read_cases(
            watched,
            [self.records[row] for row in rows.tolist()],
            [self.outcomes[row] for row in rows.tolist()],
            self.labelled[rows],
            self.matured[rows],
        )


def monitor(
    charter: Charter,
    captures: Iterable[Mapping[str, Any]],
    outcomes: pl.DataFrame,
    bundles: Mapping[str, Watched],
    *,
    plans: Mapping[str, Estimate] | None = None,
    recorded: Iterable[AlertState] = (),
    now: datetime | None = None,
    seed: int = 0,
) -> MonitorResult:
    """Measure and judge every window of what was served.

    `captures` are records as `CaptureLog` yields them; `outcomes` has the columns id, outcome and
    revision; `bundles` and `plans` (the signed uplift per decision) go by bundle digest;
    `recorded` are the model's alerts in the ledger. A prediction counts once, by its id, in
    the window of its first answer; a window that is not complete is measured but not judged, and
    so are the arms `baseline` and `control`, on which no version decides. An outcome counts once
    its label delay is over, and not before.
    Raises DataError where a capture names a bundle that is not given.
    """
    records = served_once(captures, charter.name)
    joined, known = newest_outcomes(
        [record["id"] for record in records],
        *(outcomes[name].to_list() for name in ("id", "revision", "outcome")),
    )
    labelled = np.array([outcome is not None for outcome in known], dtype=np.bool_)
    times = moments(records)
    served = _Served(records, known, labelled, matured(times, label_delay(charter), now))
    span, zone = charter.monitoring.window, charter.monitoring.time_zone
    windows = cut_windows(times, span, zone, now)
    reports = _reports(charter, served, windows, bundles, plans or {}, seed)
    alerts = follow(charter.name, _judgements(one for one in reports if one.complete))
    return MonitorResult(reports, alerts, changes(alerts, recorded), joined)


def _judgements(reports: Iterable[WindowReport]) -> list[Judgement]:
    """Return one judgement for each version and window, over the arms it served on."""
    together: dict[tuple[str, int], Judgement] = {}
    for report in reports:
        one = report.judgement
        known = together.get((one.window, one.version))
        if known is not None:
            kinds, findings = known.judged | one.judged, (*known.findings, *one.findings)
            one = Judgement(one.window, one.version, kinds, findings)
        together[one.window, one.version] = one
    return list(together.values())


def _reports(
    charter: Charter,
    served: _Served,
    windows: Sequence[Window],
    bundles: Mapping[str, Watched],
    plans: Mapping[str, Estimate],
    seed: int,
) -> tuple[WindowReport, ...]:
    reports = []
    gaps: dict[str, list[Mapping[str, Gap]]] = {}
    for window in windows:
        for (arm, version, bundle), rows in _arms(served.records, window):
            watched = bundles.get(bundle)
            if watched is None:
                raise DataError(_unknown_bundle(served.records[rows[0]]))
            watched = _paid_as_agreed(charter, watched, served.records[rows[0]])
            measured = measure(charter, watched, served.cases(watched, rows), seed=seed)
            of_version = arm not in (BASELINE_ARM, CONTROL_ARM)
            so_far = gaps.setdefault(bundle, [])
            so_far += [measured.gaps] if of_version else []
            record = track_record(so_far)
            verdict = _NOTHING
            if window.complete and of_version:
                volume = daily_volume(charter, window, measured.n)
                verdict = judge(charter, measured, record, plans.get(bundle), volume)
            reports.append(
                WindowReport(
                    window.name,
                    window.start,
                    window.end,
                    window.complete,
                    arm,
                    version,
                    bundle,
                    measured,
                    record,
                    verdict,
                )
            )
    return tuple(reports)


def _paid_as_agreed(charter: Charter, watched: Watched, first: Mapping[str, Any]) -> Watched:
    """Return the version with the payoffs agreed for the day on which a window's cases begin."""
    if not charter.agreed.value.changes:
        return watched
    day = datetime.fromisoformat(first["at"]).astimezone(charter.monitoring.zone).date()
    paying = valuation(charter.agreed.value.at(day), charter.data)
    return replace(watched, valuation=paid_by(watched.valuation, paying))


def _arms(
    records: Sequence[Mapping[str, Any]], window: Window
) -> list[tuple[tuple[str, int, str], NDArray[np.int64]]]:
    """Return the window's rows of each (arm, version, bundle), in order of the arms' names."""
    places: dict[tuple[str, int, str], list[int]] = {}
    for row in window.rows.tolist():
        record = records[row]
        key = (str(record["arm"]), int(record["version"]), str(record["bundle"]))
        places.setdefault(key, []).append(row)
    return [(key, np.array(rows, dtype=np.int64)) for key, rows in sorted(places.items())]


def _unknown_bundle(record: Mapping[str, Any]) -> str:
    return (
        f"The prediction {record['id']} was served by the bundle {str(record['bundle'])[:12]} "
        f"(version {record['version']}), which is not among the bundles given. "
        "Monitor with every bundle that served."
    )
