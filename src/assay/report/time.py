"""Value over time, as the page shows it: pictures, window by window, and alerts."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from assay.evidence.states import BASELINE_ARM, CONTROL_ARM
from assay.lifecycle.alerting import by_cost
from assay.monitor.report import WindowReport
from assay.report import plots
from assay.report.story import Story
from assay.stats.estimate import Estimate

__all__ = ["alert_rows", "time_pictures", "window_rows"]


def window_rows(story: Story) -> list[dict[str, Any]]:
    """Return a row for each window and arm, uplift per month."""
    rows = []
    for report in story.observed.windows:
        measured = report.measured
        realised = measured.realised
        rows.append(
            {
                "label": f"{report.window}, {report.arm} {report.version}",
                "n": f"{measured.n:,}",
                "known": f"{measured.known / measured.n:.0%}",
                "expected": _monthly(story, measured.expected.uplift),
                "realised": _monthly(story, realised.uplift if realised else None),
                "verdict": _verdict(report),
            }
        )
    return rows


def time_pictures(story: Story) -> list[Axes]:
    """Draw uplift per month over the windows, all arms together, with what happened."""
    windows = list(dict.fromkeys(report.window for report in story.observed.windows))
    if not windows:
        return []
    together = [_together(story, window) for window in windows]
    boundary = story.charter.monitoring.boundary
    picture = plots.value_over_time(
        [str(place + 1) for place in range(len(windows))],
        [realised for realised, _ in together],
        [expected for _, expected in together],
        floor=boundary.floor_per_month,
        goal=boundary.goal_per_month,
        marks=_marks(story, windows),
    )
    return [picture]


def alert_rows(story: Story) -> list[dict[str, str]]:
    """Return a row for each alert, the open ones first, the costly ones before the others."""
    rows = []
    for alert in by_cost(story.alerts):
        a_day = alert.value_per_day
        rows.append(
            {
                "window": str(alert.windows[0]),
                "text": alert.text,
                "worth": "–" if a_day is None else repr(a_day),
                "state": "open" if alert.open else f"closed: {alert.closed_because}",
            }
        )
    return rows


def _monthly(story: Story, estimate: Estimate | None) -> Estimate | None:
    value = story.charter.value
    if estimate is None:
        return None
    return estimate.scaled(value.decisions_per_month, f"{value.currency} per month")


def _verdict(report: WindowReport) -> str:
    if not report.complete:
        return "running"
    if report.arm in (BASELINE_ARM, CONTROL_ARM):
        return "not judged"
    kinds = sorted({finding.kind for finding in report.judged.findings})
    verdict = ", ".join(kinds) or "quiet"
    chance = report.measured.by_chance
    if chance is not None:
        return f"{verdict}; {chance.words}"
    return verdict if report.measured.identified else f"{verdict}; not identified"


def _together(story: Story, window: str) -> tuple[Estimate | None, Estimate | None]:
    """Return realised and expected uplift of a window over its arms, weighted by their cases."""
    reports = [one for one in story.observed.windows if one.window == window]
    known = [
        (one.measured.realised.cases, one.measured.realised.uplift)
        for one in reports
        if one.measured.realised is not None
    ]
    realised = _pooled(known) if len(known) == len(reports) else None
    expected = _pooled([(one.measured.n, one.measured.expected.uplift) for one in reports])
    return _monthly(story, realised), _monthly(story, expected)


def _pooled(parts: list[tuple[int, Estimate]]) -> Estimate:
    total = sum(n for n, _ in parts)
    mean = sum(n * e.mean for n, e in parts) / total
    down = sum((n * (e.mean - e.low)) ** 2 for n, e in parts) ** 0.5 / total
    up = sum((n * (e.high - e.mean)) ** 2 for n, e in parts) ** 0.5 / total
    unit = parts[0][1].unit
    return Estimate(mean, mean - down, mean + up, total, "pooled over arms", unit)


def _marks(story: Story, windows: list[str]) -> dict[int, str]:
    """Return what to write at which window: first windows of versions, and breaches of value."""
    marks: dict[int, list[str]] = {}
    seen: set[int] = set()
    for report in story.observed.windows:
        place = windows.index(report.window)
        if report.version not in seen:
            seen.add(report.version)
            marks.setdefault(place, []).append(f"v{report.version}")
    for alert in story.alerts:
        if alert.kind in ("value", "plan", "stale") and alert.windows[0] in windows:
            marks.setdefault(windows.index(alert.windows[0]), []).append("alert")
    return {place: "\n".join(dict.fromkeys(words)) for place, words in marks.items()}
