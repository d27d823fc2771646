"""The pictures: value against the threshold, over time, by segment; calibration; cash flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from assay.report.figure import BAD, FAINT, GOLD, GOOD, INK, QUIET, SERIES, axes, money_axis
from assay.stats.estimate import Estimate

__all__ = [
    "calibration_curve",
    "cash_flow",
    "estimates",
    "tornado",
    "value_curve",
    "value_over_time",
    "value_paths",
]


def value_curve(
    thresholds: Sequence[float],
    mean: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    *,
    unit: str,
    baseline: str,
    used: float | None = None,
    ceiling: float | None = None,
    priced: float | None = None,
    words: str = "",
    acts: str = "act when the probability reaches",
) -> Axes:
    """Draw uplift against the threshold with its band, the threshold in use and the ceiling.

    `priced` is marked as a threshold not to use, and `words` stand above the picture: what it
    would cost. `acts` says what is done at a threshold.
    """
    x, y = np.asarray(thresholds), np.asarray(mean)
    with axes("What each threshold is worth") as ax:
        ax.fill_between(x, low, high, color=GOLD, alpha=0.18, linewidth=0)
        ax.plot(x, y, color=GOLD, linewidth=2)
        ax.axhline(0, color=QUIET, linewidth=1)
        ax.annotate(f"baseline: {baseline}", (x[-1], 0), color=QUIET, ha="right", va="bottom")
        if ceiling is not None:
            ax.axhline(ceiling, color=GOOD, linewidth=1, linestyle=(0, (4, 3)))
            ax.annotate("ceiling", (x[-1], ceiling), color=GOOD, ha="right", va="bottom")
        if used is not None:
            _point(ax, used, float(np.interp(used, x, y)), f"in use: {used:.3g}", INK)
        if priced is not None:
            _point(ax, priced, float(np.interp(priced, x, y)), f"{priced:.3g}", BAD)
        if words:
            ax.set_title(ax.get_title("left"), pad=24)
            ax.text(0, 1.02, words, transform=ax.transAxes, fontsize=9, va="bottom", color=INK)
        ax.set_xlabel(acts)
        money_axis(ax, f"uplift, {unit}")
    return ax


def _point(ax: Axes, x: float, y: float, text: str, color: str) -> None:
    ax.plot([x], [y], "o", color=color, markersize=6)
    ax.annotate(text, (x, y), xytext=(7, 5), textcoords="offset points", color=color)


def calibration_curve(
    predicted: Sequence[float],
    observed: Sequence[float],
    counts: Sequence[int],
    *,
    title: str = "Do probabilities mean what they say?",
    labels: tuple[str, str] = ("predicted", "observed"),
) -> Axes:
    """Draw the observed frequency against the predicted one; dots grow with their cases."""
    with axes(title, width=5.4, height=3.6) as ax:
        limit = max(0.05, *predicted, *observed) * 1.08
        ax.plot([0, limit], [0, limit], color=QUIET, linewidth=1)
        size = 18 + 160 * np.sqrt(np.asarray(counts, float) / max(counts))
        ax.scatter(predicted, observed, s=size, color=GOLD, alpha=0.8, edgecolor="white")
        ax.set(xlim=(0, limit), ylim=(0, limit), xlabel=labels[0], ylabel=labels[1])
    return ax


def estimates(title: str, rows: Mapping[str, Estimate], *, zero: bool = True) -> Axes:
    """Draw estimates under each other as points with their intervals, best first."""
    items = sorted(rows.items(), key=lambda item: item[1].mean)
    unit = items[0][1].unit if items else ""
    with axes(title, height=1.0 + 0.34 * max(2, len(items))) as ax:
        for place, (_, estimate) in enumerate(items):
            color = GOOD if estimate.low > 0 else BAD if estimate.high < 0 else QUIET
            ax.plot([estimate.low, estimate.high], [place, place], color=color, linewidth=2)
            ax.plot([estimate.mean], [place], "o", color=color, markersize=6)
        ax.set_yticks(range(len(items)), [name for name, _ in items], color=INK)
        ax.grid(visible=False, axis="y")
        ax.margins(y=0.15)
        if zero:
            ax.axvline(0, color=QUIET, linewidth=1)
        money_axis(ax, unit, "x")
    return ax


def cash_flow(
    cumulative: Sequence[float],
    *,
    currency: str,
    payback: float | None,
    band: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Axes:
    """Draw the money in hand month by month, from the build cost to the horizon.

    `band` holds each month's lowest and highest ends (months whose ends are not finite are left
    out of it).
    """
    months = np.arange(len(cumulative))
    values = np.asarray(cumulative)
    with axes("Money in hand, month by month") as ax:
        if band is not None:
            low, high = (np.asarray(end, float) for end in band)
            known = np.isfinite(low) & np.isfinite(high)
            ax.fill_between(months, low, high, where=known, color=GOLD, alpha=0.18, linewidth=0)
        ax.plot(months, values, color=GOLD, linewidth=1.2, zorder=1)
        ax.scatter(months, values, color=np.where(values >= 0, GOOD, BAD), s=16, zorder=2)
        ax.axhline(0, color=QUIET, linewidth=1)
        if payback is not None and np.isfinite(payback):
            ax.axvline(payback, color=INK, linewidth=1, linestyle=(0, (4, 3)))
            ax.annotate(
                f"paid back in month {payback:.0f}",
                (payback, 0.98),
                xycoords=("data", "axes fraction"),
                xytext=(5, 0),
                textcoords="offset points",
                va="top",
            )
        ax.set_xlabel("month")
        money_axis(ax, currency)
    return ax


def tornado(
    bars: Sequence[tuple[str, float, float]], likeliest: float, *, currency: str, most: int = 12
) -> Axes:
    """Draw what moves the net present value: name, value at the input's least and at its most.

    Bars stand as given, the first on top; what lies below the likeliest value is red.
    """
    shown = list(bars[:most])[::-1]
    with axes("What moves the net present value", height=1.1 + 0.34 * max(2, len(shown))) as ax:
        for place, (_, *ends) in enumerate(shown):
            low, high = min(*ends, likeliest), max(*ends, likeliest)
            ax.barh(place, likeliest - low, left=low, color=BAD, alpha=0.75, height=0.62)
            ax.barh(place, high - likeliest, left=likeliest, color=GOOD, alpha=0.75, height=0.62)
        ax.axvline(likeliest, color=INK, linewidth=1)
        ax.use_sticky_edges = False  # or the longest bar ends at the frame
        ax.margins(x=0.04)
        ax.locator_params(axis="x", nbins=5)
        ax.set_yticks(range(len(shown)), [name for name, *_ in shown], color=INK)
        ax.grid(visible=False, axis="y")
        money_axis(ax, f"net present value, {currency}", "x")
    return ax


def value_over_time(
    labels: Sequence[str],
    realised: Sequence[Estimate | None],
    expected: Sequence[Estimate | None],
    *,
    floor: float | None = None,
    goal: float | None = None,
    marks: Mapping[int, str] | None = None,
    title: str = "Uplift, window by window",
) -> Axes:
    """Draw realised uplift with its interval, what was expected before labels, and the boundary.

    `marks` names windows at which something happened (an alert, a release). A window without
    labels has no realised value: it is left out, not drawn as zero.
    """
    with axes(title) as ax:
        unit = next((e.unit for e in (*realised, *expected) if e is not None), "")
        _interval_line(ax, expected, QUIET, "expected before labels", dashed=True)
        _interval_line(ax, realised, GOLD, "realised", dashed=False)
        for level, name, color in ((floor, "floor", BAD), (goal, "goal", GOOD)):
            if level is not None:
                ax.axhline(level, color=color, linewidth=1, linestyle=(0, (4, 3)))
                ax.annotate(name, (len(labels) - 1, level), color=color, ha="right", va="bottom")
        ax.axhline(0, color=QUIET, linewidth=1)
        _mark(ax, marks or {})
        _time_ticks(ax, labels)
        money_axis(ax, unit)
        ax.legend(loc="best", fontsize=8.5)
    return ax


def _interval_line(
    ax: Axes, series: Sequence[Estimate | None], color: str, label: str, *, dashed: bool
) -> None:
    known = [(place, e) for place, e in enumerate(series) if e is not None]
    if not known:
        return
    x = [place for place, _ in known]
    ax.fill_between(
        x, [e.low for _, e in known], [e.high for _, e in known], color=color, alpha=0.15, lw=0
    )
    style = "--" if dashed else "-"
    ax.plot(x, [e.mean for _, e in known], style, color=color, linewidth=2, label=label)


def _mark(ax: Axes, marks: Mapping[int, str]) -> None:
    top = ax.get_ylim()[1]
    for place, text in marks.items():
        ax.axvline(place, color=INK, linewidth=0.9, linestyle=":")
        ax.annotate(
            text, (place, top), xytext=(3, -3), textcoords="offset points", fontsize=8, va="top"
        )


def _time_ticks(ax: Axes, labels: Sequence[str]) -> None:
    step = max(1, len(labels) // 12)
    places = range(0, len(labels), step)
    turned = any(len(label) > 6 for label in labels)
    ax.set_xticks(
        list(places),
        [labels[p] for p in places],
        rotation=30 if turned else 0,
        ha="right" if turned else "center",
        fontsize=8,
    )


def value_paths(
    labels: Sequence[str],
    paths: Mapping[str, Sequence[float]],
    *,
    unit: str,
    quiet: Sequence[str] = (),
    title: str = "Value over the history, summed up",
) -> Axes:
    """Draw each policy's summed value; the `quiet` ones (baselines, ceiling) stand back.

    Each line carries its name and total at its end, so that no legend is needed.
    """
    with axes(title, height=4.4) as ax:
        ends: list[tuple[float, str, str]] = []
        colors = iter(SERIES)
        for name, values in paths.items():
            total = np.cumsum(np.asarray(values, float))
            back = name in quiet
            color = QUIET if back else next(colors, INK)
            ax.plot(
                total, color=color, linewidth=1.2 if back else 2.2, linestyle="--" if back else "-"
            )
            ends.append((float(total[-1]), f"{name}  {total[-1]:,.0f}", color))
        _end_labels(ax, ends, len(labels))
        ax.axhline(0, color=FAINT, linewidth=1)
        _time_ticks(ax, labels)
        money_axis(ax, unit)
    return ax


def _end_labels(ax: Axes, ends: Sequence[tuple[float, str, str]], length: int) -> None:
    """Write each line's name at its end, moved apart where two would overlap."""
    low, high = ax.get_ylim()
    gap, previous = (high - low) * 0.05, float("-inf")
    for value, text, color in sorted(ends):
        place = max(value, previous + gap)
        previous = place
        ax.annotate(
            text,
            (length - 1, value),
            xytext=(length - 0.7, place),
            textcoords="data",
            color=color,
            fontsize=8.5,
            va="center",
            annotation_clip=False,
        )
    ax.set_xlim(-0.3, (length - 1) * 1.34 + 0.5)
