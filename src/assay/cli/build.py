"""`assay build`: find the model that is worth most, and show what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.output import Data, Directory, Json, bar, show
from assay.cli.registered import print_registered, registered_document

__all__ = ["build"]


def build(
    directory: Directory = Path(),
    data: Data = None,
    newest: Annotated[
        bool,
        typer.Option(
            "--newest", help="Retrain: learn from served cases with known outcomes as well."
        ),
    ] = False,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Models to try; the charter's number.")
    ] = None,
    json: Json = False,
) -> None:
    """Search, calibrate, evaluate and package a model, and register it with its evidence."""
    from assay.workspace import Workspace

    workspace = Workspace(directory, data=data)
    with bar("building", quiet=json) as progress:
        registered = workspace.build(newest=newest, trials=trials, progress=progress)
    show(
        registered_document(registered),
        lambda: print_registered(workspace.charter, registered),
        json=json,
    )
