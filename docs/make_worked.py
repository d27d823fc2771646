"""Run the worked examples and write each as a page with what it printed and drew.

A script is cut into cells by lines that begin with `# %%`; cells marked `[markdown]` are prose. The
value of a cell's last line is shown, pictures as PNG files beside the page. Replays take a while:
what they found is kept in `figures/` beside the page, and a test reads it from there.
"""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from assay.lifecycle import replay as replaying
from assay.lifecycle.books import Replay

FOLDERS = tuple(Path(__file__).parent / name for name in ("value", "monitoring"))


def pages() -> list[Path]:
    """Return the scripts of the worked examples."""
    return sorted(script for folder in FOLDERS for script in folder.glob("[a-z]*.py"))


def rendered(script: Path, *, anew: bool = True) -> tuple[str, dict[str, bytes]]:
    """Run a script and return its page, and its pictures by file name.

    Replays are run `anew` and kept, or taken from what was kept.
    """
    with _replays(script, anew=anew):
        return _rendered(script)


@contextlib.contextmanager
def _replays(script: Path, *, anew: bool) -> Iterator[None]:
    """Let a script's replays be kept beside it, or be read from there, in their order."""
    number, replay = itertools.count(1), replaying.replay

    def kept(*given: Any, **options: Any) -> Replay:
        path = script.parent / "figures" / f"{script.stem}-{next(number)}.json"
        if anew:
            path.parent.mkdir(exist_ok=True)
            text = json.dumps(replay(*given, **options).document(), indent=1)
            path.write_text(text + "\n", encoding="utf-8")
        return Replay.from_document(json.loads(path.read_text(encoding="utf-8")))

    with mock.patch.object(replaying, "replay", kept):
        yield


def _rendered(script: Path) -> tuple[str, dict[str, bytes]]:
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(script)}
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in re.split(r"(?m)^# %%", script.read_text(encoding="utf-8"))[1:]:
        first, _, body = cell.partition("\n")
        if "[markdown]" in first:
            prose = re.sub(r"(?m)^# ?", "", body).strip()
            parts.append(prose)
            continue
        code = body.strip()
        printed, shown = _run(code, names)
        parts.append(f"```python\n{code}\n```")
        if hasattr(shown, "_repr_png_"):
            name = f"{script.stem}-{len(pictures) + 1}.png"
            pictures[name] = shown._repr_png_()
            parts.append(f"![{shown.axes.get_title('left')}](pictures/{name})")
            shown = None
        text = printed + (f"{shown!r}\n" if shown is not None else "")
        if text.strip():
            parts.append(f"```\n{text.rstrip()}\n```")
    link = f"[`{script.name}`]({script.name})"
    note = f"*This page is what {link} printed and drew; `make docs` writes it.*"
    return "\n\n".join([*parts, note]) + "\n", pictures


def _run(code: str, names: dict[str, Any]) -> tuple[str, Any]:
    tree, shown = ast.parse(code), None
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(tree, "<cell>", "exec"), names)  # noqa: S102
        if isinstance(last, ast.Expr):
            shown = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)  # noqa: S307
    return out.getvalue(), shown


def main() -> None:
    """Write every page and its pictures; those without their data are left as they are."""
    for script in pages():
        try:
            text, pictures = rendered(script)
        except FileNotFoundError as error:
            print(f"left {script.stem}.md as it is: {error}")
            continue
        script.with_suffix(".md").write_text(text, encoding="utf-8")
        folder = script.parent / "pictures"
        folder.mkdir(exist_ok=True)
        for name, raw in pictures.items():
            (folder / name).write_bytes(raw)
        print(f"wrote {os.path.relpath(script.with_suffix('.md'))}, {len(pictures)} pictures")


if __name__ == "__main__":
    sys.exit(main())
