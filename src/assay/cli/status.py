"""`assay status`: where a use case stands, in a few lines."""

from __future__ import annotations

from pathlib import Path

from assay.cli.output import Directory, Json, say, show

__all__ = ["status"]


def status(directory: Directory = Path(), json: Json = False) -> None:
    """Show the newest version, what serves, what is open, and what to do next."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    versions, release = workspace.versions(), workspace.release_state()
    newest = versions.newest
    alerts = [alert for alert in workspace.alerts() if alert.open]
    gate = newest.gates[-1] if newest and newest.gates else None
    steps = _next(
        built=newest is not None,
        opened=bool(gate and gate.open),
        live=release.champion is not None or release.running,
        alerts=len(alerts),
    )

    def text() -> None:
        say(workspace.charter.title, style="bold")
        if workspace.charter.people.solo:
            say("  one person holds every role (people: solo)")
        say(f"  newest version   {newest.version if newest else 'none'}")
        say(f"  gate             {'never asked' if gate is None else _open(gate.open)}")
        say(f"  champion         {_live(release.champion)}")
        if release.challenger is not None:
            say(f"  challenger       {_live(release.challenger)} ({release.weight:.0%} of traffic)")
        say(f"  alerts open      {len(alerts)}")
        for alert in alerts:
            say(f"    {alert.text}", style="red")
        say(f"Next: {steps}")

    document = {
        "name": workspace.charter.name,
        "solo": workspace.charter.people.solo,
        "newest": newest.version if newest else None,
        "gate_open": None if gate is None else gate.open,
        "champion": release.champion.version if release.champion else None,
        "challenger": release.challenger.version if release.challenger else None,
        "challenger_share": release.weight,
        "alerts": [{"id": alert.id, "text": alert.text} for alert in alerts],
        "next": steps,
    }
    show(document, text, json=json)


def _open(is_open: bool) -> str:
    return "open" if is_open else "closed"


def _live(live: object) -> str:
    return "none" if live is None else f"version {getattr(live, 'version', '?')}"


def _next(*, built: bool, opened: bool, live: bool, alerts: int) -> str:
    if not built:
        return "assay build"
    if alerts:
        return "assay monitor, then assay build on newer data"
    if not opened:
        return "assay gate, to see what is missing"
    return "assay monitor" if live else "assay release, then assay up"
