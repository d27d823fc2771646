"""`assay monitor`: what the model is worth today, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.alerts import tell_delivery
from assay.cli.output import Directory, Json, say, show, table

if TYPE_CHECKING:
    from assay.charter.charter import Charter
    from assay.lifecycle.delivery import Delivery
    from assay.lifecycle.multivariate import Multivariate
    from assay.lifecycle.posting import Posted
    from assay.monitor.live_guardrails import LiveGuardrail
    from assay.monitor.report import WindowReport
    from assay.monitor.run import MonitorResult

__all__ = ["monitor", "newest_lines", "window_rows"]

_SHOWN = 40
_NAMED = 3
_METRICS = ("roc_auc", "f1", "brier", "log_loss", "mae", "rmse", "macro_f1", "r_squared")
_UNDELIVERED = 3


def monitor(
    directory: Directory = Path(),
    multivariate: Annotated[
        bool,
        typer.Option(
            "--multivariate",
            help="Compare each version's newest window with reference rows by all columns at once.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Measure what is new: value, performance and drift; post alerts, and send them.

    Fit for cron: with nothing new it reads little and writes nothing. Exit code 3 where a receiver
    of alerts has not got all that there is to say.
    """
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    posted = workspace.monitor()
    agreed = workspace.charter.monitoring.alerts.channels
    sent = workspace.send_alerts() if agreed else None
    together = workspace.multivariate() if multivariate else ()
    document = {
        "windows": [report.document() for report in posted.result.windows],
        "alerts": [{**alert.document(), "open": alert.open} for alert in posted.result.alerts],
        "raised": posted.raised,
        "closed": posted.closed,
        "posted": posted.posted,
        "strangers": posted.result.joined.strangers,
        "repeats": posted.result.joined.repeats,
        "unread": {name: dict(of) for name, of in posted.result.unread.items()},
        "control": _control(posted),
        "multivariate": [one.document() for one in together],
        "channels": [vars(one) for one in sent.channels] if sent else [],
    }
    show(document, lambda: _tell(workspace.charter, posted, sent, together), json=json)
    if sent is not None and not sent.complete:
        raise typer.Exit(_UNDELIVERED)


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


def _control(posted: Posted) -> dict[str, Any] | None:
    shown = posted.result.by_control
    return None if shown is None else shown.document()


def _tell(
    charter: Charter,
    posted: Posted,
    sent: Delivery | None,
    together: Sequence[Multivariate] = (),
) -> None:
    reports = posted.result.windows
    _tell_unread(posted.result)
    if not reports:
        log = charter.monitoring.source
        say(
            "Nothing has been served yet: run `assay up` and send it some traffic."
            if log is None
            else f"Nothing has been served yet: the log at {log.path} has no predictions so far."
        )
        return
    head = ("window", "arm", "decisions", "known", "expected before labels", "realised", "verdict")
    title = f"Uplift over `{charter.value.baseline}`"
    shown = reports[-_SHOWN:]
    table(title, head, window_rows(charter, shown))
    if len(reports) > len(shown):
        say(f"{len(reports) - len(shown)} earlier rows are left out: --json has them all.")
    judged = [one for one in reports if one.complete] or list(reports)
    for line in newest_lines(judged[-1]):
        say(f"  {line}")
    for one in together:
        say(f"  {one.text}")
    live = [alert for alert in posted.result.alerts if alert.open]
    for alert in live:
        say(f"  ALERT {alert.finding.text}", style="red")
    say(
        f"{len(live)} alert{'' if len(live) == 1 else 's'} open "
        f"({posted.raised} raised and {posted.closed} closed just now)."
    )
    if posted.result.joined.strangers:
        say(f"{posted.result.joined.strangers} outcomes have an id that nothing was served under.")
    if sent is not None:
        tell_delivery(sent)


def _tell_unread(result: MonitorResult) -> None:
    from assay.monitor.readable import unread_lines

    for line in unread_lines(result.unread):
        say(line, style="yellow")


def newest_lines(report: WindowReport) -> list[str]:
    """Return what one window shows beside its value: what moved, how well, and where it loses."""
    measured, lines = report.measured, []
    if measured.by_chance is not None:
        lines.append(f"where actions hide or change outcomes: {measured.by_chance.words}")
    moved = [f"{one.feature} ({one.text})" for one in measured.drift.moved[:_NAMED]]
    if not measured.drift.judged:
        lines.append(f"drift was not judged: {measured.drift.note}")
    elif moved:
        lines.append(f"moved: {'; '.join(moved)}")
    performance = measured.performance
    if performance is not None and performance.basis is not None:
        found = performance.after if performance.basis == "realised" else performance.before
        word = "from labels" if performance.basis == "realised" else "expected before labels"
        told = [f"{name} {one.mean:.3g}" for name, one in found.items() if name in _METRICS]
        lines += [f"performance {word}: {', '.join(told)}"] if told else []
        lines += [performance.note] if performance.hidden and performance.note else []
    losing = [one for one in measured.segments if one.a_day.mean < 0][:_NAMED]
    if losing:
        told = [f"{one.column} {one.value} {one.a_day!r}" for one in losing]
        word = "lose" if any(one.loses for one in losing) else "may lose"
        lines.append(f"segments that {word}: {'; '.join(told)}")
    lines += [_of_guardrail(one) for one in measured.guardrails if one.estimate or one.hidden]
    return [f"{report.window}, {report.arm} {report.version}: {line}" for line in lines]


def _of_guardrail(one: LiveGuardrail) -> str:
    if one.estimate is None:
        return f"{one.guardrail.label}: {one.note}"
    return f"{one.guardrail.label} {one.estimate!r}: {'BROKEN' if one.broken else 'kept'}"
