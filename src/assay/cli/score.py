"""`assay score`: a whole table, answered as a gateway answers requests."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Environment, Json, bar, say, show, table
from assay.errors import InputError

if TYPE_CHECKING:
    from assay.adapters.scored_table import Scored
    from assay.deploy.bundle_file import Packed

__all__ = ["score"]


def score(
    model: Annotated[
        str,
        typer.Argument(
            help="The directory that holds charter.yaml; with @N behind it, that version; or a "
            "bundle's file that `assay export --to bundle` wrote."
        ),
    ],
    given: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="A Parquet file, a CSV (.csv, .csv.gz), a Delta table, a folder of Parquet files, "
            "or a pattern of their names in quotes.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(help="What is written: .parquet, .csv, or a folder for a Delta table."),
    ],
    version: Annotated[
        int | None, typer.Option(help="This version answers all rows, released or not.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="A column of the input that goes over; repeatable.")
    ] = None,
    capture: Annotated[
        bool | None,
        typer.Option(
            "--capture/--no-capture",
            help="Keep what was answered, as gateways do; not done by a bundle's file.",
        ),
    ] = None,
    environment: Environment = None,
    json: Json = False,
) -> None:
    """Score a table in bounded memory: same versions, decisions and captures as online.

    Each row is answered by the arm that its entity has in the release at hand. Stopped at any
    point, the same command goes on where it was. Rows that cannot be answered are told, and listed
    in OUTPUT.rejected.
    """
    from assay.workspace import Workspace
    from assay.workspace.bundle_scoring import score_by_bundle

    with bar(f"Scoring {given.name}", quiet=json) as progress:
        if Path(model).is_file():
            packed = _packed(Path(model), version, environment, capture=capture)
            scored = score_by_bundle(packed, given, output, keep=keep or (), progress=progress)
        else:
            directory, version = _named(model, version)
            scored = Workspace(directory, environment=environment).score(
                given,
                output,
                version=version,
                keep=keep or (),
                capture=capture is not False,
                progress=progress,
            )
    document = {"output": str(output), **asdict(scored)}
    show(document, lambda: _tell(scored, output), json=json)


def _named(model: str, version: int | None) -> tuple[Path, int | None]:
    """Return a directory and the version that is named behind it, or by the option.

    >>> _named("bank@7", None) == (Path("bank"), 7), _named("bank", 7) == (Path("bank"), 7)
    (True, True)
    """
    directory, _, number = model.rpartition("@")
    if not directory or not number.isdecimal() or Path(model).exists():
        return Path(model), version
    if version not in (None, int(number)):
        raise InputError(f"{model} names version {number}, and --version {version}: name one.")
    return Path(directory), int(number)


def _packed(
    file: Path, version: int | None, environment: str | None, *, capture: bool | None
) -> Packed:
    from assay.deploy.bundle_file import unpack

    if version is not None or environment is not None or capture:
        raise InputError(
            f"{file} is a bundle's file: it holds one version, knows no release, and there is no "
            "workspace to keep captures in. Leave --version, --environment and --capture out, or "
            "name the directory that holds charter.yaml."
        )
    return unpack(file.read_bytes())


def _tell(scored: Scored, output: Path) -> None:
    say(f"{scored.rows:,} rows are answered in {output}.", style="bold")
    if scored.rejected:
        say(
            f"{scored.rejected:,} rows were not answered, the first is {scored.first} "
            f"All are listed in {output}.rejected.",
            style="yellow",
        )
    if scored.decisions:
        rows = [(name, f"{count:,}") for name, count in sorted(scored.decisions.items())]
        table("", ("decision", "rows"), rows)
    if len(scored.arms) > 1:
        rows = [(name, f"{count:,}") for name, count in sorted(scored.arms.items())]
        table("", ("arm", "rows"), rows)
    say(f"Expected value of all of them: {scored.value:,.2f}")
