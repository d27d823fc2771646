"""A picture of an analysis: what moved in every window, how the model did, and what it earned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from assay.monitor.file_report import FileReport
from assay.report.figure import BAD, FAINT, GOLD, GOOD, QUIET, axes, png
from assay.stats.estimate import Estimate

__all__ = ["profile_picture"]

_MOST = 1.0
"""Effects from one standard deviation on have the darkest colour."""
_PANEL = 1.7
"""Inches of a panel of estimates."""
_TICKS = 12
_SHOWN = 40
"""Features that have a row."""

Known = Sequence[Estimate | None]


def profile_picture(report: FileReport) -> bytes:
    """Return a PNG: windows from left to right, features that moved from top to bottom.

    A cell is the darker the larger the effect, in standard deviations (numbers) or as a distance
    of Jensen and Shannon (categories); white where nothing moved, grey where nothing was judged.
    Below stand ROC AUC and uplift, before labels and after, where they are known.
    """
    effects = _effects(report)
    names = sorted(effects, key=lambda name: -effects[name].max())[:_SHOWN]
    panels = _panels(report)
    heights = [1.3 + 0.22 * max(1, len(names)), *[_PANEL] * len(panels)]
    more = len(effects) - len(names)
    title = "What moved, window by window" + (f" ({more} more features moved)" if more else "")
    if not names:
        judged = any(window.drift.judged for window in report.windows)
        title = "Nothing moved" if judged else "Drift was not judged"
    with axes(title, height=sum(heights) + 0.5) as ax:
        figure = ax.figure
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        ax.set_subplotspec(grid[0])
        _draw_effects(ax, report, {name: effects[name] for name in names})
        drawn = [ax]
        for place, (label, before, after) in enumerate(panels, start=1):
            panel = figure.add_subplot(grid[place], sharex=ax)
            _draw_estimates(panel, label, before, after)
            drawn.append(panel)
        _name_windows(drawn, [window.name for window in report.windows])
    return png(ax)


def _effects(report: FileReport) -> dict[str, np.ndarray]:
    """Return each feature's effect in each window; 0 where it did not move."""
    found: dict[str, np.ndarray] = {}
    for column, window in enumerate(report.windows):
        for one in window.drift.moved:
            found.setdefault(one.feature, np.zeros(len(report.windows)))[column] = one.effect
    return found


def _panels(report: FileReport) -> list[tuple[str, Known, Known]]:
    """Return what is known of performance and value: a label, before labels and after."""
    windows = report.windows
    found: list[tuple[str, Known, Known]] = [
        (
            "ROC AUC",
            [one.before.get("roc_auc") for one in windows],
            [one.after.get("roc_auc") for one in windows],
        ),
        (
            "uplift",
            [one.value.get("expected") for one in windows],
            [one.value.get("realised") for one in windows],
        ),
    ]
    return [
        (f"{label}\n{units[0]}".strip(), before, after)
        for label, before, after in found
        if (units := [one.unit for one in (*before, *after) if one is not None])
    ]


def _draw_effects(ax: Axes, report: FileReport, effects: dict[str, np.ndarray]) -> None:
    cells = np.array(list(effects.values()) or [np.zeros(len(report.windows))])
    judged = np.array([window.drift.judged for window in report.windows])
    ramp = LinearSegmentedColormap.from_list("moved", ["white", GOLD, BAD])
    colours = ramp.with_extremes(bad=FAINT)
    shown = np.ma.masked_array(cells, mask=np.broadcast_to(~judged, cells.shape))
    ax.grid(visible=False)
    drawn = ax.imshow(
        shown, aspect="auto", cmap=colours, vmin=0, vmax=_MOST, interpolation="nearest"
    )
    called = ["the score" if name == "@score" else name for name in effects]
    ax.set_yticks(range(len(called)), called)
    note = "" if judged.all() else "\ngrey: not judged"
    bar = ax.figure.colorbar(drawn, ax=ax, ticks=[0, 0.5, 1.0], extend="max", aspect=10)
    bar.ax.set_yticklabels(["0", "0.5", "1"])
    bar.set_label(f"effect,\nstandard deviations{note}", fontsize=8)


def _draw_estimates(ax: Axes, label: str, before: Known, after: Known) -> None:
    for known, colour, name, shift in (
        (before, GOLD, "before labels", -0.12),
        (after, GOOD, "after labels", 0.12),
    ):
        found = [(place, one) for place, one in enumerate(known) if one is not None]
        if not found:
            continue
        at = np.array([place for place, _ in found]) + shift
        mean, low, high = np.array([(one.mean, one.low, one.high) for _, one in found]).T
        reach = np.nan_to_num(np.abs([mean - low, high - mean]), posinf=0.0)
        ax.errorbar(at, mean, reach, fmt="o", ms=3, lw=1, color=colour, label=name)
    if label.startswith("uplift"):
        ax.axhline(0.0, color=QUIET, lw=0.8)
    ax.set_ylabel(label)
    ax.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 0.96), ncols=2)


def _name_windows(drawn: Sequence[Axes], names: Sequence[str]) -> None:
    """Write the windows' names below the lowest panel alone."""
    shown = range(0, len(names), max(1, -(-len(names) // _TICKS)))
    for panel in drawn[:-1]:
        panel.tick_params(labelbottom=False)
    drawn[-1].set_xticks(
        list(shown), [names[place] for place in shown], rotation=30, ha="right", fontsize=8
    )
