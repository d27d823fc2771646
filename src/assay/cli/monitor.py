"""`assay monitor`: what the model is worth today, and what changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.output import Directory, Json, say, show, table

if TYPE_CHECKING:
    from assay.charter.charter import Charter
    from assay.lifecycle.posting import Posted
    from assay.monitor.report import WindowReport

__all__ = ["monitor", "window_rows"]


def monitor(directory: Directory = Path(), json: Json = False) -> None:
    """Join outcomes, measure each window's value and drift, and post alerts to the ledger."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    posted = workspace.monitor()
    document = {
        "windows": [report.document() for report in posted.result.windows],
        "alerts": [{**alert.document(), "open": alert.open} for alert in posted.result.alerts],
        "raised": posted.raised,
        "closed": posted.closed,
        "strangers": posted.result.joined.strangers,
    }
    show(document, lambda: _tell(workspace.charter, posted), json=json)


def window_rows(charter: Charter, reports: tuple[WindowReport, ...]) -> list[tuple[str, ...]]:
    """Return a line for each window: uplift per month expected and realised, and the verdict."""
    volume, unit = charter.value.decisions_per_month, f"{charter.value.currency} per month"
    rows: list[tuple[str, ...]] = []
    for report in reports:
        measured = report.measured
        realised = measured.realised
        rows.append(
            (
                report.window + ("" if report.complete else " (running)"),
                f"{report.arm} {report.version}",
                f"{measured.n:,}",
                f"{measured.known / measured.n:.0%}",
                repr(measured.expected.uplift.scaled(volume, unit)),
                repr(realised.uplift.scaled(volume, unit)) if realised else "not known",
                _verdict(report),
            )
        )
    return rows


def _verdict(report: WindowReport) -> str:
    kinds = ", ".join(sorted({one.kind for one in report.judged.findings})) or "quiet"
    return kinds if report.measured.identified else f"{kinds}; not identified"


def _tell(charter: Charter, posted: Posted) -> None:
    reports = posted.result.windows
    if not reports:
        say("Nothing has been served yet: run `assay up` and send it some traffic.")
        return
    head = ("window", "arm", "decisions", "known", "expected before labels", "realised", "verdict")
    title = f"Uplift over `{charter.value.baseline}`"
    table(title, head, window_rows(charter, reports))
    live = [alert for alert in posted.result.alerts if alert.open]
    for alert in live:
        say(f"  ALERT {alert.finding.text}", style="red")
    say(
        f"{len(live)} alert{'' if len(live) == 1 else 's'} open "
        f"({posted.raised} raised and {posted.closed} closed just now)."
    )
    if posted.result.joined.strangers:
        say(f"{posted.result.joined.strangers} outcomes have an id that nothing was served under.")
