"""`assay export`: a version leaves for an edge, or for any Python process, as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Json, say, show

if TYPE_CHECKING:
    from assay.deploy.bundle_file import Packed

__all__ = ["Destination", "export"]


class Destination(StrEnum):
    """What is written."""

    EDGE = "edge"
    BUNDLE = "bundle"


def export(
    model: Annotated[
        str,
        typer.Argument(
            help="The directory that holds charter.yaml (its champion), a bundle's file, or "
            "a bundle's digest."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="The directory or file that is written.")],
    to: Annotated[
        Destination,
        typer.Option(help="`edge`: a directory with its own runner; `bundle`: one file."),
    ] = Destination.EDGE,
    workspace: Annotated[
        Path, typer.Option(help="Where a bundle lies that is named by its digest.")
    ] = Path(),
    environment: Annotated[
        str, typer.Option(help="The environment whose champion is exported.")
    ] = "production",
    version: Annotated[
        int | None, typer.Option(help="This version of the directory's model, champion or not.")
    ] = None,
    drop_hashed: Annotated[
        bool,
        typer.Option(
            "--drop-hashed", help="Leave columns out of the edge's captures that are hashed here."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Write a version for an edge, or as one file that `assay.load` reads."""
    from assay.adapters.whole_file import write_whole
    from assay.deploy.bundle_file import pack
    from assay.deploy.edge_export import NAMES_KEY, edge_files
    from assay.errors import InputError
    from assay.evidence.digest import digest_bytes
    from assay.loaded import packed_from

    if version is None:
        packed = packed_from(model, workspace=workspace, environment=environment)
    else:
        packed = _version(Path(model), version, environment)
    if to is Destination.BUNDLE:
        if out.is_dir():
            raise InputError(f"{out} is a directory: name the file that the bundle goes into.")
        files = {out: pack(packed)}
    else:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{out} is there already and not empty: name a new directory.")
        written = edge_files(packed, _installation(model, workspace), drop_hashed=drop_hashed)
        # The manifest goes last: a directory without one is unfinished, and nobody serves it.
        order = sorted(written, key=lambda name: (name == "MANIFEST.json", name))
        files = {out / name: written[name] for name in order}
    for path, content in files.items():
        write_whole(path, content, secret=path.name == NAMES_KEY)
    last = list(files.values())[-1]
    document = {
        "model": packed.bundle.model,
        "version": packed.version or None,
        "bundle": packed.bundle.digest,
        "to": to.value,
        "out": str(out),
        "digest": digest_bytes(last),
        "files": [path.name for path in files],
        "bytes": sum(map(len, files.values())),
    }
    show(document, lambda: _tell(document, to), json=json)


def _installation(model: str, workspace: Path) -> bytes | None:
    """Return the key of the workspace that a model comes from; None for a bundle's file."""
    from assay.adapters.installation_key import installation_key

    if Path(model).is_file():
        return None
    state = (Path(model) if Path(model).is_dir() else workspace) / ".assay"
    return installation_key(state / "capture.key")


def _version(directory: Path, version: int, environment: str) -> Packed:
    """Return a version that the ledger knows, with the rules of the charter as it holds today."""
    from assay.lifecycle.approval import version_state
    from assay.loaded import packed_from
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    charter = workspace.charter
    bundle = version_state(workspace.ports.ledger, charter, version).bundle
    found = packed_from(bundle, workspace=directory, environment=environment)
    rules = charter.serving.model_dump(mode="json")
    return replace(found, version=version, rules=rules, entity=charter.data.entity)


def _tell(document: Mapping[str, object], to: Destination) -> None:
    version = f"version {document['version']} of " if document["version"] else ""
    say(f"Exported {version}{document['model']} to {document['out']}", style="bold")
    say(f"  bundle {document['bundle']}")
    if to is Destination.BUNDLE:
        say(f'  in Python: assay.load("{document["out"]}")')
        return
    say(f"  MANIFEST.json has digest {document['digest']}")
    say(f"  there: python {document['out']}/runner.py --digest {document['digest']} serve")
