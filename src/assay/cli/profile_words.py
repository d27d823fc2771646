"""What `assay profile` tells people: small tables, and a line for what they leave open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import sqrt
from typing import TYPE_CHECKING

from assay.cli.output import say, table

if TYPE_CHECKING:
    from assay.monitor.feature_drift import FeatureDrift
    from assay.monitor.file_report import FileReport, FileWindow
    from assay.monitor.quality import FeatureQuality
    from assay.stats.estimate import Estimate

__all__ = ["tell_profile"]

_NAMED = 4
"""Features that a window's cell names."""
_LINES = 8
"""Features that have a line below the table."""
_COLUMNS = 12
"""Columns left out that a line names."""
_WORTH_SAYING = 0.01
"""Shares of values never seen before below this are left to the document."""
_WORTH_A_GAP = 0.05
"""Changes of the share of missing values below this are left to the document, and so are those
within three standard errors."""


def tell_profile(found: FileReport) -> None:
    """Print what moved, how the model performed and what it earned, and what stands out."""
    windows = found.windows
    table("What moved", ("window", "rows", "moved"), [_row(one) for one in windows])
    if any(one.before or one.after for one in windows):
        _pairs(
            "ROC AUC", windows, lambda one: (one.before.get("roc_auc"), one.after.get("roc_auc"))
        )
    valued = [one for window in windows for one in window.value.values()]
    if valued:
        title = f"Uplift, {valued[0].unit}"
        _pairs(title, windows, lambda one: (one.value.get("expected"), one.value.get("realised")))
    for line in found.warnings:
        say(line, style="red")
    say(f"{found.cut}, beside {found.reference} windows of the reference ({found.rows:,} rows).")
    for line in [*_moves(windows), *_strange(windows), *_unjudged(windows), *_left_out(found)]:
        say(f"  {line}")


def _row(one: FileWindow) -> tuple[str, ...]:
    moved = ", ".join(_called(feature.feature) for feature in one.drift.moved[:_NAMED])
    more = len(one.drift.moved) - _NAMED
    moved += f" and {more} more" if more > 0 else ""
    nothing = "nothing" if one.drift.judged else "not judged"
    return one.name, f"{one.n:,}", moved or nothing


def _pairs(
    title: str,
    windows: Sequence[FileWindow],
    of: Callable[[FileWindow], tuple[Estimate | None, Estimate | None]],
) -> None:
    head = ("window", "before labels", "after labels")
    table(title, head, [(one.name, *map(_short, of(one))) for one in windows])


def _short(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not known"
    mean, low, high = (_digits(one) for one in (estimate.mean, estimate.low, estimate.high))
    return f"{mean} [{low}, {high}]"


def _digits(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _called(feature: str) -> str:
    """Return a feature's name as people know it: the score has none of its own here."""
    return "the score" if feature == "@score" else feature


def _moves(windows: Sequence[FileWindow]) -> list[str]:
    """Return a line for each feature that moved: where to, in the window where it moved most."""
    most: dict[str, tuple[FeatureDrift, str]] = {}
    times: defaultdict[str, int] = defaultdict(int)
    for window in windows:
        for one in window.drift.moved:
            times[one.feature] += 1
            if one.feature not in most or one.effect > most[one.feature][0].effect:
                most[one.feature] = one, window.name
    ranked = sorted(most, key=lambda name: (-times[name], -most[name][0].effect, name))
    lines = [
        f"{_called(name)} moved in {times[name]} of {len(windows)} windows, "
        f"most in {most[name][1]}: {most[name][0].text}"
        for name in ranked[:_LINES]
    ]
    more = len(ranked) - _LINES
    return [*lines, f"{more} more features moved: --json has them all"] if more > 0 else lines


def _strange(windows: Sequence[FileWindow]) -> list[str]:
    """Return a line for each feature whose data are not as they were, at its worst window."""
    worst: dict[str, tuple[float, str]] = {}
    for window in windows:
        for one in window.quality.values():
            share, said = _state(one, window.n)
            if share > worst.get(one.feature, (0.0, ""))[0]:
                worst[one.feature] = share, f"{_called(one.feature)} in {window.name}: {said}"
    return [said for _, (_, said) in sorted(worst.items())]


def _state(one: FeatureQuality, n: int) -> tuple[float, str]:
    """Return how bad a feature's data are (0 where as they were), and in which way."""
    found: list[tuple[float, str]] = []
    change = one.missing - one.missing_before
    noise = sqrt(
        max(one.missing * (1 - one.missing), one.missing_before * (1 - one.missing_before))
    )
    if abs(change) >= max(_WORTH_A_GAP, 3 * noise / sqrt(max(n, 1))):
        found.append((abs(change), f"missing: {_share(one.missing, one.missing_before)}"))
    if one.unseen >= _WORTH_SAYING:
        found.append((one.unseen, f"never seen: {one.unseen * 100:.3g} % of values"))
    if one.constant:
        found.append((1.0, "one value only"))
    return max((share for share, _ in found), default=0.0), "; ".join(said for _, said in found)


def _share(now: float, before: float) -> str:
    return f"{now * 100:.3g} % of rows, {before * 100:.3g} % before"


def _unjudged(windows: Sequence[FileWindow]) -> list[str]:
    """Return a line for each reason why drift was not judged, whatever the number of rows."""
    reasons: defaultdict[str, list[FileWindow]] = defaultdict(list)
    for one in windows:
        if not one.drift.judged:
            reasons[one.drift.note.partition(":")[0]].append(one)
    return [
        f"drift is not judged in {len(held)} of {len(windows)} windows: {_reason(held)}"
        for _, held in sorted(reasons.items())
    ]


def _reason(held: Sequence[FileWindow]) -> str:
    """Return why drift was not judged; of several numbers of rows, the fewest to the most."""
    notes = sorted({one.drift.note for one in held})
    if len(notes) == 1:
        return notes[0]
    why, _, needed = notes[0].partition(":")
    fewest, most = min(one.n for one in held), max(one.n for one in held)
    return f"{why}: {fewest} to {most},{needed.partition(',')[2]}"


def _left_out(found: FileReport) -> list[str]:
    """Return a line for each reason why columns are not compared."""
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for name, why in found.left_out.items():
        reasons[why].append(name)
    lines = []
    for why, names in reasons.items():
        more = len(names) - _COLUMNS
        listed = ", ".join(names[:_COLUMNS]) + (f" and {more} more" if more > 0 else "")
        lines.append(f"{listed} {'is' if len(names) == 1 else 'are'} left out: {why}")
    return lines
