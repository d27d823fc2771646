"""`assay captures`: what was served, in the log and in the lake."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Directory, Json, say, show, table

if TYPE_CHECKING:
    from assay.workspace import Workspace

__all__ = ["captures", "rotate", "show_", "verify"]

captures = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)

Environment = Annotated[
    str | None,
    typer.Option("--environment", help="Whose captures; production's where not given."),
]
_SHOWN = 14


@captures.callback()
def _group() -> None:
    """Show, verify and bring into Parquet what gateways captured of their answers."""


@captures.command("rotate")
def rotate(
    directory: Directory = Path(), environment: Environment = None, json: Json = False
) -> None:
    """Bring every closed log into the lake, as Parquet; `assay monitor` does so as well.

    Logs that a gateway writes stay. It may be stopped at any point.
    """
    workspace = _workspace(directory, environment)
    done, rules = workspace.rotate_captures(), workspace.charter.serving.capture

    def text() -> None:
        if done.files:
            say(f"{_logs(done.files)} with {done.rows:,} records went over into Parquet.")
        else:
            say(
                "No log is closed: nothing was to be done. A gateway closes its log after "
                f"{rules.rotate_minutes:g} minutes or {rules.rotate_mib:g} MiB, and when it stops."
            )

    show(asdict(done), text, json=json)


@captures.command("verify")
def verify(
    directory: Directory = Path(),
    environment: Environment = None,
    set_aside: Annotated[
        bool,
        typer.Option(
            "--set-aside",
            help="Keep damaged parts in `damaged/`, count them as lost, and read all others.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Read all captures and count them; exit code 3 names each part that is damaged.

    It says file, bytes, groups and how many predictions they held at least.
    """
    workspace = _workspace(directory, environment)
    aside = workspace.set_captures_aside() if set_aside else []
    found = workspace.verify_captures()

    def text() -> None:
        for one in aside:
            say(f"Set aside: {one}.", style="yellow")
        say(
            f"All reads: {found.answers:,} predictions answered, {found.shadows:,} in shadow, "
            f"{found.failures:,} requests answered with an error."
        )
        if found.lost:
            say(f"{found.lost:,} predictions could not be recorded, or are lost.", style="yellow")

    show(asdict(found) | {"set_aside": [asdict(one) for one in aside]}, text, json=json)


@captures.command("show")
def show_(
    directory: Directory = Path(), environment: Environment = None, json: Json = False
) -> None:
    """Show how much lies in logs and how much in the lake, by day (UTC)."""
    kept = _workspace(directory, environment).captures_kept()

    def text() -> None:
        say(
            f"{_logs(kept.written)} being written and {kept.closed} closed "
            f"({kept.log_bytes / 2**20:.1f} MiB); {kept.files} Parquet files hold "
            f"{kept.rows:,} records ({kept.lake_bytes / 2**20:.1f} MiB)."
        )
        if kept.days:
            newest = list(kept.days.items())[-_SHOWN:]
            table("", ("day", "records"), [(day, f"{rows:,}") for day, rows in newest])

    show(asdict(kept), text, json=json)


def _logs(count: int) -> str:
    return "1 log" if count == 1 else f"{count} logs"


def _workspace(directory: Path, environment: str | None) -> Workspace:
    from assay.workspace import Workspace

    return Workspace(directory, environment=environment)
