"""Monitoring as a pure function: from what was measured of windows to verdicts and alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl

from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM, AlertState
from assay.monitor.alerts import Alert, Changes, Judgement, changes, follow
from assay.monitor.failures import Failures
from assay.monitor.groups import measured_groups
from assay.monitor.late_labels import Deliveries, newest_of_each, with_outcomes
from assay.monitor.matured import matured
from assay.monitor.measured import Measured
from assay.monitor.readable import Unread
from assay.monitor.report import Judged, WindowReport, judge
from assay.monitor.sequences import Followed, Step, follow_steps
from assay.monitor.service import ServiceTally
from assay.monitor.track_record import Gap, track_record
from assay.monitor.value_watch import ValueWatch
from assay.monitor.volume import daily_volume
from assay.monitor.watched import Watched
from assay.monitor.windows import Window, cut_windows
from assay.ports.predictions import NOT_RECORDED, served_frame
from assay.ports.profiles import WindowKey
from assay.stats.estimate import Estimate
from assay.value.control import ControlMeasured

__all__ = [
    "FollowedWindows",
    "MeasuredWindow",
    "MonitorResult",
    "deciding",
    "judged",
    "monitor",
]

_OURS = 500
"""The HTTP status from which a failure is the server's fault."""

_NOTHING = Judged((), frozenset(), None)

MeasuredWindow = tuple[Window, Mapping[WindowKey, Measured]]
"""A window, and what was measured of each who decided in it, in order of the keys."""

FollowedWindows = Mapping[tuple[str, int], Followed]
"""What the windows of a bundle say together, as of each: by its digest and the window's number."""


@dataclass(frozen=True, eq=False)
class MonitorResult:
    """Every window of every version that served, every alert, and what the ledger lacks.

    `joined` tells of outcomes whose id nobody served, and of those delivered again; `by_control`
    is the uplift that a control share shows, where there is one; `unread` counts rows of the log
    that cannot be read, by file and reason.
    """

    windows: tuple[WindowReport, ...]
    alerts: tuple[Alert, ...]
    changes: Changes
    joined: Deliveries
    by_control: ControlMeasured | None = None
    unread: Unread = field(default_factory=dict)


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
    """Measure and judge every window of what was served, at once and in memory.

    `captures` are records as `CaptureLog` yields them; `outcomes` has the columns id, outcome and
    revision; `bundles` and `plans` (the signed uplift per decision) go by bundle digest;
    `recorded` are the model's alerts in the ledger. A prediction counts once, by its id, in
    the window of its first answer; a window that is not complete is measured but not judged, and
    so are the arms `baseline` and `control`, on which no version decides. An outcome counts once
    its label delay is over, and not before. `keeping.look` gives the same piece by piece.
    Raises DataError where a capture names a bundle that is not given.
    """
    served = served_frame(one for one in captures if one["model"] == charter.name)
    served = served.sort("at", maintain_order=True)
    served = served.unique("id", keep="first", maintain_order=True)
    newest = newest_of_each(outcomes.with_columns(pl.col("id").cast(pl.String)))
    known = newest.join(served, on="id", how="semi").height
    rows, times = with_outcomes(served, newest), served["at"].to_numpy()
    ripe = matured(times, label_delay(charter), now)
    span, zone = charter.monitoring.window, charter.monitoring.time_zone
    measured = [
        (window, dict(measured_groups(charter, window, rows[window.rows], ripe[window.rows],
                                      bundles.get, seed=seed)))
        for window in cut_windows(times, span, zone, now)
    ]  # fmt: skip
    joined = Deliveries(newest.height - known, outcomes.height - newest.height)
    followed = _followed(charter, measured, bundles)
    return judged(charter, measured, joined, followed, plans=plans, recorded=recorded, now=now)


def _followed(
    charter: Charter, windows: Iterable[MeasuredWindow], bundles: Mapping[str, Watched]
) -> FollowedWindows:
    steps: dict[str, list[Step]] = {}
    for window, parts in windows:
        for bundle, keys in deciding(parts).items() if window.complete else ():
            profiles = [one for key in keys if (one := parts[key].profile) is not None]
            step = Step(window.index, "", "", partial(list, profiles))
            steps.setdefault(bundle, []).append(step)
    return {
        (bundle, number): one
        for bundle, own in steps.items()
        for number, one in follow_steps(charter, partial(bundles.__getitem__, bundle), own, None)[
            0
        ].items()
    }


