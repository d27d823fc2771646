"""`assay report`: everything about a use case on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.output import Directory, Json, bar, say, show

__all__ = ["report"]


def report(
    directory: Directory = Path(),
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write; report.html in the directory.")
    ] = None,
    version: Annotated[int | None, typer.Option(help="The version; the newest.")] = None,
    json: Json = False,
) -> None:
    """Write one self-contained HTML page: charter, value, evidence, gate, time, ledger."""
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    with bar("measuring and drawing", quiet=json):
        path = workspace.report(out, version=version)
    show({"report": str(path)}, lambda: say(f"Wrote {path}."), json=json)
