"""One window of one model version: its profile, drift and value, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.monitor.alerts import Judgement
from assay.monitor.cases import Cases
from assay.monitor.drift import LEAST_ROWS, Drift, drift
from assay.monitor.finding import Finding, FindingKind, drift_findings, value_findings
from assay.monitor.track_record import Gap, TrackRecord, measured_gaps
from assay.monitor.value import Expected, Realised, expected_uplift, realised_uplift
from assay.monitor.volume import Volume
from assay.monitor.watched import Watched
from assay.ports.engine import Floats
from assay.stats.estimate import Estimate
from assay.stats.profile import Profile, named_scores, profile
from assay.stats.score_table import ScoreTable, score_table
from assay.value.identification import is_marked

__all__ = ["Judged", "Measured", "WindowReport", "judge", "measure"]


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of one window's cases; nothing is judged against plan or boundary yet.

    `entities` are those of the cases whose label delay is over, each once; None where unnamed.
    """

    n: int
    profile: Profile
    drift: Drift
    expected: Expected
    realised: Realised | None
    gaps: Mapping[str, Gap]
    entities: NDArray[Any] | None = None

    @property
    def waiting(self) -> int:
        """Cases whose outcome may still come, those in their label delay among them."""
        realised = self.realised
        return self.n if realised is None else self.n - realised.cases + realised.pending

    @property
    def identified(self) -> bool:
        """Whether more cases would bring the window's uplift to the truth."""
        uplift = self.expected.uplift if self.realised is None else self.realised.uplift
        return not is_marked(uplift)

    @property
    def known(self) -> int:
        """Cases whose uplift is known."""
        return self.n - self.waiting - (self.realised.hidden if self.realised else 0)


@dataclass(frozen=True)
class Judged:
    """What was found, the kinds that could be judged at all, and on which basis value was."""

    findings: tuple[Finding, ...]
    kinds: frozenset[FindingKind]
    basis: Literal["realised", "expected"] | None


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
        }

    def document(self) -> dict[str, Any]:
        """Return the report as a JSON document (without the profile)."""
        realised = self.measured.realised
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
            "drift": self.measured.drift.document(),
            "findings": [
                {"kind": one.kind, "metric": one.metric, "text": one.text}
                for one in self.judged.findings
            ],
        }


def measure(charter: Charter, watched: Watched, cases: Cases, *, seed: int = 0) -> Measured:
    """Profile a window's cases and measure drift and value, before and after labels.

    Pure: replay calls it with frames in memory, monitoring with captures. Raises ValueError
    where there are no cases.
    """
    forecast = watched.forecast(cases.score, cases.columns)
    blocks = watched.blocks(cases.score, cases.columns)
    table = _table(watched, cases, forecast)
    scores = named_scores(cases.score, watched.valuation.labels)
    seen = profile({**cases.columns, **scores}, watched.reference.grid, None, table)
    limits = charter.monitoring
    ripe = cases.ripe()
    realised, gaps = _told(charter, watched, ripe, seed) if ripe.n else (None, {})
    return Measured(
        n=cases.n,
        profile=seen,
        drift=drift(
            watched.reference,
            seen,
            rate=limits.false_discovery_rate,
            least_effect=limits.least_effect,
        ),
        expected=expected_uplift(
            watched.valuation,
            forecast,
            cases.decisions,
            cases.columns,
            blocks,
            charter.data.moved_by,
        ),
        realised=realised,
        gaps=gaps,
        entities=None if ripe.entities is None else np.unique(ripe.entities),
    )


def _told(
    charter: Charter, watched: Watched, cases: Cases, seed: int
) -> tuple[Realised | None, Mapping[str, Gap]]:
    """Return what labels say of cases whose label delay is over: value, and gaps to it."""
    blocks = watched.blocks(cases.score, cases.columns)
    valued = (watched.valuation, watched.forecast(cases.score, cases.columns), cases.decisions)
    told = (cases.outcomes, cases.labelled, cases.columns)
    realised = realised_uplift(
        *valued,
        *told,
        blocks=blocks,
        seed=seed,
        revealed_by=charter.data.revealed_by,
        moved_by=charter.data.moved_by,
        entities=cases.entities,
    )
    return realised, measured_gaps(*valued, *told, blocks)


def judge(
    charter: Charter,
    measured: Measured,
    record: TrackRecord,
    plan: Estimate | None = None,
    volume: Volume | None = None,
) -> Judged:
    """Judge a window: drift, value against boundary and plan, and estimates against labels.

    Value is judged on labels once no more than half of the cases still wait for one (or for
    their label delay to pass), before that on what is expected; on neither where the `record`
    of estimates is stale and they are needed. The daily loss is that of `volume`, of the charter's
    plan where not given.
    """
    found: list[Finding] = []
    kinds: set[FindingKind] = set()
    if measured.drift.judged:
        kinds.add("drift")
        found += drift_findings(measured.drift)
    if measured.gaps:
        kinds.add("stale")
        found += [_stale(charter, record)] if record.stale else []
    uplift, basis = _value_basis(measured, record)
    if basis is not None and measured.n >= LEAST_ROWS:
        kinds |= {"value", "plan"} if plan is not None else {"value"}
        monthly, boundary = charter.value.decisions_per_month, charter.monitoring.boundary
        found += value_findings(uplift, monthly, boundary, basis=basis, plan=plan, volume=volume)
    return Judged(tuple(found), frozenset(kinds), basis)


def _value_basis(
    measured: Measured, record: TrackRecord
) -> tuple[Estimate, Literal["realised", "expected"] | None]:
    realised = measured.realised
    if realised is not None and measured.waiting <= measured.n / 2:
        usable = realised.identified or not record.stale
        return realised.uplift, "realised" if usable else None
    return measured.expected.uplift, None if record.stale else "expected"


def _stale(charter: Charter, record: TrackRecord) -> Finding:
    currency = charter.value.currency
    return Finding(
        "stale",
        "expected value",
        record.gap,
        f"an e-value below {1 / record.alpha:g}",
        f"labels of {record.n} cases do not bear out what was expected (by {record.gap:+.3g} "
        f"{currency} per case): the model's probabilities no longer hold, and its estimates "
        "before labels are not to be believed",
    )


def _table(watched: Watched, cases: Cases, forecast: Floats) -> ScoreTable | None:
    """Return the score table of named actions, None for amounts."""
    valuation = watched.valuation
    if valuation.task == "regression":
        return None
    count = len(valuation.actions)
    baseline = valuation.baseline(cases.columns, cases.n)
    return score_table(
        watched.cells_of(cases.score, cases.columns),
        cases.decisions * count + baseline,
        chance=forecast,
        pairs=tuple((own, base) for own in range(count) for base in range(count)),
        size=watched.cells.size,
        outcomes=np.where(cases.labelled, cases.outcomes, -1),
        ripe=cases.matured,
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
