"""`assay gate`: may this version go live, and if not, what is missing?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.output import Directory, Environment, Json, show
from assay.cli.verdicts import print_verdict

__all__ = ["gate"]


def gate(
    directory: Directory = Path(),
    version: Annotated[int | None, typer.Option(help="The version; the newest.")] = None,
    environment: Environment = None,
    json: Json = False,
) -> None:
    """Decide whether a version may go live, and record the decision."""
    from assay.workspace import Workspace

    candidate, verdict = Workspace(directory, environment=environment).gate(version)
    show(
        {
            "model": candidate.model,
            "version": candidate.version,
            "subject_digest": candidate.digest,
            "open": verdict.open,
            "reasons": list(verdict.reasons),
            "waived": list(verdict.waived),
            "notes": list(verdict.notes),
        },
        lambda: print_verdict(candidate.subject, verdict),
        json=json,
    )
    raise typer.Exit(0 if verdict.open else 1)
