"""What a command says: text for people on stdout, or one JSON document for machines."""

from __future__ import annotations

import json as json_
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["Data", "Directory", "Environment", "Json", "bar", "fail", "say", "show", "table"]

Directory = Annotated[Path, typer.Argument(help="The directory that holds charter.yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
Data = Annotated[
    Path | None, typer.Option("--data", help="Read this table in place of the charter's source.")
]
Environment = Annotated[
    str | None,
    typer.Option("--environment", help="An environment that the charter names; production."),
]


def show(document: Mapping[str, Any], text: Callable[[], None], *, json: bool) -> None:
    """Print the document as JSON, or let `text` print it for people."""
    if json:
        print(json_.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        text()


def _finite(value: Any) -> Any:
    """Return a document with `null` for infinite and missing numbers, which JSON does not know."""
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say(line: str = "", *, style: str = "") -> None:
    """Print one line for people; `style` is a rich style such as `bold` or `red`.

    A pipe or a file gets it plain, and does not wait until colours are loaded.
    """
    if not sys.stdout.isatty():
        print(line)
        return
    from rich.console import Console

    Console(highlight=False, soft_wrap=True).print(line, style=style or None, markup=False)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a small table; columns after the first stand to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    out = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, title_style="bold")
    for place, name in enumerate(head):
        out.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for row in rows:
        out.add_row(*row)
    Console(highlight=False, width=None if sys.stdout.isatty() else 120).print(out)


def fail(text: str, code: int, *, json: bool) -> None:
    """Say what went wrong in one paragraph on stderr (and as JSON on stdout), and leave."""
    if json:
        print(json_.dumps({"error": text, "exit_code": code}, ensure_ascii=False))
    print(f"assay: {text}", file=sys.stderr)
    raise SystemExit(code)


@contextmanager
def bar(label: str, *, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """Give a function that moves a progress bar on stderr: it takes a share and a word."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[word]}"),
    )
    quiet = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task(label, total=1.0, word="")
        yield lambda share, word: progress.update(task, completed=share, word=word)
