"""`assay replay`: what the use case would have been worth over the history at hand."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Data, Directory, Json, bar, say, show, table
from assay.cli.verdicts import estimate_text

if TYPE_CHECKING:
    from assay.lifecycle.books import PolicyBook, Replay

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
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            metavar="NAME",
            help="static, scheduled, triggered, or your own `module:function` beside the charter "
            "(may be given again; all three where not given).",
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(min=1, help="Windows between scheduled retrainings; the charter's."),
    ] = None,
    family: Annotated[
        list[Family] | None,
        typer.Option("--family", help="Search this family only (may be given again)."),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            help="With selected outcomes, also live with all outcomes and without exploration, to "
            "say what it costs (up to three times the work)."
        ),
    ] = True,
    out: Annotated[
        Path | None, typer.Option(help="Where to write replay.html and replay.png; the directory.")
    ] = None,
    json: Json = False,
) -> None:
    """Train on the first rows, decide the rest window by window, with outcomes coming late.

    Compares never retraining (static), by the calendar (scheduled) and on Assay's own alerts
    (triggered), or what a function of yours does, with every baseline and with hindsight, counts
    what each costs, and draws the value of each.
    """
    from assay.workspace import Workspace

    workspace = Workspace(directory, data=data)
    with bar("replaying", quiet=json) as progress:
        found = workspace.replay(
            first=first,
            labels=labels.value,
            policies=policy or (),
            every=every,
            families=[one.value for one in family or ()],
            compare=compare,
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
        (name, estimate_text(book.value), estimate_text(book.uplift), estimate_text(book.net))
        for name, book in found.policies.items()
    ]
    rows += [
        (f"{name} (baseline)", estimate_text(total), "", estimate_text(total))
        for name, total in found.baseline_totals.items()
    ]
    rows.append(("hindsight (ceiling)", estimate_text(found.hindsight_total), "", ""))
    table("", ("policy", "value", f"uplift over {found.baseline}", "value net of costs"), rows)
    head = ("policy", "cases", "at stake", "retrained", "retraining", "deciding", "running")
    table(f"What it cost ({found.currency})", head, [_cost(b) for b in found.policies.values()])
    table("Window by window", *_windows(found))
    for name, difference in found.differences.items():
        say(f"  {name}: {difference}")
    _tell_unseen(found)
    for note in found.notes:
        say(f"  {note}")
    say(f"Look at {page} and {picture}")


def _cost(book: PolicyBook) -> tuple[str, ...]:
    costs = book.costs
    return (
        book.name,
        ", ".join(f"{count:,} {action}" for action, count in costs.cases.items()) or "",
        f"{costs.staked:,.0f}",
        str(book.retrainings),
        *(f"{cost:,.0f}" for cost in (costs.retraining, costs.deciding, costs.running)),
    )


def _tell_unseen(found: Replay) -> None:
    """Say what it costs that outcomes are selected and cases are explored."""
    for name, book in found.policies.items():
        if book.costs.exploring is not None:
            say(
                f"  {name}: {book.costs.random:,} random actions cost {book.costs.exploring} "
                "in themselves"
            )
        for world, difference in found.unseen.get(name, {}).items():
            say(f"  {name}: {difference} against {world}")


def _windows(found: Replay) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return value in each window for each policy, every baseline and hindsight."""
    head = ("window", *found.policies, *found.baselines, "hindsight", "what was done")
    rows = []
    for place, window in enumerate(found.windows):
        rows.append(
            (
                str(window["name"]),
                *(f"{book.periods[place].value:,.0f}" for book in found.policies.values()),
                *(f"{values[place]:,.0f}" for values in found.baselines.values()),
                f"{found.hindsight[place]:,.0f}",
                "; ".join(_done(found, place)),
            )
        )
    return head, rows


def _done(found: Replay, place: int) -> list[str]:
    """Say what each policy did at a window's start, but for a calendar's retraining."""
    return [
        f"{name}: {(book.periods[place].response or '').replace('_', ' ')}"
        for name, book in found.policies.items()
        if book.periods[place].response and name != "scheduled"
    ]
