"""Concept drift: whether labels still come as often as forecast, over spans of the scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.monitor.concept_cost import concept_cost
from assay.monitor.finding import Finding
from assay.monitor.label_evidence import Labels, labels_of, spans_of
from assay.monitor.performance import Tables
from assay.monitor.volume import Volume
from assay.monitor.watched import Watched
from assay.stats.e_detector import mixture, shiryaev_roberts
from assay.stats.estimate import Estimate

__all__ = ["ConceptDrift", "SpanDrift", "concept_drift", "concept_findings"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SHOWN = 3
_METHOD = "labels since the change began"


@dataclass(frozen=True)
class SpanDrift:
    """Neighbouring calibration blocks, from `first` to `last`, whose labels come not as forecast.

    `expected` is the mean forecast of their cases since the window at place `since`, `realised`
    what came of them; `outcome` names the outcome, and is empty for amounts, where the two are mean
    residuals. `evidence` is their own e-detector.
    """

    first: int
    last: int
    outcome: str
    expected: float
    realised: Estimate
    since: int
    evidence: float

    @property
    def gap(self) -> float:
        """Realised less expected."""
        return self.realised.mean - self.expected


@dataclass(frozen=True)
class ConceptDrift:
    """Evidence over all windows so far that what scores mean has changed.

    `evidence` is an e-detector: while nothing changes it takes `limit` windows on average at least
    until it reaches `limit`. `spans` are the narrowest that reach it by themselves, the widest gap
    first; `lost` is what they cost per decision, None where that is not known.
    """

    evidence: float
    limit: float
    n: int
    spans: tuple[SpanDrift, ...] = ()
    lost: Estimate | None = None

    @property
    def drifting(self) -> bool:
        """Whether labels say that the concept has drifted."""
        return self.evidence >= self.limit

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {
            "evidence": min(self.evidence, 1e300),
            "limit": self.limit,
            "n": self.n,
            "drifting": self.drifting,
            "lost": None if self.lost is None else self.lost.document(),
            "spans": [
                {
                    "blocks": [one.first, one.last],
                    "outcome": one.outcome,
                    "expected": one.expected,
                    "realised": one.realised.document(),
                    "since": one.since,
                    "evidence": min(one.evidence, 1e300),
                }
                for one in self.spans
            ],
        }


def concept_drift(
    watched: Watched,
    windows: Sequence[Tables],
    *,
    least_effect: float = 0.05,
    windows_between_false_alarms: float = 1000,
) -> ConceptDrift:
    """Follow the labels of windows, in order of time, as far as they have matured.

    Each span of calibration blocks (all, halves, and so on down to each alone; see `Labels`) and
    each direction is a claim: that its outcomes come no more (no less) often than forecast, but for
    the calibrator's own error and `least_effect` standard deviations of an outcome, which no alarm
    is worth. Bets against it are e-values of each window, begun anew at each window as Shiryaev and
    Roberts do, so that many good windows do not hide a change. Their mean over levels, spans,
    directions and bets is an e-detector whatever their dependence (see `e_detector`). Assumed:
    outcomes are independent given their scores.
    """
    limit = windows_between_false_alarms
    told = [labels_of(watched, tables) for tables in windows]
    if not told:
        return ConceptDrift(0.0, limit, 0)
    levels = spans_of(len(told[0].behind))
    seen = [_Level.of(spans, told, len(levels), least_effect) for spans in levels]
    total = float(mixture(np.array([one.evidence for one in seen])))
    n = round(sum(float(one.cases.sum()) for one in told))
    spans = _narrowest(seen, told, math.log(limit))
    return ConceptDrift(_exp(total), limit, n, spans, concept_cost(watched, windows, spans))


@dataclass(frozen=True, eq=False)
class _Level:
    """Spans of one level, the logarithms (W, S, 2, bets) of their e-values and e-detectors (S,)."""

    spans: Ints
    logs: Floats
    by_span: Floats

    @classmethod
    def of(cls, spans: Ints, told: Sequence[Labels], levels: int, least_effect: float) -> _Level:
        logs = np.stack([one.log_e_values(spans, levels, least_effect) for one in told])
        state = np.full(logs.shape[1:], -np.inf)
        for log_e in logs:
            state = shiryaev_roberts(state, log_e)
        return cls(spans, logs, mixture(state, axis=(1, 2)))

    @property
    def evidence(self) -> float:
        """The level's own e-detector."""
        return float(mixture(self.by_span))


