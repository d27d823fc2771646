"""`assay value`: what the use case was to earn, and what it has earned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.monitor import window_rows
from assay.cli.output import Directory, Json, say, show, table
from assay.cli.verdicts import estimate_text

if TYPE_CHECKING:
    from assay.lifecycle.bridging import Bridged

__all__ = ["value"]


def value(directory: Directory = Path(), json: Json = False) -> None:
    """Show planned and realised value, window by window and in all; nothing is written."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    charter = workspace.charter
    found, bridged = workspace.value(), workspace.bridge()

    def text() -> None:
        say(f"{charter.title}", style="bold")
        say(f"  planned  {estimate_text(found.planned)} over `{charter.value.baseline}`")
        say(f"  realised {estimate_text(found.realised_per_month)} at the planned volume")
        say(f"  in all   {estimate_text(found.realised)} on {found.decisions:,} decisions")
        for line in found.words:
            say(f"  {line}")
        _tell_bridge(bridged)
        if found.reports:
            head = ("window", "arm", "decisions", "known", "expected", "realised", "verdict")
            table("", head, window_rows(charter, found.reports))

    show({**found.document(), "value_bridge": bridged.document()}, text, json=json)


def _tell_bridge(bridged: Bridged) -> None:
    """Say what lies between planned and realised value, part by part."""
    bridge = bridged.bridge
    if bridge is not None:
        say("From planned to realised", style="bold")
        for name, amount in bridge.steps():
            sign = "+" if name in bridge.parts and amount.mean > 0 else ""
            say(f"  {name:<13}{sign}{amount}")
    for line in bridged.words:
        say(f"  {line}")
