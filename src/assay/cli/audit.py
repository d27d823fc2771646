"""`assay audit verify`: does the ledger hold together?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.output import Directory, Json, say, show

__all__ = ["audit", "verify"]

audit = typer.Typer(help="Check the ledger.", no_args_is_help=True, add_completion=False)


@audit.command("verify")
def verify(
    directory: Directory = Path(),
    head: Annotated[
        str | None, typer.Option("--head", help="A last digest kept elsewhere, from a report.")
    ] = None,
    json: Json = False,
) -> None:
    """Walk the ledger's chain and name the first broken entry, and how it is broken."""
    from assay.workspace import Workspace

    count = Workspace(directory).audit(head)
    show(
        {"intact": True, "entries": count},
        lambda: say(f"The ledger holds together: {count} entries, each bound to the one before."),
        json=json,
    )


@audit.callback()
def _group() -> None:
    """Check the ledger."""
