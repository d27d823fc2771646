"""One window of one model version: what was measured of it, and what that says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np

from assay.charter.charter import Charter
from assay.monitor.alerts import Judgement
from assay.monitor.drift import LEAST_ROWS
from assay.monitor.finding import (
    Finding,
    FindingKind,
    drift_findings,
    value_findings,
    worth_telling,
)
from assay.monitor.followed_findings import followed_findings, schema_findings
from assay.monitor.limit_watch import limit_findings, sure_confidence
from assay.monitor.live_guardrails import fairness_findings
from assay.monitor.measured import Measured
from assay.monitor.sequences import Followed
from assay.monitor.service import capture_findings, service_findings
from assay.monitor.track_record import TrackRecord
from assay.monitor.value_watch import ValueWatch, excesses, limits_per_decision
from assay.monitor.volume import Volume
from assay.stats.estimate import Estimate

__all__ = ["Judged", "WindowReport", "judge"]


@dataclass(frozen=True)
class Judged:
    """What was found, the kinds that could be judged at all, and on which basis value was.

    `watch` is what windows so far say of limits on value, where this one was judged on value, and
    `limited` what they say of limits on performance.
    """

    findings: tuple[Finding, ...]
    kinds: frozenset[FindingKind]
    basis: Literal["realised", "expected"] | None
    watch: ValueWatch | None = None
    limited: ValueWatch | None = None


@dataclass(frozen=True, eq=False)
class WindowReport:
    """One window of one model version on one arm, measured and judged."""

    window: str
    start: datetime | None
    end: datetime | None
    complete: bool
    arm: str
    version: int
    bundle: str
    measured: Measured
    record: TrackRecord
    judged: Judged
    followed: Followed | None = None

    @property
    def judgement(self) -> Judgement:
        """What alerts are made from."""
        return Judgement(self.window, self.version, self.judged.kinds, self.judged.findings)

    def posting(self) -> dict[str, Any]:
        """Return the content of a `value.posted` entry, but for its moment."""
        realised, expected = self.measured.realised, self.measured.expected.uplift
        return {
            "window": self.window,
            "arm": self.arm,
            "version": self.version,
            "n": self.measured.n,
            "matured": realised.cases if realised else 0,
            "labelled": realised.labelled if realised else 0,
            "realised": realised.value if realised else None,
            "uplift": _written(realised.uplift) if realised else None,
            "expected": _written(expected),
            "identified": self.measured.identified,
            "found": [one.cause() for one in self.judged.findings],
        }

    def document(self) -> dict[str, Any]:
        """Return the report as a JSON document (without the profile)."""
        realised, performance = self.measured.realised, self.measured.performance
        return {
            **self.posting(),
            "start": self.start.isoformat() if self.start else None,
            "end": self.end.isoformat() if self.end else None,
            "complete": self.complete,
            "bundle": self.bundle,
            "pending": self.measured.waiting,
            "hidden": realised.hidden if realised else 0,
            "moved": realised.moved if realised else 0,
            "stale": self.record.stale,
            "basis": self.judged.basis,
            "reading": self.measured.reading,
            "by_chance": chance.document() if (chance := self.measured.by_chance) else None,
            "drift": self.measured.drift.document(),
            "schema": [one.text for one in self.measured.schema],
            "performance": performance.document() if performance else None,
            "segments": [one.document() for one in self.measured.segments],
            "guardrails": [one.document() for one in self.measured.guardrails],
            "service": {
                name: one.document() for name, one in self.measured.service.estimates().items()
            },
            "creep": _crept(self.followed),
            "concept": _concept(self.followed),
            "findings": [
                {"kind": one.kind, "metric": one.metric, "text": one.text}
                for one in self.judged.findings
            ],
        }


def judge(
    charter: Charter,
    measured: Measured,
    record: TrackRecord,
    plan: Estimate | None = None,
    volume: Volume | None = None,
    followed: Followed | None = None,
    watch: ValueWatch | None = None,
    limited: ValueWatch | None = None,
) -> Judged:
    """Judge a window: drift, performance, value against boundary and plan, estimates and labels.

    Value is judged on labels once no more than half of the cases still wait for one (or for
    their label delay to pass), before that on what is expected; on neither where the `record`
    of estimates is stale and they are needed. The daily loss is that of `volume`, of the charter's
    plan where not given. `followed` is what the version's windows say together, up to this one;
    `watch` what those before it say of limits on value and `limited` of those on performance.
    """
    made = volume or Volume.planned(charter.value.decisions_per_month)
    lost = _lost(charter, measured, made)
    kinds, found = _of_profile(measured, record, lost)
    kinds |= {"fairness", "service"}
    beyond, limited = _of_limits(charter, measured, record, limited)
    again = {(one.kind, one.metric) for one in beyond}
    found = [*(one for one in found if (one.kind, one.metric) not in again), *beyond]
    if followed is not None:
        told = {one.feature for one in measured.drift.moved}
        more, shown = followed_findings(followed, told, lost, made)
        kinds, found = kinds | more, [*found, *shown]
    found = [one for one in found if worth_telling(one, charter.monitoring.least_per_day)]
    if measured.gaps:
        kinds.add("stale")
        found += [_stale(charter, record, made)] if record.stale else []
    uplift, basis = _value_basis(measured, record)
    if basis is None or measured.n < LEAST_ROWS:
        return Judged(tuple(found), frozenset(kinds), basis, None, limited)
    kinds |= {"value", "plan"} if plan is not None else {"value"}
    monthly, boundary = charter.value.decisions_per_month, charter.monitoring.boundary
    limits = limits_per_decision(boundary, monthly, made.per_day, plan)
    before = watch or ValueWatch(charter.monitoring.windows_between_false_alarms)
    realised = measured.realised
    shared = realised.calibration if basis == "realised" and realised else 0.0
    shared = measured.expected.calibration if basis == "expected" else shared
    seen = before.after(excesses(uplift, limits, shared))
    found += value_findings(
        uplift, monthly, boundary, basis=basis, plan=plan, volume=made, missed=seen.missed
    )
    return Judged(tuple(found), frozenset(kinds), basis, seen, limited)


def _of_profile(
    measured: Measured, record: TrackRecord, lost: Estimate | None
) -> tuple[set[FindingKind], list[Finding]]:
    """Return what the window's own profile shows: drift, schema and performance beside usual."""
    kinds, found = set[FindingKind](), list[Finding]()
    if measured.n >= LEAST_ROWS:
        kinds.add("schema")
        found += schema_findings(measured.schema)
    if measured.drift.judged:
        kinds.add("drift")
        found += drift_findings(measured.drift, lost)
    performance = measured.performance
    # What is expected before labels counts for nothing once labels have shown it wrong.
    stale = record.stale and performance is not None and performance.basis == "expected"
    if performance is not None and performance.basis is not None and not stale:
        kinds.add("performance")
        found += performance.findings
    return kinds, found


