"""The value bridge as a picture: from planned to realised, one step for each part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from assay.report.figure import BAD, GOLD, GOOD, INK, QUIET, axes, money_axis
from assay.stats.estimate import Estimate
from assay.value.bridge import Bridge

__all__ = ["waterfall"]

_WIDTH = 0.62


def waterfall(bridge: Bridge, *, title: str = "From planned to realised value") -> Axes:
    """Draw the bridge: each part as a bar that starts where the last one ended.

    A bar's whisker is its own interval, moved to where the bar stands. Parts that are surely above
    or below zero have a colour; the others are grey.
    """
    steps = bridge.steps()
    levels = np.cumsum([amount.mean for _, amount in steps[:-1]])
    with axes(title, height=4.0) as ax:
        for place, (name, amount) in enumerate(steps):
            part = name in bridge.parts
            _bar(ax, place, float(levels[place - 1]) if part else 0.0, amount, whole=not part)
        _join(ax, levels.tolist())
        ax.axhline(0, color=QUIET, linewidth=1)
        ax.set_xticks(range(len(steps)), [name for name, _ in steps], color=INK)
        ax.grid(visible=False, axis="x")
        ax.margins(y=0.16)
        money_axis(ax, f"uplift, {bridge.planned.unit}")
    return ax


def _bar(ax: Axes, place: int, start: float, estimate: Estimate, *, whole: bool) -> None:
    """Draw one bar with its interval and amount; `whole` bars stand on zero."""
    color = GOLD if whole else _tone(estimate)
    ax.bar(place, estimate.mean, _WIDTH, bottom=start, color=color, edgecolor=color, alpha=0.9)
    low, high = start + estimate.low, start + estimate.high
    top = start + max(estimate.mean, 0.0)
    if np.isfinite([low, high]).all():
        ax.plot([place, place], [low, high], color=INK, linewidth=1.2, solid_capstyle="butt")
        top = max(top, high)
    sign = "+" if estimate.mean > 0 and not whole else ""
    ax.annotate(
        f"{sign}{estimate.mean:,.0f}",
        (place, top),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8.5,
        color=INK,
    )


def _tone(estimate: Estimate) -> str:
    return GOOD if estimate.low > 0 else BAD if estimate.high < 0 else QUIET


def _join(ax: Axes, levels: Sequence[float]) -> None:
    """Join each bar's end to the next bar."""
    for place, level in enumerate(levels):
        ends = [place + _WIDTH / 2, place + 1 - _WIDTH / 2]
        ax.plot(ends, [level, level], color=QUIET, linewidth=0.8)
