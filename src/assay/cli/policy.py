"""`assay policy`: put the charter's present policy on a version that is there already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.output import Data, Directory, Json, bar, say, show
from assay.cli.registered import print_registered, registered_document
from assay.cli.verdicts import estimate_text

if TYPE_CHECKING:
    from assay.charter.charter import Charter
    from assay.lifecycle.moving import Moved

__all__ = ["policy"]


def policy(
    directory: Directory = Path(),
    version: Annotated[
        int | None, typer.Option(help="Whose policy is moved; the newest where not named.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Move the policy of a version to what the charter says now, without training anew.

    After a change of policy, payoffs, capacities or `refer` in the charter: the model file and its
    calibration stay byte for byte, evidence is measured anew on the rows that judged the version,
    and the result is registered as a version of its own.
    """
    from assay.workspace import Workspace

    workspace = Workspace(directory, data=data)
    with bar("moving the policy", quiet=json) as progress:
        moved = workspace.move_policy(version, progress=progress)
    show(_document(moved), lambda: _print(workspace.charter, moved), json=json)


def _document(moved: Moved) -> Mapping[str, Any]:
    if moved.move is None or moved.registered is None:
        return {"moved": False, "moved_from": moved.version}
    return {"moved": True, **moved.move.document(), **registered_document(moved.registered)}


def _print(charter: Charter, moved: Moved) -> None:
    if moved.move is None or moved.registered is None:
        say(f"Version {moved.version} has the charter's policy already: nothing was moved.")
        return
    value = moved.move.value
    say(f"was  {moved.move.was}: makes {estimate_text(value.before)}")
    say(f"now  {moved.move.now}: makes {estimate_text(value.after)}")
    print_registered(charter, moved.registered)
