"""`assay status`: where a use case stands, in a few lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.output import Directory, Environment, Json, say, show

if TYPE_CHECKING:
    from assay.evidence.folds import ReleaseState

__all__ = ["status"]


def status(
    directory: Directory = Path(), environment: Environment = None, json: Json = False
) -> None:
    """Show the newest version, what serves, what is open, and what to do next."""
    from assay.workspace import Workspace

    workspace = Workspace(directory, environment=environment)
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
        for line in (*_beside(release), *map(_elsewhere, found.environments)):
            say(line)
        say(f"  alerts open      {len(found.alerts)}")
        for alert in found.alerts:
            say(f"    {alert.text}", style="red")
        say(f"Next: {_there(found.next, directory)}")

    show(found.document(), text, json=json)


def _there(told: str, directory: Path) -> str:
    """Return what to do next, with each command as it is given from here."""
    if directory == Path():
        return told
    return re.sub(r"\bassay (\w+)( \.(?= ))?", lambda found: f"assay {found[1]} {directory}", told)


def _beside(release: ReleaseState) -> Iterator[str]:
    """Say what is not the champion's: a baseline that decides, and what is tried."""
    if release.fallen is not None:
        yield f"  fallen back to   {release.baseline} (from {_live(release.fallen)})"
    if release.challenger is not None:
        yield f"  challenger       {_live(release.challenger)} ({_how(release)})"


def _elsewhere(release: ReleaseState) -> str:
    tried = release.challenger
    beside = f", trying {_live(tried)} ({_how(release)})" if tried else ""
    return f"  in {release.environment:<13} {_live(release.champion)}{beside}"


def _how(release: ReleaseState) -> str:
    """Say how a challenger is tried."""
    if release.strategy == "canary":
        how = f"{release.weight:.0%} of traffic"
    else:
        how = release.strategy.replace("_", "-")
    return f"{how}, paused" if release.paused else how


def _open(is_open: bool) -> str:
    return "open" if is_open else "closed"


def _live(live: object) -> str:
    return "none" if live is None else f"version {getattr(live, 'version', '?')}"
