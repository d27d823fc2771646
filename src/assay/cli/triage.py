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
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Judge a retraining too: takes as long as a build."),
    ] = False,
    json: Json = False,
) -> None:
    """Write one page on a breach: value bridge, who carries the loss, what changed, what to do.

    Nothing else is written: the ledger stays as it is.
    """
    from assay.errors import CheckFailed
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    with bar("looking behind the alert", quiet=json) as progress:
        found = workspace.triage(alert)
        try:
            judged = workspace.remedies(shadow=shadow, progress=progress)
            responses, words = judged.expected, judged.words
        except CheckFailed as error:
            responses, words = (), str(error)
        path = workspace.draw_triage(found, out, responses=responses)
    told = [
        {"response": text, "a_day": gain.document(), "remark": r} for text, gain, r in responses
    ]
    document = {**found.document(), "responses": told, "on_responses": words}

    def text() -> None:
        _tell(found)
        for name, gain, remark in responses[:_SHOWN]:
            say(f"  {name}: {gain}{'; ' + remark if remark else ''}")
        if words:
            say(f"  {words}")
        say(f"{len(found.similar)} similar alerts before. Look at {path}.")

    show({**document, "page": str(path)}, text, json=json)


def _tell(found: Triage) -> None:
    say(found.alert.text, style="bold")
    if found.bridged.bridge is not None:
        for name, amount in found.bridged.bridge.steps():
            sign = "+" if name in found.bridged.bridge.parts and amount.mean > 0 else ""
            say(f"  {name:<13}{sign}{amount}")
    for words in (*found.bridged.words, *found.words):
        say(f"  {words}")
    for one in found.missed[:_SHOWN]:
        say(f"  {one.feature} {one.band}: {one.a_day} beyond other cases")
    for moved in found.moved[:_SHOWN]:
        say(f"  {moved.feature}: {moved.words}; worth {moved.a_day}")
    for change in found.upstream[:_SHOWN]:
        note = f" ({change.note})" if change.note else ""
        say(f"  before it, {change.at:%Y-%m-%d %H:%M}: {change.event.type}{note}")
