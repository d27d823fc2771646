"""A decision on a release, drawn from its document: value above, each guardrail below."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from assay.report.figure import BAD, GOLD, GOOD, INK, QUIET, axes, below, money_axis, svg

__all__ = ["decision_picture", "draw_decision"]

_ACROSS = 2
_LINE = 48
_COLORS = {"promote": GOOD, "roll_back": BAD, "hold": QUIET}


def decision_picture(document: Mapping[str, Any]) -> str:
    """Return the picture of a decision's document (`lifecycle/decision_evidence.py`) as SVG."""
    return svg(draw_decision(document))


def draw_decision(document: Mapping[str, Any]) -> Axes:
    """Draw the confidence sequence of the difference, and that of each guardrail's share."""
    names = list(document["guardrails"])
    rows = -(-len(names) // _ACROSS)
    verdict = str(document["verdict"]).replace("_", " ")
    title = f"Version {document['version']} of {document['model']}: {verdict}"
    with axes(title, height=3.5 + 1.75 * rows) as ax:
        small = below(ax, rows, _ACROSS, ratio=0.5)
        _value(ax, document)
        for place, name in zip(small, names, strict=False):
            _guardrail(place, name, document)
        for place in small[len(names) :]:
            place.set_visible(False)
    return ax


def _value(ax: Axes, document: Mapping[str, Any]) -> None:
    plan, course = document["plan"], document["course"]["value"]
    ax.set_title(ax.get_title("left"), pad=22)
    style: dict[str, Any] = {"fontsize": 8.5, "va": "bottom", "color": INK}
    ax.text(0, 1.02, _said(document), transform=ax.transAxes, **style)
    if plan["untold"] or not course["units"]:
        why = "value cannot be told: guardrails alone decide" if plan["untold"] else "no units yet"
        ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", color=QUIET)
        ax.set_yticks([])
    else:
        tolerance = -float(plan["tolerance"])
        _band(ax, course["units"], course, GOLD)
        _limit(ax, tolerance, f"tolerance: {tolerance:.3g}", BAD, below_line=True)
        _limit(ax, 0.0, "alike", QUIET)
        _end(ax, course["units"], course, _COLORS[document["verdict"]])
        _room(ax, course, (tolerance, 0.0))
        money_axis(ax, f"{plan['currency']} per unit above the {plan['against']}")
    ax.set_xlabel("units, in order of assignment")


def _said(document: Mapping[str, Any]) -> str:
    """Return what stands above: units, what is missing, the split."""
    said = f"{document['units']:,} units"
    if document["missing_copies"]:
        said += f", {document['missing_copies']:,} of them without a copy"
    for share, on, off in document["splits"]:
        said += f"; {share:.0%} agreed, {on:,} of {on + off:,} got it"
    return said


def _guardrail(ax: Axes, name: str, document: Mapping[str, Any]) -> None:
    course = document["course"]["guardrails"][name]
    limits = {one["name"]: float(one["limit"]) for one in document["plan"]["conditions"]}
    found = document["guardrails"][name]
    kept, broken = (found[one]["log_money"] >= found[one]["needed"] for one in ("within", "beyond"))
    color, said = (BAD, "beyond") if broken else (GOOD, "kept") if kept else (QUIET, "open")
    ax.set_title(textwrap.fill(f"{said}: {name}", _LINE), fontsize=8.5, color=color, pad=4)
    if course["cases"]:
        _band(ax, course["cases"], course, color)
        _end(ax, course["cases"], course, color)
    limit = limits[name]
    _limit(ax, limit, "", BAD)
    _room(ax, course, (0.0, limit))
    ax.yaxis.set_major_formatter(lambda share, _: f"{share:.3g}")
    ax.tick_params(labelsize=8)
    ax.set_xlabel("cases", fontsize=8.5)


def _band(ax: Axes, x: Sequence[float], course: Mapping[str, Any], color: str) -> None:
    ax.fill_between(x, course["low"], course["high"], color=color, alpha=0.2, linewidth=0)
    ax.plot(x, course["mean"], color=color, linewidth=2)


def _end(ax: Axes, x: Sequence[float], course: Mapping[str, Any], color: str) -> None:
    ax.plot([x[-1]] * 2, [course["low"][-1], course["high"][-1]], color=color, linewidth=2.5)
    ax.plot([x[-1]], [course["mean"][-1]], "o", color=color, markersize=6)


def _limit(ax: Axes, level: float, text: str, color: str, *, below_line: bool = False) -> None:
    ax.axhline(level, color=color, linewidth=1, linestyle=(0, (4, 3)))
    ax.annotate(
        text,
        (0.01, level),
        xycoords=("axes fraction", "data"),
        color=color,
        fontsize=8.5,
        va="top" if below_line else "bottom",
    )


def _room(ax: Axes, course: Mapping[str, Any], levels: Sequence[float]) -> None:
    """Show what the interval came to: its wide beginning may leave the picture."""
    lows, highs = np.asarray(course["low"]), np.asarray(course["high"])
    late = slice(len(lows) // 4, None)
    ends = [*levels, *lows[late].tolist(), *highs[late].tolist()]
    low, high = min(ends), max(ends)
    spare = 0.12 * ((high - low) or 1.0)
    ax.set_ylim(low - spare, high + spare)
