"""`assay demo`: a simulated year through every phase, in about a minute."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.output import Json, bar, say, show

if TYPE_CHECKING:
    from assay.cli.demo_year import MonthPlayed, Year
    from assay.workspace import Workspace

__all__ = ["demo"]

_MARK = "campaign.simulated"


def demo(
    directory: Annotated[Path, typer.Argument(help="Where to play; made anew.")] = Path(
        "assay-demo"
    ),
    json: Json = False,
) -> None:
    """Play a year of a simulated bank's campaign through the real parts, from charter to report."""
    from assay.cli.demo_year import Year, set_up
    from assay.lifecycle.campaign import Campaign

    _empty(directory)
    campaign = Campaign()
    tell = (lambda _: None) if json else say
    tell("A bank, its clients and its amounts are simulated here; everything else is real.")
    workspace = set_up(directory, campaign)
    with bar("", quiet=json) as progress:
        year = Year(workspace, campaign, lambda word: progress(0.0, word))
        lines = _envision_build_release(workspace, year, tell, progress)
        months = []
        for month in year.play():
            months.append(month)
            _tell_month(month, tell)
            progress(month.number / 12, f"month {month.number}")
    document = {**lines, **_end(workspace, months)}
    show(document, lambda: _tell_end(document), json=json)


def _empty(directory: Path) -> None:
    """Take away an earlier demo; refuse to touch anything else."""
    from assay.errors import InputError

    if directory.exists() and any(directory.iterdir()):
        if not (directory / _MARK).exists():
            raise InputError(
                f"{directory} is not empty and is no earlier demo. Name another directory."
            )
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARK).write_text("Made by `assay demo`, and taken away by the next one.\n")


def _envision_build_release(
    workspace: Workspace, year: Year, tell: Any, progress: Any
) -> dict[str, Any]:
    tell(f"Envision  {workspace.charter.title}: charter without a fault")
    made = workspace.build(progress=progress)
    tell(f"Build     version {made.version}, worth {made.uplift_per_month} over `nobody`")
    _, verdict = workspace.gate()
    tell(f"Gate      closed: {len(verdict.reasons)} sign-offs are missing")
    verdict = year.approve()
    tell(f"Sign      two people on two lines of defence; the gate is {_word(verdict.open)}")
    state = workspace.release(salt="simulated-1")
    share, rest = f"{state.weight:.0%}", f"{1 - state.weight:.0%}"
    tell(f"Release   a canary: version {made.version} decides for {share} of clients,")
    tell(f"          the baseline `{workspace.charter.value.baseline}` for the other {rest}")
    return {"planned": made.uplift_per_month.document()}


def _word(is_open: bool) -> str:
    return "open" if is_open else "closed"


def _tell_month(month: MonthPlayed, tell: Any) -> None:
    line = f"{month.calls:>5,} calls of 8,000 earned {month.earned:>7,.0f} EUR"
    tell(f"Month {month.number:>2}  {line}")
    for said in month.said:
        tell(f"          {said}")


def _end(workspace: Workspace, months: list[MonthPlayed]) -> dict[str, Any]:
    entries = workspace.audit()
    picture = workspace.directory / "year.png"
    picture.write_bytes(_picture(months))
    found = workspace.value()
    return {
        "with_response": sum(month.earned for month in months),
        "without_response": sum(month.unanswered for month in months),
        "realised": found.realised.document() if found.realised else None,
        "months": [vars(month) for month in months],
        "ledger_entries": entries,
        "picture": str(picture),
        "report": str(workspace.report()),
    }


def _picture(months: list[MonthPlayed]) -> bytes:
    """Draw the year's money with and without the response."""
    from assay.report.figure import png
    from assay.report.plots import value_paths

    paths = {
        "with the response": [month.earned for month in months],
        "without": [month.unanswered for month in months],
    }
    labels = [f"{month.number}" for month in months]
    title = "A simulated year: the clients change in month 5, Assay answers"
    return png(value_paths(labels, paths, unit="EUR earned so far", quiet=["without"], title=title))


def _tell_end(document: dict[str, Any]) -> None:
    with_, without = document["with_response"], document["without_response"]
    say()
    say(f"The year with the response     {with_:>9,.0f} EUR", style="bold green")
    say(f"The year without the response  {without:>9,.0f} EUR", style="bold red")
    say("  (what the simulated clients really brought; the simulation knows it exactly)")
    if document["realised"]:
        from assay.stats.estimate import Estimate

        estimate = Estimate.from_document(document["realised"])
        say(f"As Assay measured it from late outcomes: {estimate}")
    say(f"The ledger holds together: {document['ledger_entries']} entries.")
    say(f"Look at {document['report']} and {document['picture']}")
