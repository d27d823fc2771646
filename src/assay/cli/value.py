"""`assay value`: what the use case was to earn, and what it has earned."""

from __future__ import annotations

from pathlib import Path

from assay.cli.monitor import window_rows
from assay.cli.output import Directory, Json, say, show, table
from assay.cli.verdicts import estimate_text

__all__ = ["value"]


def value(directory: Directory = Path(), json: Json = False) -> None:
    """Show planned and realised value, window by window and in all; nothing is written."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    charter = workspace.charter
    found = workspace.value()

    def text() -> None:
        say(f"{charter.title}", style="bold")
        say(f"  planned  {estimate_text(found.planned)} over `{charter.value.baseline}`")
        say(f"  realised {estimate_text(found.realised_per_month)} at the planned volume")
        say(f"  in all   {estimate_text(found.realised)} on {found.decisions:,} decisions")
        for line in found.words:
            say(f"  {line}")
        if found.reports:
            head = ("window", "arm", "decisions", "known", "expected", "realised", "verdict")
            table("", head, window_rows(charter, found.reports))

    show(found.document(), text, json=json)
