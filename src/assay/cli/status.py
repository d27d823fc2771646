"""`assay status`: where a use case stands, in a few lines."""

from __future__ import annotations

from pathlib import Path

from assay.cli.output import Directory, Json, say, show

__all__ = ["status"]


def status(directory: Directory = Path(), json: Json = False) -> None:
    """Show the newest version, what serves, what is open, and what to do next."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    found = workspace.status()
    release, verdict = found.release, found.verdict

    def text() -> None:
        say(workspace.charter.title, style="bold")
        if found.solo:
            say("  one person holds every role (people: solo)")
        if found.elsewhere:
            say("  served elsewhere (its log is monitored)")
        if found.newest or not found.elsewhere:
            say(f"  newest version   {found.newest or 'none'}")
            say(f"  gate             {'-' if verdict is None else _open(verdict.open)}")
            say(f"  champion         {_live(release.champion)}")
        if release.fallen is not None:
            say(f"  fallen back to   {release.baseline} (from {_live(release.fallen)})")
        if release.challenger is not None:
            say(f"  challenger       {_live(release.challenger)} ({release.weight:.0%} of traffic)")
        say(f"  alerts open      {len(found.alerts)}")
        for alert in found.alerts:
            say(f"    {alert.text}", style="red")
        say(f"Next: {found.next}")

    show(found.document(), text, json=json)


def _open(is_open: bool) -> str:
    return "open" if is_open else "closed"


def _live(live: object) -> str:
    return "none" if live is None else f"version {getattr(live, 'version', '?')}"
