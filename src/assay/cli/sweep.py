"""`assay sweep`: many models monitored at once, and what costs most."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.output import Json, bar, say, show, table

if TYPE_CHECKING:
    from assay.lifecycle.sweeping import Swept
    from assay.monitor.alerts import Alert

    Ranked = tuple[tuple[str, Alert], ...]

__all__ = ["sweep"]

_SHOWN = 20


def sweep(
    directories: Annotated[
        list[str],
        typer.Argument(help="Directories with a charter, directories of such, or patterns."),
    ],
    json: Json = False,
) -> None:
    """Monitor many models in one process; what moved is judged over all of them together.

    Of all features said to have moved, over all models, at most the charters'
    `monitoring.false_discovery_rate` are false on average. Alerts are ranked by what they cost a
    day within each currency. Fit for cron: once more with nothing new writes nothing. Exit code 0
    where every model was monitored, else that of the worst failure.
    """
    from assay.lifecycle.sweeping import ranked_alerts
    from assay.workspace.sweeping import model_directories, sweep

    with bar("Sweeping", quiet=json) as progress:
        swept = sweep(model_directories([Path(one) for one in directories]), progress=progress)
    alerts = ranked_alerts(swept)
    document = {
        "models": [_document(one) for one in swept],
        "alerts": [
            {"model": model, "currency": currency, **alert.document()}
            for currency, ranked in alerts.items()
            for model, alert in ranked
        ],
    }
    show(document, lambda: _tell(swept, alerts), json=json)
    worst = max((one.exit_code for one in swept), default=0)
    if worst:
        raise typer.Exit(worst)


def _document(one: Swept) -> dict[str, Any]:
    found = one.result
    return {
        "directory": one.directory,
        "model": one.model,
        "measured": one.windows,
        "windows": len(found.windows) if found else 0,
        "raised": one.raised,
        "closed": one.closed,
        "posted": one.posted,
        "unread": {name: dict(of) for name, of in found.unread.items()} if found else {},
        "error": one.error,
    }


def _cost(alert: Alert) -> str:
    a_day = alert.finding.value_per_day
    return "not known" if a_day is None else repr(a_day)


def _ranked(currency: str, alerts: Ranked) -> None:
    """Show the open alerts of models that count in one currency."""
    head = ("model", f"lost per day in {currency}", "kind", "version", "windows")
    rows = [
        (model, _cost(alert), alert.finding.kind, f"{alert.version}", f"{len(alert.windows)}")
        for model, alert in alerts[:_SHOWN]
    ]
    table(f"Open alerts in {currency}, by what they are estimated to cost", head, rows)
    for model, alert in alerts[:_SHOWN]:
        say(f"  {model}: {alert.finding.text}", style="red")
    if len(alerts) > _SHOWN:
        say(f"{len(alerts) - _SHOWN} more are open: see --json.")


def _tell(swept: list[Swept], alerts: Mapping[str, Ranked]) -> None:
    from assay.monitor.readable import unread_lines

    for currency, ranked in alerts.items():
        _ranked(currency, ranked)
    for one in swept:
        if one.error:
            say(f"{one.directory} was not monitored: {one.error}", style="red")
        for line in unread_lines(one.result.unread) if one.result else ():
            say(f"{one.directory}: {line}", style="yellow")
    measured = sum(one.windows for one in swept)
    still = sum(map(len, alerts.values()))
    raised, closed = sum(one.raised for one in swept), sum(one.closed for one in swept)
    say(
        f"{len(swept)} models, {measured} windows measured; {still} alerts open "
        f"({raised} raised and {closed} closed just now)."
    )
