"""Whether a window's performance surely misses a limit, or lies beyond what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Literal

import numpy as np

from assay.charter.charter import Charter
from assay.charter.limits import Limit
from assay.monitor.finding import Finding
from assay.monitor.performance import (
    Tables,
    labelled_share,
    measured_after,
    measured_before,
)
from assay.monitor.watched import Watched
from assay.stats.estimate import Estimate
from assay.stats.metric_intervals import AFTER, BEFORE, Measurement
from assay.stats.multiple_testing import benjamini_hochberg
from assay.stats.reference import LEAST_WINDOWS
from assay.stats.score_metrics import HIGHER_IS_BETTER
from assay.stats.window_spread import Usual, usual

__all__ = ["Basis", "Performance", "judge_performance", "performance_findings"]

Basis = Literal["expected", "realised"]

_LEAST_ROWS = 30
_ENOUGH_LABELS = 0.5
_MOST_WINDOWS = 20


@dataclass(frozen=True)
class Performance:
    """Every metric of a window, before labels and after, and what it says against limits.

    `basis` says on which of the two it was judged, None where on neither; `note` says what could
    not be judged and why, or is empty.
    """

    before: Mapping[str, Estimate]
    after: Mapping[str, Estimate]
    basis: Basis | None
    findings: tuple[Finding, ...] = ()
    note: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {
            "basis": self.basis,
            "before": {name: one.document() for name, one in self.before.items()},
            "after": {name: one.document() for name, one in self.after.items()},
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
    """
    before, after = measured_before(tables, watched), measured_after(tables, watched)
    known = labelled_share(tables) >= _ENOUGH_LABELS
    basis: Basis | None = "realised" if known else None if stale else "expected"
    now = after if known else before
    n = max((one.n for one in now.values()), default=0)
    shown = [
        {name: one.estimate(method) for name, one in found.items()}
        for found, method in ((before, BEFORE), (after, AFTER))
    ]
    if basis is None or n < _LEAST_ROWS:
        why = "estimates before labels are stale" if basis is None else f"too few cases: {n}"
        return Performance(shown[0], shown[1], None, (), why)
    measure = measured_after if known else measured_before
    then = [found for each in _gathered(reference) if (found := measure(each, watched))]
    note = ""
    if len(then) < LEAST_WINDOWS:
        note = f"not enough history: {len(then)} reference windows with labels, {LEAST_WINDOWS} "
        note += "needed; judged on limits alone"
    findings = performance_findings(charter, now, then, basis)
    return Performance(shown[0], shown[1], basis, findings, note)


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
    """Return the metrics that surely miss a limit, then those that are surely worse than usual.

    A limit is one of `monitoring.limits`, else of `acceptance`; it is missed where the whole 95 %
    interval lies beyond it. Worse than usual is a metric that another window of the reference's
    kind would reach less than once in `monitoring.windows_between_false_alarms` (Benjamini and
    Hochberg over the metrics), and by `monitoring.least_effect` standard deviations of one row's
    part in the metric, beyond noise and the movement of the reference windows. With fewer than ten
    of them only limits are judged.

    A finding has no value per day: a metric says how well scores tell outcomes apart, and not what
    decisions made of them are worth. What a loss of performance costs shows in the value and the
    concept findings of the same window, so that one amount is not counted under two names.
    """
    limits = {**charter.acceptance, **charter.monitoring.limits}
    missed = {
        name: _missed(name, one, limits[name], basis)
        for name, one in now.items()
        if name in limits and _misses(one.estimate(""), limits[name])
    }
    found = [*missed.values()]
    if len(reference) >= LEAST_WINDOWS:
        found += _worse(charter, now, reference, basis, frozenset(missed))
    return tuple(found)


def _misses(estimate: Estimate, limit: Limit) -> bool:
    low = limit.at_least is not None and estimate.high < limit.at_least
    return low or (limit.at_most is not None and estimate.low > limit.at_most)


def _missed(name: str, one: Measurement, limit: Limit, basis: Basis) -> Finding:
    estimate = one.estimate("")
    text = f"{name} {_said(basis)} {estimate!r} misses the limit: {limit}"
    return Finding("performance", name, estimate.mean, str(limit), text)


def _worse(
    charter: Charter,
    now: Mapping[str, Measurement],
    reference: Sequence[Mapping[str, Measurement]],
    basis: Basis,
    told: frozenset[str],
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
        if worse and effect >= limits.least_effect and name not in told:
            found.append(_unusual(name, now[name], before[name], basis))
    return found


def _p(name: str, now: Measurement, before: Usual) -> float:
    beyond = before.p_below if name in HIGHER_IS_BETTER else before.p_above
    return beyond(now.value, now.sampling)


def _unusual(name: str, now: Measurement, before: Usual, basis: Basis) -> Finding:
    estimate = now.estimate("")
    side = "below" if name in HIGHER_IS_BETTER else "above"
    limit = f"as usual, {before.mean:.4g} in {before.freedom + 1} reference windows"
    text = f"{name} {_said(basis)} {estimate!r} lies {side} what is usual: {before.mean:.4g}"
    return Finding("performance", name, estimate.mean, limit, text)


def _said(basis: Basis) -> str:
    return "from labels" if basis == "realised" else "expected before labels"
