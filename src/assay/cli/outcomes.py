"""`assay outcomes`: hand in what really happened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.output import Directory, Json, say, show

__all__ = ["outcomes"]


def outcomes(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with `id` and `outcome`.")],
    directory: Directory = Path(),
    json: Json = False,
) -> None:
    """Take in outcomes by prediction id; the same file twice counts once, newer ones win."""
    from assay.workspace import Workspace

    taken = Workspace(directory).outcomes(file)
    show(
        {"rows": taken.rows, "new": taken.new},
        lambda: say(
            f"Took in {taken.rows} outcomes."
            if taken.new
            else f"These {taken.rows} outcomes were here already; nothing changed."
        ),
        json=json,
    )
