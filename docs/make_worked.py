"""Run the worked examples and write each as a page with what it printed and drew.

A script is cut into cells by lines that begin with `# %%`; cells marked `[markdown]` are prose. The
value of a cell's last line is shown, pictures as PNG files beside the page.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "value"


def pages(folder: Path = HERE) -> list[Path]:
    """Return the scripts of the worked examples."""
    return sorted(folder.glob("[a-z]*.py"))


def rendered(script: Path) -> tuple[str, dict[str, bytes]]:
    """Run a script and return its page, and its pictures by file name."""
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
