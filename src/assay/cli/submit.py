"""`assay submit`: bring a finished model through the same evaluation and gate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.output import Data, Directory, Json, bar, show
from assay.cli.registered import print_registered, registered_document

__all__ = ["submit"]


def submit(
    model: Annotated[
        str, typer.Argument(help="A file (.onnx, .skops), an MLflow folder or its URI.")
    ],
    directory: Directory = Path(),
    data: Data = None,
    allow_pickle: Annotated[
        str | None,
        typer.Option(
            help="Load a pickle or an MLflow function, which may run any code, in the name of "
            "this person; the permission is recorded in the ledger.",
            metavar="PERSON",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Evaluate a model that was made elsewhere, package it and register it with its evidence."""
    from assay.workspace import Workspace

    workspace = Workspace(directory, data=data)
    with bar("evaluating", quiet=json) as progress:
        registered = workspace.submit(model, allow_pickle=allow_pickle, progress=progress)
    show(
        registered_document(registered),
        lambda: print_registered(workspace.charter, registered),
        json=json,
    )
