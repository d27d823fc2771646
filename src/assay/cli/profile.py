"""`assay profile`: what two files say of each other, window by window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.output import Json, say, show
from assay.cli.profile_words import tell_profile
from assay.cli.short_run import short_run

if TYPE_CHECKING:
    from assay.monitor.file_report import FileReport

__all__ = ["profile"]


def _column(name: str, words: str) -> Any:
    return typer.Option(name, metavar="COLUMN", help=words)


def profile(
    analysis: Annotated[list[Path], typer.Argument(help="Parquet, CSV, a folder or Delta table.")],
    reference: Annotated[Path, typer.Option("--reference", help="What is normal.")],
    column: Annotated[str | None, _column("--window-column", "Moments to cut windows by.")] = None,
    window: Annotated[
        str | None,
        typer.Option("--window", help="`1 day` (with a column), `6 hours`, `1000 rows`."),
    ] = None,
    zone: Annotated[str, typer.Option("--time-zone", help="Whose days they are.")] = "UTC",
    score: Annotated[str | None, _column("--score", "The model's score.")] = None,
    decision: Annotated[
        str | None, _column("--decision", "What was done: 1/0, act/wait, or the words of --value.")
    ] = None,
    outcome: Annotated[
        str | None, _column("--outcome", "What came: 1/0, yes/no, the words of --value, empty.")
    ] = None,
    amount: Annotated[
        str | None,
        _column("--amount", "Brought by acting, if positive; known before the decision."),
    ] = None,
    cost: Annotated[
        float | None, typer.Option("--cost", help="Of acting, with --amount; 0.")
    ] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Of --amount; EUR.")] = None,
    value: Annotated[
        Path | None, typer.Option("--value", help="YAML: the `value` section of a charter.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option("--positive", help="The positive outcome, with --value.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Draw it as a PNG.")] = None,
    json: Json = False,
) -> None:
    """Compare tables: drift, quality, performance and value of each window; no charter needed."""
    with short_run():
        from assay.workspace.profiling import Asked, profile_files

        _drawable(out)
        found = profile_files(
            Asked(
                reference=reference,
                analysis=analysis,
                column=column,
                window=window,
                zone=zone,
                score=score,
                decision=decision,
                outcome=outcome,
                amount=amount,
                cost=cost,
                currency=currency,
                value=_text(value),
                positive=positive,
            )
        )
        _draw(found, out)
        show(found.document(), lambda: _tell(found, out), json=json)


def _text(path: Path | None) -> str | None:
    from assay.errors import InputError

    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The value section {path} cannot be read: {error}.") from error


def _drawable(out: Path | None) -> None:
    """Raise InputError where a picture could not be written, before anything is counted."""
    from assay.errors import InputError

    if out is None:
        return
    if out.suffix.lower() != ".png":
        raise InputError(f"--out is {out}, and the picture is a PNG. Name it {out.stem}.png.")
    if not out.parent.is_dir():
        raise InputError(f"There is no folder {out.parent} for --out. Make it, or name another.")


def _draw(found: FileReport, out: Path | None) -> None:
    if out is None:
        return
    from assay.adapters.whole_file import write_whole
    from assay.report.profile_picture import profile_picture

    write_whole(out, profile_picture(found))


def _tell(found: FileReport, out: Path | None) -> None:
    tell_profile(found)
    if out is not None:
        say(f"Drawn to {out}.")