def _of_limits(
    charter: Charter, measured: Measured, record: TrackRecord, before: ValueWatch | None
) -> tuple[list[Finding], ValueWatch]:
    """Return the limits missed on performance, fairness and service, and the watch over windows."""
    performance = measured.performance
    held = performance.limits if performance is not None else ()
    known = [one for one in held if one.basis == "realised" or not record.stale]
    missed, after = limit_findings(charter, known, before)
    limits, confidence = charter.monitoring.limits, sure_confidence(charter)
    service = service_findings(measured.service, limits, confidence)
    service += capture_findings(measured.not_recorded)
    return [*missed, *fairness_findings(measured.guardrails), *service], after


def _value_basis(
    measured: Measured, record: TrackRecord
) -> tuple[Estimate, Literal["realised", "expected"] | None]:
    realised = measured.realised
    if realised is not None and measured.waiting <= measured.n / 2:
        usable = realised.identified or not record.stale
        return realised.uplift, "realised" if usable else None
    return measured.expected.uplift, None if record.stale else "expected"


def _crept(followed: Followed | None) -> dict[str, Any] | None:
    if followed is None:
        return None
    crept = followed.crept
    moved = [{**vars(one), "text": one.text} for one in crept.moved]
    return {"evidence": crept.evidence, "note": crept.note, "moved": moved}


def _concept(followed: Followed | None) -> dict[str, Any] | None:
    return None if followed is None or followed.concept is None else followed.concept.document()


def _lost(charter: Charter, measured: Measured, made: Volume) -> Estimate | None:
    """Return what the changed mix of cases costs a day; None where nobody knows."""
    per_day = f"{charter.value.currency} per day"
    return None if measured.mix is None else measured.mix.scaled(made.per_day, per_day)


def _stale(charter: Charter, record: TrackRecord, made: Volume) -> Finding:
    """Return the finding that estimates do not hold, and what they promise too much of a day.

    The gap of labelled cases is taken for that of all decisions; where a case's own uplift is
    certain, it is that of what another action would have paid (see `measured_gaps`).
    """
    currency = charter.value.currency
    per_case = record.estimate(f"{currency} per case")
    return Finding(
        "stale",
        "expected value",
        record.gap,
        f"an e-value below {record.limit:g}",
        f"labels of {record.n} cases do not bear out what was expected (by {record.gap:+.3g} "
        f"{currency} per case): the model's probabilities no longer hold, and its estimates "
        "before labels are not to be believed",
        per_case.scaled(-made.per_day, f"{currency} per day"),
    )


def _written(estimate: Estimate) -> dict[str, Any]:
    ends = (estimate.low, estimate.high)
    low, high = (end if np.isfinite(end) else None for end in ends)
    return {
        "mean": estimate.mean,
        "low": low,
        "high": high,
        "n": estimate.n,
        "unit": estimate.unit,
        "method": estimate.method,
    }
