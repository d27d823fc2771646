"""`assay check`: are the charter and the data fit to build on?"""

from __future__ import annotations

from pathlib import Path

import typer

from assay.cli.output import Data, Directory, Json, say, show
from assay.cli.verdicts import print_checks

__all__ = ["check"]


def check(directory: Directory = Path(), data: Data = None, json: Json = False) -> None:
    """Check the charter and the data, and say what is wrong with either.

    Of a model that is served elsewhere the log and its reference are checked, and `data.source`
    where it is there.
    """
    from assay.build.shares import share_notes
    from assay.workspace import Workspace

    workspace = Workspace(directory, data=data)
    source = workspace.charter.monitoring.source
    there = data is not None or (directory / workspace.charter.data.source).is_file()
    checks = workspace.check_source()
    if source is None or there:
        checks = (*workspace.check().checks, *checks)
    notes = share_notes(workspace.charter)
    passed = all(one.passed or one.severity == "warn" for one in checks)
    ready = "Ready to build." if there else "Ready to monitor."

    def text() -> None:
        say(f"{workspace.charter.title}: the charter has no faults.", style="bold")
        print_checks(checks)
        for place in workspace.charter.placeholders:
            say(f"  {place} still says TODO: the gate stays closed until somebody writes it")
        for note in notes:
            say(f"  {note}")
        say(ready if passed else "Not ready: mend what fails above.", style="bold")

    told = [one.document() for one in checks]
    found = {"charter": workspace.charter.digest, "passed": passed, "checks": told}
    show({**found, "notes": list(notes)}, text, json=json)
    raise typer.Exit(0 if passed else 1)
