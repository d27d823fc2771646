"""`assay outcomes`: hand in what really happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Directory, Json, say, show

if TYPE_CHECKING:
    from assay.lifecycle.posting import OutcomesTaken

__all__ = ["outcomes"]


def outcomes(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with `id` and `outcome`.")],
    directory: Directory = Path(),
    json: Json = False,
) -> None:
    """Take in outcomes by prediction id; the same file twice counts once, newer ones win."""
    from assay.workspace import Workspace

    taken = Workspace(directory).outcomes(file)
    show(vars(taken), lambda: _tell(taken), json=json)


def _tell(taken: OutcomesTaken) -> None:
    if taken.new:
        say(f"Took in {taken.rows} outcomes.")
    else:
        say(f"These {taken.rows} outcomes were here already; nothing changed.")
    if taken.strangers:
        say(f"{taken.strangers} of them have an id that nothing was served under.", style="yellow")
