"""The pictures of a replay: what each policy earned, when it was warned and what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from assay.lifecycle.books import PolicyBook, Replay
from assay.ports.engine import Floats
from assay.report import plots
from assay.report.figure import BAD, FAINT, INK, QUIET, SERIES, axes, money_axis
from assay.stats.estimate import Estimate

__all__ = ["pictures", "replay_paths", "replay_windows"]

_MARKS = {
    "retrain": ("o", "retrained"),
    "recalibrate": ("D", "recalibrated"),
    "move_policy": ("s", "policy moved"),
    "roll_back": ("<", "rolled back"),
    "fall_back": ("v", "fell back"),
    "escalate": ("P", "people told"),
}


def pictures(found: Replay) -> list[Axes]:
    """Return every picture of a replay, the one that says most first."""
    worth = {name: book.uplift for name, book in found.policies.items()}
    drawn = [
        replay_paths(found),
        replay_windows(found),
        plots.estimates(f"Uplift over {found.baseline}, in all", worth),
    ]
    if found.differences:
        drawn.append(plots.estimates("One policy against another", dict(found.differences)))
    unseen = _unseen(found)
    if unseen:
        drawn.append(plots.estimates("The price of not seeing", unseen))
    return drawn


def replay_paths(found: Replay) -> Axes:
    """Draw the summed value of each policy, its responses on the line, and what stands beside."""
    quiet = {**found.baselines, "hindsight": found.hindsight}
    paths = {name: [p.value for p in book.periods] for name, book in found.policies.items()}
    labels = _labels(found)
    ax = plots.value_paths(labels, {**paths, **quiet}, unit=found.currency, quiet=list(quiet))
    for book, color in zip(found.policies.values(), _colors(found), strict=True):
        _responses(ax, book, np.cumsum([period.value for period in book.periods]), color)
    _legend(ax, found, alerts=False)
    return ax


def replay_windows(found: Replay) -> Axes:
    """Draw each policy's uplift window by window; below, in its colour, where it was warned."""
    x = np.arange(len(found.windows))
    with axes(f"Uplift over {found.baseline}, window by window", height=4.0) as ax:
        ax.axhline(0, color=QUIET, linewidth=1)
        for book, color in zip(found.policies.values(), _colors(found), strict=True):
            uplift = np.array([period.uplift for period in book.periods])
            ax.plot(x, uplift, color=color, linewidth=1.8, label=book.name)
            _responses(ax, book, uplift, color)
        _alerts(ax, found)
        _ticks(ax, _labels(found))
        money_axis(ax, f"uplift, {found.currency}")
        _legend(ax, found, alerts=True)
    return ax


def _alerts(ax: Axes, found: Replay) -> None:
    """Mark the windows at whose start a policy had an alert, one row for each policy."""
    low, high = ax.get_ylim()
    step, row = (high - low) * 0.05, 0
    for book, color in zip(found.policies.values(), _colors(found), strict=True):
        warned = [place for place, period in enumerate(book.periods) if period.alerts]
        if warned:
            row += 1
            ax.plot(warned, [low - row * step] * len(warned), "|", color=color, markersize=8)
    if row:
        ax.axhline(low, color=FAINT, linewidth=1)
    ax.set_ylim(low - (row + 0.7) * step, high)


def _responses(ax: Axes, book: PolicyBook, heights: Floats, color: str) -> None:
    """Mark what was done, but for a calendar that does it all the time."""
    if book.responses > len(book.periods) / 2:
        return
    for place, period in enumerate(book.periods):
        if period.response is not None:
            shape, _ = _MARKS[period.response]
            ax.plot(
                [place],
                [heights[place]],
                shape,
                color=color,
                markersize=6.5,
                markeredgecolor="white",
                markeredgewidth=0.8,
                zorder=4,
            )


def _legend(ax: Axes, found: Replay, *, alerts: bool) -> None:
    """Name the lines where they bear no names, and every mark that was drawn."""
    shown = [b for b in found.policies.values() if b.responses <= len(b.periods) / 2]
    used = {period.response for book in shown for period in book.periods}
    for kind, (shape, words) in _MARKS.items():
        if kind in used:
            ax.plot([], [], shape, color=INK, markersize=6, label=words)
    if alerts and any(p.alerts for book in found.policies.values() for p in book.periods):
        ax.plot([], [], "|", color=INK, markersize=8, label="alert at its start")
    handles, names = ax.get_legend_handles_labels()
    figure = ax.get_figure(root=True)
    if handles and figure is not None:
        figure.legend(
            handles, names, loc="outside lower center", fontsize=8.5, ncols=4, frameon=False
        )


def _unseen(found: Replay) -> Mapping[str, Estimate]:
    rows = {
        f"{name} against {world}": difference
        for name, others in found.unseen.items()
        for world, difference in others.items()
    }
    for name, book in found.policies.items():
        if book.costs.exploring is not None:
            rows[f"{name}: random actions in themselves"] = book.costs.exploring.scaled(
                -1, found.currency
            )
    return rows


def _colors(found: Replay) -> list[str]:
    """Return a colour for each policy, those of the summed paths."""
    order = [*SERIES, BAD, INK]
    return [order[place % len(order)] for place in range(len(found.policies))]


def _labels(found: Replay) -> list[str]:
    """Name windows shortly: those of rows by their first row."""
    by_rows = all(str(window["name"]).startswith("rows ") for window in found.windows)
    return [
        f"row {window['start'] + 1:,}" if by_rows else str(window["name"])
        for window in found.windows
    ]


def _ticks(ax: Axes, labels: Sequence[str]) -> None:
    step = max(1, len(labels) // 12)
    places = list(range(0, len(labels), step))
    turned = any(len(label) > 6 for label in labels)
    ax.set_xticks(
        places,
        [labels[place] for place in places],
        rotation=30 if turned else 0,
        ha="right" if turned else "center",
        fontsize=8,
    )
