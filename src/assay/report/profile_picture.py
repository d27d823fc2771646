"""A picture of what moved: every feature in every window of an analysis."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from assay.monitor.file_report import FileReport
from assay.report.figure import BAD, GOLD, axes, png

__all__ = ["profile_picture"]

_MOST = 1.0
"""Effects from one standard deviation on have the darkest colour."""


def profile_picture(report: FileReport) -> bytes:
    """Return a PNG: windows from left to right, features that moved from top to bottom.

    A cell is the darker the larger the effect, in standard deviations (numbers) or as a distance
    of Jensen and Shannon (categories); white where nothing moved.
    """
    names = sorted({one.feature for window in report.windows for one in window.drift.moved})
    effects = np.zeros((max(1, len(names)), len(report.windows)))
    for column, window in enumerate(report.windows):
        for one in window.drift.moved:
            effects[names.index(one.feature), column] = one.effect
    ramp = LinearSegmentedColormap.from_list("moved", ["white", GOLD, BAD])
    title = "What moved, window by window" if names else "Nothing moved"
    with axes(title, height=1.6 + 0.22 * len(names)) as ax:
        ax.grid(visible=False)
        ax.imshow(effects, aspect="auto", cmap=ramp, vmin=0, vmax=_MOST, interpolation="nearest")
        ax.set_yticks(range(len(names)), names)
        step = max(1, len(report.windows) // 12)
        shown = range(0, len(report.windows), step)
        labels = [report.windows[place].name for place in shown]
        ax.set_xticks(list(shown), labels, rotation=30, ha="right", fontsize=8)
    return png(ax)
