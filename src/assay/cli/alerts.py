"""`assay alerts`: what is wrong, ranked by what it costs a day, and who has been told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from assay.cli.output import Directory, Json, say, show, table

if TYPE_CHECKING:
    from datetime import datetime

    from assay.evidence.alert_state import AlertState
    from assay.lifecycle.delivery import ChannelReport, Delivery
    from assay.workspace import Workspace

__all__ = ["ack", "alerts", "list_", "metrics", "mute", "send", "tell_delivery", "unmute"]

_UNDELIVERED = 3
"""The exit code where a receiver has not got all that there is to say: the world is broken."""


class _ListFirst(TyperGroup):
    """Lists alerts where no other command is named, so that `assay alerts DIR` does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` in front of what names no command."""
        named = bool(args) and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named else ["list", *args])


alerts = typer.Typer(cls=_ListFirst, add_completion=False, rich_markup_mode="markdown")

Id = Annotated[str, typer.Argument(help="The alert's id, or how it begins.")]
Person = Annotated[str, typer.Option("--as", help="Your name.")]


@alerts.callback()
def _group() -> None:
    """List alerts by what they cost a day; acknowledge, mute and deliver them."""


@alerts.command("list")
def list_(
    directory: Directory = Path(),
    every: Annotated[bool, typer.Option("--all", help="Closed alerts as well.")] = False,
    json: Json = False,
) -> None:
    """List open alerts, those that cost most a day first (`list` may be left out)."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    found = [one for one in workspace.alerts() if every or one.open]
    channels = workspace.undelivered()
    now = workspace.ports.clock.now()
    document = {
        "alerts": [one.document(now) for one in found],
        "channels": [_channel_document(one) for one in channels],
    }
    show(document, lambda: _tell_list(found, channels, now), json=json)


@alerts.command("ack")
def ack(
    alert: Id,
    directory: Directory = Path(),
    person: Person = ...,  # type: ignore[assignment]
    json: Json = False,
) -> None:
    """Put your name to having heard of an alert: it does not escalate unless its loss doubles."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    found = workspace.acknowledge(alert, person)
    _show_one(
        workspace,
        found,
        f"{found.acknowledged_by} has acknowledged the alert {found.id}.",
        json=json,
    )


@alerts.command("mute")
def mute(
    alert: Id,
    directory: Directory = Path(),
    person: Person = ...,  # type: ignore[assignment]
    length: Annotated[
        str, typer.Option("--for", help="How long: hours or days, such as `7 days`.")
    ] = ...,  # type: ignore[assignment]
    because: Annotated[str, typer.Option(help="Why; everybody will read it.")] = ...,  # type: ignore[assignment]
    json: Json = False,
) -> None:
    """Send no messages about an alert for a time; it stays open, and is listed."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    found = workspace.mute(alert, person, length=length, because=because)
    until = f"{found.muted_until:%Y-%m-%d %H:%M} UTC"
    text = f"The alert {found.id} is muted until {until}: {because}."
    _show_one(workspace, found, text, json=json)


@alerts.command("unmute")
def unmute(
    alert: Id,
    directory: Directory = Path(),
    person: Person = ...,  # type: ignore[assignment]
    json: Json = False,
) -> None:
    """Let messages about an alert go out again before its mute ends."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    found = workspace.unmute(alert, person)
    _show_one(workspace, found, f"Messages about the alert {found.id} go out again.", json=json)


@alerts.command("send")
def send(
    directory: Directory = Path(),
    again: Annotated[
        bool,
        typer.Option("--again", help="Ask at once for what was refused or is to wait, too."),
    ] = False,
    json: Json = False,
) -> None:
    """Deliver what is due to every channel; nothing is lost, and nothing sent twice on purpose.

    Fit for cron: exit code 0 where every receiver has all there is to say, 3 where one has not.
    """
    from assay.workspace import Workspace

    done = Workspace(directory).send_alerts(again=again)
    document = {"busy": done.busy, "channels": [_channel_document(one) for one in done.channels]}
    show(document, lambda: tell_delivery(done), json=json)
    if not done.complete:
        raise typer.Exit(_UNDELIVERED)


@alerts.command("metrics")
def metrics(
    directory: Directory = Path(),
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it there whole, for a textfile collector.")
    ] = None,
    json: Json = False,
) -> None:
    """Print alerts and value as Prometheus reads them."""
    from assay.workspace import Workspace

    text = Workspace(directory).alert_metrics(out).decode()
    document = {"written": None if out is None else str(out), "text": text}
    show(document, lambda: say(text.rstrip() if out is None else f"Wrote {out}."), json=json)


def tell_delivery(done: Delivery) -> None:
    """Print what came of each channel."""
    if done.busy:
        say("Another process is sending alerts just now: it sends these as well.")
    elif not done.channels:
        say("The charter names no channel under `monitoring.alerts.channels`: nobody is told.")
    for one in done.channels:
        say(f"{one.channel}: {one.delivered} delivered{_outstanding(one)}")


def _tell_list(found: list[AlertState], channels: tuple[ChannelReport, ...], now: datetime) -> None:
    if not found:
        say("No alert is open.")
    else:
        head = ("alert", "lost per day", "kind", "windows", "state")
        table("Alerts, by what they are estimated to cost", head, [_row(one, now) for one in found])
    for one in found:
        say(f"  {one.id[:8]}  {one.text}", style="red" if one.open else "")
    if any(one.value_per_day is not None for one in found[1:]):
        say("One change can show in several alerts: their losses are not to be added up.")
    for channel in channels:
        if not channel.complete or channel.muted:
            say(f"{channel.channel}: not all is delivered{_outstanding(channel)}")


def _row(alert: AlertState, now: datetime) -> tuple[str, ...]:
    a_day = alert.value_per_day
    cost = "not known" if a_day is None else repr(a_day)
    return alert.id[:8], cost, alert.kind, f"{len(alert.windows)}", _stands(alert, now)


def _stands(alert: AlertState, now: datetime) -> str:
    if not alert.open:
        return f"closed: {alert.closed_because}"
    words = ["open"]
    if alert.escalated:
        words.append(f"escalated ({alert.escalated_because})")
    if alert.acknowledged:
        words.append(f"acknowledged by {alert.acknowledged_by}")
    if alert.mute is not None and alert.muted(now):
        until = f"{alert.mute.until:%Y-%m-%d %H:%M}"
        words.append(f"muted until {until} ({alert.mute.reason})")
    return ", ".join(words)


def _outstanding(one: ChannelReport) -> str:
    parts = [
        f", {one.waiting} waiting" if one.waiting else "",
        f" (next try at {one.due:%Y-%m-%d %H:%M:%S} UTC)" if one.due else "",
        f", {one.refused} refused" if one.refused else "",
        f", {one.muted} muted" if one.muted else "",
        f". {one.error}" if one.error else ".",
    ]
    return "".join(parts)


def _channel_document(one: ChannelReport) -> dict[str, Any]:
    due = one.due.isoformat() if one.due else None
    return {**vars(one), "due": due, "complete": one.complete}


def _show_one(workspace: Workspace, found: AlertState, text: str, *, json: bool) -> None:
    show(found.document(workspace.ports.clock.now()), lambda: say(text), json=json)
