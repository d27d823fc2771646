"""Limits on performance, fairness and service, looked at after every window, and what is sure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assay.charter.charter import Charter
from assay.charter.limits import Limit
from assay.charter.metrics import needs_column
from assay.monitor.finding import Finding
from assay.monitor.value_watch import ValueWatch
from assay.stats.estimate import Estimate
from assay.stats.metric_intervals import Measurement

__all__ = [
    "AgainstLimit",
    "Basis",
    "against_limit",
    "limit_findings",
    "limits_looked_at",
    "said",
    "sure_confidence",
]

Basis = Literal["expected", "realised"]

_FAR = 9.0
"""Standard errors at which a limit that no metric can keep counts as missed."""


@dataclass(frozen=True)
class AgainstLimit:
    """How a metric of one window stands against one side of a limit.

    `beyond` says how many standard errors it lies beyond the limit, below zero where it keeps it;
    `basis` whether labels say so, or what is expected before them.
    """

    metric: str
    measured: Estimate
    limit: str
    beyond: float
    basis: Basis


def limits_looked_at(charter: Charter) -> int:
    """Return how many sides of limits a window is held against; at least one.

    Those of `acceptance` and `monitoring.limits`, service among them, and guardrails that compare
    groups. Limits on value have a bound of their own (see `value_watch`).
    """
    limits = {**charter.acceptance, **charter.monitoring.limits}
    every = [limit for name, limit in limits.items() if not name.startswith("uplift_")]
    every += [one for one in charter.guardrails if needs_column(one.metric)]
    return max(1, sum((one.at_least is not None) + (one.at_most is not None) for one in every))


def sure_confidence(charter: Charter) -> float:
    """Return the confidence of an interval that lies beyond a limit by chance seldom enough.

    A window in which all limits are just kept has one that lies wholly beyond its limit once in
    `monitoring.windows_between_false_alarms` at most (Bonferroni, one side of each interval).
    """
    return 1.0 - 2.0 / (charter.monitoring.windows_between_false_alarms * limits_looked_at(charter))


def against_limit(
    name: str, one: Measurement, limit: Limit, basis: Basis
) -> tuple[AgainstLimit, ...]:
    """Return how a metric stands against each side of a limit.

    A share's standard error is the one that it would have at the limit, so that it lies beyond by z
    of them where Wilson's interval of that width ends at the limit; others have their own.

    >>> one = Measurement(0.6, 0.02, 0.02, 0.5, 600, 600)
    >>> (found,) = against_limit("f1", one, Limit(at_least=0.65), "realised")
    >>> found.limit, round(found.beyond, 2)
    ('at least 0.65', 2.57)
    """
    sides = [(limit.at_least, -1.0, "at least"), (limit.at_most, 1.0, "at most")]
    return tuple(
        AgainstLimit(name, one.estimate(""), f"{words} {bound:g}", _beyond(one, bound, sign), basis)
        for bound, sign, words in sides
        if bound is not None
    )


def limit_findings(
    charter: Charter, found: Sequence[AgainstLimit], before: ValueWatch | None
) -> tuple[tuple[Finding, ...], ValueWatch]:
    """Return the limits that a window misses, and the watch over limits after it.

    A limit is missed where the window surely lies beyond it by itself, or where windows add up and
    the newest is beyond it too (see `ValueWatch`); where all are just kept, that comes once in
    `monitoring.windows_between_false_alarms` windows on average, over all of them together. Windows
    add up from labels alone: what is expected before them errs alike in every window, with the
    calibrator, so that many of them tell no more of it than one.
    """
    apart = charter.monitoring.windows_between_false_alarms * limits_looked_at(charter)
    seen = {f"{one.metric} {one.limit}": one.beyond for one in found}
    labelled = {f"{one.metric} {one.limit}" for one in found if one.basis == "realised"}
    alone = ValueWatch(apart).after(seen).missed
    watch = (before or ValueWatch(apart)).after(
        {name: beyond for name, beyond in seen.items() if name in labelled}
    )
    told = []
    for one in found:
        name = f"{one.metric} {one.limit}"
        if name in alone or (name in labelled and name in watch.missed):
            told.append(_finding(one, by_itself=name in alone))
    return tuple(told), watch


def said(metric: str) -> str:
    """Return a metric's name in plain words.

    >>> said("log_loss"), said("roc_auc"), said("recall")
    ('log loss', 'ROC AUC', 'recall')
    """
    return _WORDS.get(metric, metric.replace("_", " "))


_WORDS = {
    "roc_auc": "ROC AUC",
    "brier": "Brier score",
    "f1": "F1",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R squared",
}


def _finding(one: AgainstLimit, *, by_itself: bool) -> Finding:
    basis = "from labels" if one.basis == "realised" else "expected before labels"
    how = "surely misses" if by_itself else "misses, with windows before it,"
    text = f"{said(one.metric)} {basis} {one.measured!r} {how} the limit: {one.limit}"
    return Finding("performance", one.metric, one.measured.mean, one.limit, text)


def _beyond(one: Measurement, bound: float, sign: float) -> float:
    gap = sign * (one.value - bound)
    error = one.error
    if one.share:
        inside = max(0.0, bound * (1.0 - bound))
        spread = one.value * (1.0 - one.value)
        cases = spread / error**2 if error > 0 and spread > 0 else max(one.cases, 1.0)
        error = math.sqrt(inside / cases)
    if not error > 0:
        return math.copysign(_FAR, gap) if gap else 0.0
    return gap / error
