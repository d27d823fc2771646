"""`assay new`: draft a charter from a table."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from assay.cli.output import Json, say, show

__all__ = ["new"]


def new(
    directory: Annotated[Path, typer.Argument(help="The directory to make.")],
    from_data: Annotated[Path, typer.Option("--from-data", help="A CSV or Parquet table.")],
    outcome: Annotated[str, typer.Option("--outcome", help="The column to predict.")],
    json: Json = False,
) -> None:
    """Draft a charter from your own table: task, order, sensitive columns, likely leaks."""
    from assay.workspace import draft

    path = draft(directory, from_data, outcome)

    def text() -> None:
        say(f"Wrote {path}. Read it: the payoffs are placeholders that only you can set.")
        say(f"Then run: assay check {shlex.quote(str(directory))}")

    show({"charter": str(path)}, text, json=json)
