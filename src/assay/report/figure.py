"""How every picture looks, and how it leaves: SVG for pages, PNG for files."""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

__all__ = [
    "BAD",
    "FAINT",
    "GOLD",
    "GOOD",
    "INK",
    "QUIET",
    "SERIES",
    "axes",
    "below",
    "money_axis",
    "png",
    "svg",
]

INK, GOLD, GOOD, BAD, QUIET, FAINT = (
    "#1b2430",
    "#b8860b",
    "#1b7f79",
    "#b23a48",
    "#7a828e",
    "#e3e6ea",
)
SERIES = (GOLD, "#2a5b9c", GOOD, "#8a4f9e", BAD, QUIET)

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.fonttype": "path",
    "svg.hashsalt": "assay",
}

_METADATA = ("Creator", "Date", "Format", "Type")
_ID = re.compile(r' id="|href="#|url\(#')


@contextmanager
def axes(title: str, width: float = 7.2, height: float = 3.6) -> Iterator[Axes]:
    """Give one styled set of axes to draw on; the figure is `axes.figure`.

    >>> with axes("Value") as ax:
    ...     _ = ax.plot([0, 1], [0, 1])
    >>> png(ax)[1:4]
    b'PNG'
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        ax = figure.add_subplot()
        ax.set_title(title, pad=10)
        yield ax


def below(ax: Axes, rows: int, across: int, *, ratio: float) -> list[Axes]:
    """Make room below a picture for small ones, `rows` times `across`; return them in order.

    Each row is `ratio` times as high as the picture above it, which keeps the whole width.

    >>> with axes("Value") as ax:
    ...     len(below(ax, 1, 2, ratio=0.5)), len(below(ax, 0, 2, ratio=0.5))
    (2, 0)
    """
    if not rows:
        return []
    grid = _figure(ax).add_gridspec(rows + 1, across, height_ratios=[1.0] + [ratio] * rows)
    ax.set_subplotspec(grid[0, :])
    places = ((row, place) for row in range(1, rows + 1) for place in range(across))
    return [_figure(ax).add_subplot(grid[row, place]) for row, place in places]


def money_axis(ax: Axes, label: str, which: str = "y") -> None:
    """Write an axis in whole thousands with separators, and say what it counts."""
    axis = ax.yaxis if which == "y" else ax.xaxis
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if abs(x) >= 10 else f"{x:g}"))
    axis.set_label_text(label)


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes belong to no figure")
    return figure


def png(ax: Axes, dpi: int = 144) -> bytes:
    """Return the picture as PNG bytes."""
    out = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure = _figure(ax)
        FigureCanvasAgg(figure)
        figure.savefig(out, format="png", dpi=dpi, metadata={"Software": "Assay"})
    return out.getvalue()


def svg(ax: Axes) -> str:
    """Return the picture as an SVG element to stand inside a page; the same data, the same text.

    Its ids begin with a digest of it, so that no two elements of a page share one; its title is
    there for readers who do not see it.
    """
    out = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure = _figure(ax)
        FigureCanvasSVG(figure)
        figure.savefig(out, format="svg", metadata=dict.fromkeys(_METADATA))
    text = out.getvalue()
    text = text[text.index("<svg") :]
    own = f"p{hashlib.sha256(text.encode()).hexdigest()[:10]}-"
    label = html.escape(ax.get_title("left"))
    named = text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return _ID.sub(lambda found: found[0] + own, named)
