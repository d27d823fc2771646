"""`assay check`: are the charter and the data fit to build on?"""

from __future__ import annotations

from pathlib import Path

import typer

from assay.cli.output import Data, Directory, Json, say, show
from assay.cli.verdicts import print_checks

__all__ = ["check"]


def check(directory: Directory = Path(), data: Data = None, json: Json = False) -> None:
    """Check the charter and the data, and say what is wrong with either."""
    from assay.build.shares import share_notes
    from assay.workspace import Workspace

    workspace = Workspace(directory, data=data)
    quality = workspace.check()
    notes = share_notes(workspace.charter)
    passed = all(c.passed or c.severity == "warn" for c in quality.checks)

    def text() -> None:
        say(f"{workspace.charter.title}: the charter has no faults.", style="bold")
        print_checks(quality.checks)
        for place in workspace.charter.placeholders:
            say(f"  {place} still says TODO: the gate stays closed until somebody writes it")
        for note in notes:
            say(f"  {note}")
        say("Ready to build." if passed else "Not ready: mend what fails above.", style="bold")

    checks = [one.document() for one in quality.checks]
    found = {"charter": workspace.charter.digest, "passed": passed, "checks": checks}
    show({**found, "notes": list(notes)}, text, json=json)
    raise typer.Exit(0 if passed else 1)
