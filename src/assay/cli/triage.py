"""`assay triage`: what stands behind an alert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Directory, Json, bar, say, show

if TYPE_CHECKING:
    from assay.lifecycle.triage import Triage

__all__ = ["triage"]

_SHOWN = 3


def triage(
    directory: Directory = Path(),
    alert: Annotated[
        str | None,
        typer.Option(help="The alert's id, or how it begins; the open one that costs most."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write; triage-ID.html in the directory.")
    ] = None,
    json: Json = False,
) -> None:
    """Write one page on a breach: value bridge, who carries the loss, what changed, what was alike.

    Nothing else is written: the ledger stays as it is.
    """
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    with bar("looking behind the alert", quiet=json):
        found = workspace.triage(alert)
        path = workspace.draw_triage(found, out)
    show({**found.document(), "page": str(path)}, lambda: _tell(found, path), json=json)


def _tell(found: Triage, path: Path) -> None:
    say(found.alert.text, style="bold")
    if found.bridged.bridge is not None:
        for line in found.bridged.bridge.lines():
            say(f"  {line}")
    for words in (*found.bridged.words, *found.words):
        say(f"  {words}")
    for one in found.missed[:_SHOWN]:
        say(f"  {one.feature} {one.band}: {one.a_day} beyond other cases")
    for moved in found.moved[:_SHOWN]:
        say(f"  {moved.feature}: {moved.words}; worth {moved.a_day}")
    for change in found.upstream[:_SHOWN]:
        note = f" ({change.note})" if change.note else ""
        say(f"  before it, {change.at:%Y-%m-%d %H:%M}: {change.event.type}{note}")
    say(f"{len(found.similar)} similar alerts before. Look at {path}.")
