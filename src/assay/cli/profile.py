"""`assay profile`: what two files say of each other, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.output import Json, say, show, table
from assay.cli.short_run import short_run

if TYPE_CHECKING:
    from assay.monitor.file_report import FileReport, FileWindow
    from assay.stats.estimate import Estimate

__all__ = ["profile"]

_WORTH_SAYING = 0.01
"""Shares of values never seen before below this are left to the document."""


def _column(name: str, words: str) -> Any:
    return typer.Option(name, metavar="COLUMN", help=words)


def profile(
    analysis: Annotated[list[Path], typer.Argument(help="Parquet, CSV, a folder or Delta table.")],
    reference: Annotated[Path, typer.Option("--reference", help="What is normal.")],
    column: Annotated[str | None, _column("--window-column", "Moments to cut windows by.")] = None,
    window: Annotated[str, typer.Option("--window", help="`1 day`, `6 hours`, `1000 rows`.")] = (
        "1 day"
    ),
    zone: Annotated[str, typer.Option("--time-zone", help="Whose days they are.")] = "UTC",
    score: Annotated[str | None, _column("--score", "The model's score.")] = None,
    decision: Annotated[str | None, _column("--decision", "What was done: words or 1/0.")] = None,
    outcome: Annotated[str | None, _column("--outcome", "What came: words, 1/0, empty.")] = None,
    amount: Annotated[str | None, _column("--amount", "Brought by acting, if positive.")] = None,
    cost: Annotated[float, typer.Option("--cost", help="Of acting, with --amount.")] = 0.0,
    currency: Annotated[str, typer.Option("--currency", help="Of --amount.")] = "EUR",
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
        if out is not None:
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


def _draw(found: FileReport, out: Path) -> None:
    from assay.adapters.whole_file import write_whole
    from assay.report.profile_picture import profile_picture

    write_whole(out, profile_picture(found))


def _tell(found: FileReport, out: Path | None) -> None:
    windows = found.windows
    performed = any(one.before for one in windows)
    valued = any(one.value for one in windows)
    head = ["window", "rows", "moved"]
    head += ["ROC AUC before labels", "after labels"] if performed else []
    head += ["uplift before labels", "after labels"] if valued else []
    table("", head, [_row(one, performed=performed, valued=valued) for one in windows])
    say(f"Beside {found.reference} reference windows of {found.rows:,} rows in all.")
    notes = {one.drift.note for one in windows if not one.drift.judged}
    for note in sorted(notes):
        say(f"  drift is not judged: {note}")
    for line in _strange(windows):
        say(f"  {line}")
    for name, why in found.left_out.items():
        say(f"  {name} is left out: {why}")
    if out is not None:
        say(f"Drawn to {out}.")


def _row(one: FileWindow, *, performed: bool, valued: bool) -> tuple[str, ...]:
    moved = ", ".join(feature.feature for feature in one.drift.moved[:4])
    more = len(one.drift.moved) - 4
    moved += f" and {more} more" if more > 0 else ""
    row = [one.name, f"{one.n:,}", moved or "nothing"]
    if performed:
        row += [_short(each.get("roc_auc")) for each in (one.before, one.after)]
    if valued:
        row += [_short(one.value.get(name)) for name in ("expected", "realised")]
    return tuple(row)


def _short(estimate: Estimate | None) -> str:
    return "" if estimate is None else repr(estimate)


def _strange(windows: Sequence[FileWindow]) -> list[str]:
    """Return a line for each feature whose data are not as they were, at its worst window."""
    worst: dict[str, tuple[float, str]] = {}
    for window in windows:
        for one in window.quality.values():
            if one.constant:
                worst[one.feature] = (1.0, f"`{one.feature}` is constant in {window.name}")
            elif one.unseen >= _WORTH_SAYING and one.unseen > worst.get(one.feature, (0.0, ""))[0]:
                said = f"{one.unseen:.2g} of `{one.feature}` was never seen before in {window.name}"
                worst[one.feature] = (one.unseen, said)
    return [said for _, (_, said) in sorted(worst.items())]