def _narrowest(
    levels: Sequence[_Level], told: Sequence[Labels], limit: float
) -> tuple[SpanDrift, ...]:
    """Return the spans that reach the limit and hold none that does."""
    found: list[SpanDrift] = []
    for level in reversed(levels):
        for span in np.flatnonzero(level.by_span >= limit).tolist():
            inside = np.flatnonzero(level.spans == span)
            if not any(inside[0] <= one.first and one.last <= inside[-1] for one in found):
                evidence = float(level.by_span[span])
                found.append(_drift(told, inside, level.logs[:, span], evidence))
    return tuple(sorted(found, key=lambda one: -abs(one.gap)))


def concept_findings(drift: ConceptDrift, a_day: Volume | None = None) -> tuple[Finding, ...]:
    """Return the finding that the concept has drifted, if it has, and what it costs `a_day`.

    >>> concept_findings(ConceptDrift(3.0, 1000.0, 500))
    ()
    """
    if not drift.drifting:
        return ()
    amounts = any(not one.outcome for one in drift.spans)
    shown = "; ".join(_told(one) for one in drift.spans[:_SHOWN])
    more = f"; and {len(drift.spans) - _SHOWN} more" if len(drift.spans) > _SHOWN else ""
    worst = drift.spans[0].gap if drift.spans else math.nan
    what = "residuals are not what they were" if amounts else "forecasts no longer hold"
    return (
        Finding(
            "concept",
            "residuals" if amounts else "calibration",
            worst,
            f"an e-detector below {drift.limit:g}",
            f"labels of {drift.n} cases say that {what}: {shown}{more}",
            _per_day(drift.lost, a_day),
        ),
    )


def _per_day(lost: Estimate | None, a_day: Volume | None) -> Estimate | None:
    if lost is None or a_day is None:
        return None
    return lost.scaled(a_day.per_day, lost.unit.replace("per decision", "per day"))


def _told(one: SpanDrift) -> str:
    since = f"since window {one.since + 1} of those followed"
    if not one.outcome:
        return (
            f"outcomes lie {one.gap:+.4g} from where they were expected ({one.realised.n} cases, "
            f"{since})"
        )
    low, high = one.realised.low, one.realised.high
    return (
        f"{one.outcome} was expected of {one.expected:.1%} and came of {one.realised.mean:.1%} "
        f"[{low:.1%}, {high:.1%}] ({one.realised.n} cases, {since})"
    )


def _drift(told: Sequence[Labels], inside: Ints, logs: Floats, evidence: float) -> SpanDrift:
    """Describe a span from where the most telling bet on it begins to win."""
    flat = logs.reshape(len(logs), -1)
    ahead = np.cumsum(flat[::-1], axis=0)[::-1]
    since = int(np.unravel_index(np.argmax(ahead), ahead.shape)[0])
    cases, expected, realised, variance = (
        sum(float(getattr(one, name)[inside].sum()) for one in told[since:])
        for name in ("cases", "expected", "realised", "variance")
    )
    count = max(cases, 1.0)
    low, high = told[0].interval(realised / count, variance / count, cases)
    names = dict.fromkeys(told[0].outcomes[block] for block in inside)
    return SpanDrift(
        int(inside[0]),
        int(inside[-1]),
        " or ".join(names),
        expected / count,
        Estimate(realised / count, low, high, round(cases), _METHOD),
        since,
        _exp(evidence),
    )


def _exp(log: float) -> float:
    return math.exp(min(log, 700.0))
