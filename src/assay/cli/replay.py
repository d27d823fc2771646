"""`assay replay`: what the use case would have been worth over the history at hand."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Data, Directory, Json, bar, say, show, table
from assay.cli.verdicts import estimate_text

if TYPE_CHECKING:
    from assay.lifecycle.books import Replay

__all__ = ["Family", "Labels", "replay"]


class Labels(StrEnum):
    """Which outcomes the past shows."""

    SELECTED = "selected"
    ALL = "all"


class Family(StrEnum):
    """A kind of model."""

    LINEAR = "linear"
    LIGHTGBM = "lightgbm"
    HIST_GRADIENT_BOOSTING = "hist_gradient_boosting"


def replay(
    directory: Directory = Path(),
    data: Data = None,
    first: Annotated[
        int | None, typer.Option(min=1, help="Rows of history to start from; half of the table.")
    ] = None,
    labels: Annotated[
        Labels, typer.Option(help="`selected`: outcomes only after actions that reveal them.")
    ] = Labels.SELECTED,
    every: Annotated[
        int | None,
        typer.Option(min=1, help="Windows between scheduled retrainings; the charter's."),
    ] = None,
    family: Annotated[
        list[Family] | None,
        typer.Option("--family", help="Search this family only (may be given again)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write replay.html and replay.png; the directory.")
    ] = None,
    json: Json = False,
) -> None:
    """Train on the first rows, decide the rest window by window, with outcomes coming late.

    Compares never retraining (static), by the calendar (scheduled) and on Assay's own alerts
    (triggered) with every baseline and with hindsight, and draws the value of each.
    """
    from assay.workspace import Workspace

    workspace = Workspace(directory, data=data)
    with bar("replaying", quiet=json) as progress:
        found = workspace.replay(
            first=first,
            labels=labels.value,
            every=every,
            families=[one.value for one in family or ()],
            progress=progress,
        )
    page, picture = workspace.draw_replay(found, out)
    document = {**found.document(), "page": str(page), "picture": str(picture)}
    show(document, lambda: _tell(found, page, picture), json=json)


def _tell(found: Replay, page: Path, picture: Path) -> None:
    say(f"{found.charter}: {found.n:,} decisions in {len(found.windows)} windows", style="bold")
    say(
        f"  after the first {found.first:,} rows; outcomes {found.label_delay} late, {found.labels}"
    )
    rows = [
        (
            name,
            estimate_text(book.value),
            estimate_text(book.uplift),
            str(book.retrainings),
            f"{book.cost:,.0f} {found.currency}",
            f"{book.value.mean - book.cost:,.0f}",
        )
        for name, book in found.policies.items()
    ]
    rows += [
        (f"{name} (baseline)", estimate_text(total), "", "", "", "")
        for name, total in found.baseline_totals.items()
    ]
    rows.append(("hindsight (ceiling)", estimate_text(found.hindsight_total), "", "", "", ""))
    head = ("policy", "value", f"uplift over {found.baseline}", "retrained", "cost", "net")
    table("", head, rows)
    table("Window by window", *_windows(found))
    for name, difference in found.differences.items():
        say(f"  {name}: {difference}")
    for note in found.notes:
        say(f"  {note}")
    say(f"Look at {page} and {picture}")


def _windows(found: Replay) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return value in each window for each policy, every baseline and hindsight."""
    head = ("window", *found.policies, *found.baselines, "hindsight", "triggered did")
    told = found.policies.get("triggered")
    rows = []
    for place, window in enumerate(found.windows):
        did = told.periods[place].response if told else None
        rows.append(
            (
                str(window["name"]),
                *(f"{book.periods[place].value:,.0f}" for book in found.policies.values()),
                *(f"{values[place]:,.0f}" for values in found.baselines.values()),
                f"{found.hindsight[place]:,.0f}",
                did or "",
            )
        )
    return head, rows
