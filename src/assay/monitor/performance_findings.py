"""Whether a window's performance surely misses a limit, or lies beyond what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any

import numpy as np

from assay.charter.charter import Charter
from assay.monitor.finding import Finding
from assay.monitor.limit_watch import AgainstLimit, Basis, against_limit, said
from assay.monitor.performance import (
    Tables,
    hides,
    labelled_share,
    measured_after,
    measured_before,
    not_identified,
    revealed,
)
from assay.monitor.watched import Watched
from assay.stats.estimate import Estimate
from assay.stats.metric_intervals import AFTER, BEFORE, Measurement
from assay.stats.multiple_testing import benjamini_hochberg
from assay.stats.reference import LEAST_WINDOWS
from assay.stats.score_metrics import HIGHER_IS_BETTER
from assay.stats.window_spread import Usual, usual

__all__ = ["Basis", "Performance", "judge_performance", "performance_findings"]

_LEAST_ROWS = 30
_ENOUGH_LABELS = 0.5
_MOST_WINDOWS = 20
_OF_THE_MIX = frozenset({"log_loss", "brier", "calibration_error"})
_SAID = {"realised": "from labels", "expected": "expected before labels"}


@dataclass(frozen=True)
class Performance:
    """Every metric of a window, before labels and after, and what it says against limits.

    `basis` says on which of the two it was judged, None where on neither; `note` says what could
    not be judged and why, or is empty. `limits` are how metrics stand against the charter's limits,
    `findings` those that are surely worse than usual. `hidden` names the metrics that labels do not
    tell, since some decisions hide the outcome: limits on these are held against what is expected.
    """

    before: Mapping[str, Estimate]
    after: Mapping[str, Estimate]
    basis: Basis | None
    findings: tuple[Finding, ...] = ()
    note: str = ""
    limits: tuple[AgainstLimit, ...] = ()
    hidden: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {
            "basis": self.basis,
            "before": {name: one.document() for name, one in self.before.items()},
            "after": {name: one.document() for name, one in self.after.items()},
            "not_identified": list(self.hidden),
            "findings": [one.text for one in self.findings],
            "note": self.note,
        }


def judge_performance(
    charter: Charter,
    watched: Watched,
    tables: Tables,
    reference: Sequence[Tables],
    *,
    stale: bool = False,
) -> Performance:
    """Measure one window and judge it: on labels once half of its cases have one, else before.

    `reference` are the tables of the reference windows, with labels, in order of time; of more than
    twenty, neighbours are put together: short windows tell little of performance. Estimates before
    labels are not judged where their track record makes them `stale`.

    Where the charter's `data.revealed_by` lets some actions hide the outcome, half of the others'
    cases must have a label, and thirty at least; metrics that these identify are compared with
    those of the reference's cases of the same decisions (see `measured_after`), unless some cases
    are decided by chance here.
    """
    shown = charter.data.revealed_by
    after_labels = partial(measured_after, revealed_by=shown)
    before, after = measured_before(tables, watched), after_labels(tables, watched)
    some = hides(tables, watched, shown)
    enough = max((one.n for one in after.values()), default=0) >= (_LEAST_ROWS if some else 1)
    known = enough and labelled_share(revealed(tables, watched, shown)) >= _ENOUGH_LABELS
    basis: Basis | None = "realised" if known else None if stale else "expected"
    now = after if known else before
    found = Performance(
        {name: one.estimate(BEFORE) for name, one in before.items()},
        {name: one.estimate(AFTER) for name, one in after.items()},
        None,
        hidden=not_identified(tables, watched, before, shown),
    )
    n = max((one.n for one in now.values()), default=0)
    if basis is None or n < _LEAST_ROWS:
        why = "estimates before labels are stale" if basis is None else f"too few cases: {n}"
        return replace(found, note=why)
    partly = known and some
    measure = after_labels if known else measured_before
    then = [each for one in _gathered(reference) if (each := measure(one, watched))]
    # Decisions by chance are then among the labelled cases, and none among the reference's.
    then = [] if partly and charter.release.exploration_share else then
    return replace(
        found,
        basis=basis,
        findings=performance_findings(charter, now, then, basis),
        note=_note(charter, found.hidden if partly else (), len(then)),
        limits=_against(charter, now, before if partly else None, basis, stale=stale),
    )


def _note(charter: Charter, hidden: Sequence[str], windows: int) -> str:
    """Say which metrics labels do not tell, and why nothing was compared with what is usual."""
    notes = []
    if hidden:
        names, shown = ", ".join(map(said, hidden)), " and ".join(charter.data.revealed_by)
        notes.append(f"not identified: {names}, since outcomes are seen only after {shown}")
    if hidden and charter.release.exploration_share:
        notes.append("cases decided by chance are labelled too, of which the reference has none")
    if windows < LEAST_WINDOWS:
        notes.append(
            f"not enough history: {windows} reference windows with labels, {LEAST_WINDOWS} needed; "
            "judged on limits alone"
        )
    return "; ".join(notes)


def _against(
    charter: Charter,
    now: Mapping[str, Measurement],
    before: Mapping[str, Measurement] | None,
    basis: Basis,
    *,
    stale: bool,
) -> tuple[AgainstLimit, ...]:
    """Return how metrics stand against limits.

    Where actions hide outcomes there is a `before`: metrics that labels do not tell stand by what
    was expected, unless that is `stale`. So do those that hang on the mix of cases, for limits are
    about all of them and labels about some.
    """
    limits = {**charter.acceptance, **charter.monitoring.limits}
    found: list[AgainstLimit] = []
    for name, limit in limits.items():
        apart = before is not None and (name not in now or name in _OF_THE_MIX)
        if not apart and name in now:
            found += against_limit(name, now[name], limit, basis)
        elif before is not None and name in before and not stale:
            found += against_limit(name, before[name], limit, "expected")
    return tuple(found)


def _gathered(reference: Sequence[Tables]) -> list[Tables]:
    """Return at most twenty tables, of neighbouring reference windows together."""
    parts = np.array_split(np.arange(len(reference)), min(len(reference), _MOST_WINDOWS) or 1)
    return [reduce(add, (reference[place] for place in part)) for part in parts if len(part)]


def performance_findings(
    charter: Charter,
    now: Mapping[str, Measurement],
    reference: Sequence[Mapping[str, Measurement]],
    basis: Basis,
) -> tuple[Finding, ...]:
    """Return the metrics that are surely worse than usual.

    Worse than usual is a metric that another window of the reference's kind would reach less than
    once in `monitoring.windows_between_false_alarms` (Benjamini and Hochberg over the metrics), and
    by `monitoring.least_effect` standard deviations of one row's part in the metric, beyond noise
    and the movement of the reference windows. With fewer than ten of them nothing is usual.

    A finding has no value per day: a metric says how well scores tell outcomes apart, and not what
    decisions made of them are worth. What a loss of performance costs shows in the value and the
    concept findings of the same window, so that one amount is not counted under two names.
    """
    return tuple(_worse(charter, now, reference, basis))


def _worse(
    charter: Charter,
    now: Mapping[str, Measurement],
    reference: Sequence[Mapping[str, Measurement]],
    basis: Basis,
) -> list[Finding]:
    limits = charter.monitoring
    before = {
        name: usual(
            np.array([one[name].value for one in reference if name in one]),
            np.array([one[name].sampling for one in reference if name in one]),
        )
        for name in now
        if sum(name in one for one in reference) >= LEAST_WINDOWS
    }
    names = list(before)
    p = np.array([_p(name, now[name], before[name]) for name in names])
    believed = benjamini_hochberg(p, 1 / limits.windows_between_false_alarms)
    found = []
    for name, worse in zip(names, believed.tolist(), strict=True):
        gap, spread = now[name].value - before[name].mean, before[name].spread(now[name].sampling)
        effect = max(0.0, gap**2 - spread**2) ** 0.5 / max(now[name].scale, 1e-12)
        if worse and effect >= limits.least_effect:
            found.append(_unusual(name, now[name], before[name], basis))
    return found


def _p(name: str, now: Measurement, before: Usual) -> float:
    beyond = before.p_below if name in HIGHER_IS_BETTER else before.p_above
    return beyond(now.value, now.sampling)


def _unusual(name: str, now: Measurement, before: Usual, basis: Basis) -> Finding:
    estimate = now.estimate("")
    side = "below" if name in HIGHER_IS_BETTER else "above"
    low, high = before.range(now.sampling)
    windows = f"in {before.freedom + 1} reference windows"
    as_usual = f"{before.mean:.4g}, and {low:.4g} to {high:.4g} in 95 % of windows like them"
    text = (
        f"{said(name)} {_SAID[basis]} {estimate!r} lies {side} what is usual {windows}: {as_usual}"
    )
    limit = f"as usual, {before.mean:.4g} {windows}"
    return Finding("performance", name, estimate.mean, limit, text)
