"""Each response that could be made now, judged on served cases against what stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.build.training_set import at
from assay.charter.charter import Charter
from assay.charter.data import Span
from assay.charter.delay import rows_or_time
from assay.charter.response import ResponseKind
from assay.lifecycle.live_cases import LiveCases
from assay.lifecycle.live_gains import daily_gain, label_weights
from assay.lifecycle.live_version import LiveVersion
from assay.lifecycle.proposal import Remedy
from assay.lifecycle.recalibration import recalibrated
from assay.ports.engine import Columns, Floats
from assay.stats.bent_forecaster import bent
from assay.stats.forecaster import Forecaster
from assay.value.stake import forecast_cases
from assay.value.valuation import Valuation

__all__ = ["ESCALATE", "Shadow", "Standing", "bent_to", "remedies"]

_LEARNED: tuple[tuple[ResponseKind, str, bool], ...] = (
    ("move_policy", "move the policy", False),
    ("recalibrate", "recalibrate and move the policy", True),
)
"""What is learned from the judged cases: its kind, its words, whether the calibration is too."""

_BLOCKS = 5
"""Blocks in time over which what learns from the judged cases is cross-fitted."""

_Decisions = NDArray[Any]
_Decider = Callable[[NDArray[np.int64], Columns], _Decisions]
_Judge = Callable[[_Decisions], Any]

ESCALATE = Remedy("escalate", "", "escalate to people", None, 0.0)
"""Asking people costs their time, which no charter counts, and brings what they make of it."""


class Shadow(Protocol):
    """A model made as a retraining would have made it before the judged cases came."""

    def decide(self, cases: LiveCases) -> _Decisions:
        """Return what it would have decided, in codes of the charter's valuation."""
        ...


@dataclass(frozen=True, eq=False)
class Standing:
    """What decides now: a version, or after a fall back a baseline beside it; and what was before.

    `former` is what a roll back would bring back, None where there is nothing.
    """

    version: LiveVersion
    baseline: str = ""
    former: LiveVersion | None = None

    def decide(self, columns: Columns, valued: Valuation, n: int) -> _Decisions:
        """Return what stands decides."""
        if self.baseline:
            return valued.baseline(columns, n, self.baseline)
        return self.version.decide(columns, valued)


def remedies(
    charter: Charter,
    cases: LiveCases,
    standing: Standing,
    shadow: Shadow | None = None,
    *,
    revisable: str = "",
    retrainable: str = "",
) -> tuple[Remedy, ...]:
    """Return each response with what it is expected to bring a day, and what it costs.

    What learns from the judged cases (a moved policy, a recalibration) is judged block by block in
    time by what the other blocks teach, a retraining by its `shadow`, and a former version or a
    baseline as it is. `revisable` and `retrainable` say why a version can be neither revised nor
    retrained, where that is so; without a shadow a retraining is named and not judged.
    """
    valued, n = cases.valued, cases.n
    columns = standing.version.columns(cases.inputs, valued)
    raw = standing.version.raw(columns)
    plain = standing.version.forecast(raw, columns)
    stands = standing.decide(columns, valued, n)

    def judged(instead: _Decisions) -> Any:
        return daily_gain(charter, cases, columns, stands, instead, plain)

    lessons = _Lessons(charter, cases, columns, raw, plain, standing.version)
    found = [
        *_learned(lessons, stands, judged, revisable),
        *_retrained(charter, cases, shadow, judged, retrainable),
    ]
    if standing.former is not None:
        former = standing.former.decide(columns, valued)
        number = standing.former.number
        text = f"roll back to version {number}"
        found.append(Remedy("roll_back", str(number), text, judged(former), 0.0))
    for name in valued.baseline_names:
        if name != standing.baseline:
            text = f"fall back to {name}"
            found.append(
                Remedy("fall_back", name, text, judged(valued.baseline(columns, n, name)), 0.0)
            )
    return (*found, ESCALATE)


def bent_to(valued: Valuation) -> Callable[[Forecaster, Floats, NDArray[Any]], Forecaster]:
    """Return what bends a forecaster to known outcomes, given its forecasts of them (n, K)."""

    def bend(forecaster: Forecaster, plain: Floats, outcomes: NDArray[Any]) -> Forecaster:
        learned = recalibrated(valued.task, plain, outcomes)
        return bent(forecaster, learned.slope, learned.shift, learned.spread, len(outcomes))

    return bend


@dataclass(frozen=True, eq=False)
class _Lessons:
    """What a policy and a calibration can be learned from, block by block."""

    charter: Charter
    cases: LiveCases
    columns: Columns
    raw: Floats
    plain: Floats
    version: LiveVersion

    def decided(self, *, calibrate: bool) -> _Decisions:
        """Return what is decided on each block by what the others teach (n,)."""
        places = np.arange(self.cases.n)
        parts = []
        for block in np.array_split(places, _BLOCKS):
            others = np.setdiff1d(places, block)
            known = others[self.cases.told[others]]
            forecasts = self._forecasts(known) if calibrate else self.plain
            policy = self._policy(forecasts, known)
            parts.append(policy.decide(forecasts[block], at(self.columns, block)))
        return np.concatenate(parts)

    def _forecasts(self, known: NDArray[np.int64]) -> Floats:
        own, valued = self.version.watched.forecaster, self.version.watched.valuation
        bend = bent_to(self.cases.valued)
        learned = bend(own, self.plain[known], self.cases.outcomes[known])
        return forecast_cases(learned, valued, self.raw, self.columns)

    def _policy(self, forecasts: Floats, known: NDArray[np.int64]) -> Valuation:
        """Learn the policy's free parts, each case as often as it stands for others."""
        weights = label_weights(self.charter, self.cases)[known]
        places = known
        if len(known) and np.ptp(weights) > 0:
            places = np.repeat(known, np.rint(weights / weights.min()).astype(np.int64))
        seen = at(self.columns, places)
        return self.cases.valued.tuned(forecasts[places], self.cases.outcomes[places], seen)


def _learned(
    lessons: _Lessons, stands: _Decisions, judged: _Judge, revisable: str
) -> Iterator[Remedy]:
    for kind, text, calibrate in _LEARNED:
        if revisable:
            yield Remedy(kind, "", text, None, 0.0, revisable)
            continue
        decided = lessons.decided(calibrate=calibrate)
        if not calibrate and np.array_equal(decided, stands):
            note = "the policy learned anew would decide each of these cases as now"
            yield Remedy(kind, "", text, None, 0.0, note)
        else:
            yield Remedy(kind, "", text, judged(decided), 0.0)


def _retrained(
    charter: Charter,
    cases: LiveCases,
    shadow: Shadow | None,
    judged: _Judge,
    retrainable: str,
) -> Iterator[Remedy]:
    cost = charter.value.retraining_cost / _days_between(charter, cases)
    named = Remedy("retrain", "", "retrain on the newest rows", None, cost)
    if retrainable:
        yield replace(named, note=retrainable)
    elif shadow is None:
        yield replace(named, note="not judged: that takes a retraining beside it")
    else:
        yield replace(named, gain=judged(shadow.decide(cases)))


def _days_between(charter: Charter, cases: LiveCases) -> float:
    """Return the days over which a retraining's cost is spread: `response.every` windows."""
    span = rows_or_time(Span(count=charter.response.every, unit="window"), charter)
    if isinstance(span, timedelta):
        return span / timedelta(days=1)
    return span / cases.volume.per_day
