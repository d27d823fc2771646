"""`assay respond`: what to do about a breach, what each way is expected to bring, and who signs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Data, Directory, Json, bar, say, show, table
from assay.cli.verdicts import estimate_text
from assay.errors import InputError

if TYPE_CHECKING:
    from assay.charter.charter import Charter
    from assay.lifecycle.proposal import Remedy
    from assay.lifecycle.responding import Responded

__all__ = ["Kind", "respond"]


class Kind(StrEnum):
    """What can be asked for."""

    MOVE_POLICY = "move-policy"
    RECALIBRATE = "recalibrate"
    RETRAIN = "retrain"
    ROLL_BACK = "roll-back"
    FALL_BACK = "fall-back"
    ESCALATE = "escalate"


def respond(
    directory: Directory = Path(),
    accept: Annotated[
        str | None, typer.Option(help="Sign the proposal of this id.", metavar="ID")
    ] = None,
    decline: Annotated[
        str | None, typer.Option(help="Refuse the proposal of this id.", metavar="ID")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--as", help="Your name, as the charter has it.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="The role you sign in.")] = None,
    because: Annotated[
        str, typer.Option(help="Why you refuse (everybody will read it), or a note to a signature.")
    ] = "",
    propose: Annotated[
        Kind | None, typer.Option(help="Propose this kind, whether or not an alert is open.")
    ] = None,
    shadow: Annotated[
        bool | None,
        typer.Option(
            "--shadow/--no-shadow",
            help="Judge a retraining by one made beside what serves: takes as long as a build; by "
            "default where an alert is open.",
        ),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show what each response is expected to bring a day, and propose the best that surely pays.

    Run it after `assay monitor`, as often as you like: what waits is not proposed twice, and what
    the charter lets act alone, or has its signatures, is done.
    """
    from assay.workspace import Workspace

    workspace = Workspace(directory, data=data)
    with bar("judging responses", quiet=json) as progress:
        if accept is not None:
            name, held = _given(person, "--as"), _given(role, "--role")
            found = workspace.accept(accept, name, held, note=because, progress=progress)
        elif decline is not None:
            found = workspace.decline(decline, _given(person, "--as"), reason=because)
        else:
            asked = None if propose is None else propose.value.replace("-", "_")
            found = workspace.respond(asked=asked, shadow=shadow, progress=progress)  # type: ignore[arg-type]
    show(found.document(), lambda: _tell(workspace.charter, found), json=json)


def _given(value: str | None, option: str) -> str:
    if not value:
        raise InputError(f"Say who decides: {option} is missing. See `assay respond --help`.")
    return value


def _tell(charter: Charter, found: Responded) -> None:
    judged = found.judged
    if judged is not None:
        if judged.cases:
            where = (
                judged.windows[0]
                if len(judged.windows) == 1
                else (f"{judged.windows[0]} to {judged.windows[-1]}")
            )
            title = f"What could be done about version {judged.standing}"
            table(
                title, ("response", "gain", "cost", "net of cost"), _rows(charter, judged.remedies)
            )
            say(f"Judged on {judged.cases:,} served cases whose outcome is known ({where}).")
        else:
            say(judged.words)
        for one in judged.remedies:
            if one.note:
                say(f"  {one.text}: {one.note}.".replace("..", "."))
    response = found.response
    if response is not None:
        style = {"open": "bold", "taken": "bold green"}.get(response.status, "")
        say(f"Response {response.id}, {response.status}: {response.proposed['text']}", style=style)
    for line in found.words:
        say(line)


def _rows(charter: Charter, remedies: tuple[Remedy, ...]) -> list[tuple[str, ...]]:
    """Return a line for each response, the one of highest net gain first."""
    ranked = sorted(remedies, key=lambda one: -one.net.mean if one.net else float("inf"))
    return [
        (
            one.text,
            estimate_text(one.gain) if one.gain else "not judged",
            f"{one.cost:,.4g} {charter.value.currency} per day",
            estimate_text(one.net) if one.net else "-",
        )
        for one in ranked
    ]