def deciding(parts: Mapping[WindowKey, Measured]) -> dict[str, list[WindowKey]]:
    """Return, for each bundle that decided in a window, its arms: not `baseline` and `control`."""
    found: dict[str, list[WindowKey]] = {}
    for key in parts:
        if key.arm not in (BASELINE_ARM, CONTROL_ARM):
            found.setdefault(key.bundle, []).append(key)
    return found


def judged(
    charter: Charter,
    windows: Iterable[MeasuredWindow],
    joined: Deliveries,
    followed: FollowedWindows | None = None,
    failures: Failures | None = None,
    *,
    plans: Mapping[str, Estimate] | None = None,
    recorded: Iterable[AlertState] = (),
    now: datetime | None = None,
) -> MonitorResult:
    """Judge windows, in order of time, that were measured; follow alerts from one to the next.

    `followed` is what windows say together; requests that failed are put down to the arm that
    answered most in their window.
    """
    failed = [(window, _with_failures(window, parts, failures)) for window, parts in windows]
    reports = _reports(charter, failed, plans or {}, followed or {})
    alerts = follow(charter.name, _judgements(one for one in reports if one.complete))
    after = charter.monitoring.alerts.escalate_after
    lacks = changes(alerts, recorded, escalate_after=after, now=now)
    return MonitorResult(reports, alerts, lacks, joined)


def _with_failures(
    window: Window, parts: Mapping[WindowKey, Measured], failures: Failures | None
) -> Mapping[WindowKey, Measured]:
    """Count requests that the gateway failed to answer (5xx) where most were answered.

    Predictions that could not be recorded count where most were answered by a version.
    """
    found = {} if failures is None else failures.between(window.start, window.end)
    ours = sum(count for status, count in found.items() if status >= _OURS)
    lost = found.get(NOT_RECORDED, 0)
    if not (ours or lost) or not parts:
        return parts
    most = max(parts, key=lambda key: parts[key].n)
    tally = parts[most].service + ServiceTally(requests=ours, errors=ours)
    counted = {**parts, most: replace(parts[most], service=tally)}
    decided = max(parts, key=lambda key: (key.arm not in (BASELINE_ARM, CONTROL_ARM), parts[key].n))
    return {**counted, decided: replace(counted[decided], not_recorded=lost)}


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
    windows: Iterable[MeasuredWindow],
    plans: Mapping[str, Estimate],
    followed: FollowedWindows,
) -> tuple[WindowReport, ...]:
    reports = []
    gaps: dict[str, list[Mapping[str, Gap]]] = {}
    watches: dict[str, ValueWatch] = {}
    limited: dict[str, ValueWatch | None] = {}
    tolerance = charter.monitoring.stale_tolerance
    for window, parts in windows:
        for key, measured in parts.items():
            of_version = key.arm not in (BASELINE_ARM, CONTROL_ARM)
            so_far = gaps.setdefault(key.bundle, [])
            so_far += [measured.gaps] if of_version else []
            record = track_record(so_far, tolerance=tolerance)
            verdict, together = _NOTHING, followed.get((key.bundle, window.index))
            if window.complete and of_version:
                volume = daily_volume(charter, window, measured.n)
                plan, watch = plans.get(key.bundle), watches.get(key.bundle)
                beyond = limited.get(key.bundle)
                verdict = judge(charter, measured, record, plan, volume, together, watch, beyond)
                limited[key.bundle] = verdict.limited
                if verdict.watch is not None:
                    watches[key.bundle] = verdict.watch
            reports.append(
                WindowReport(
                    window.name,
                    window.start,
                    window.end,
                    window.complete,
                    key.arm,
                    key.version,
                    key.bundle,
                    measured,
                    record,
                    verdict,
                    together if of_version else None,
                )
            )
    return tuple(reports)
