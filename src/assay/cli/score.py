"""`assay score`: a whole table, answered as a gateway answers requests."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Environment, Json, bar, say, show, table

if TYPE_CHECKING:
    from assay.adapters.scored_table import Scored

__all__ = ["score"]


def score(
    model: Annotated[Path, typer.Argument(help="The directory that holds charter.yaml.")],
    given: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A Parquet or CSV file, or a Delta table.")
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
        bool, typer.Option("--capture/--no-capture", help="Keep what was answered, as gateways do.")
    ] = True,
    environment: Environment = None,
    json: Json = False,
) -> None:
    """Score a table in bounded memory: same versions, decisions and captures as online.

    Each row is answered by the arm that its entity has in the release at hand. Stopped at any
    point, the same command goes on where it was. Rows that cannot be answered are told, and listed
    in OUTPUT.rejected.
    """
    from assay.workspace import Workspace

    workspace = Workspace(model, environment=environment)
    with bar(f"Scoring {given.name}", quiet=json) as progress:
        scored = workspace.score(
            given,
            output,
            version=version,
            keep=keep or (),
            capture=capture,
            progress=progress,
        )
    document = {"output": str(output), **asdict(scored)}
    show(document, lambda: _tell(scored, output), json=json)


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
