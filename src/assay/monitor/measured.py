"""What was measured of one version in one window: a profile, and what is read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.charter.policy import REFER
from assay.monitor.cases import Cases
from assay.monitor.columns_shown import not_shown, shown_of
from assay.monitor.drift import Drift, drift
from assay.monitor.live_guardrails import LiveGuardrail, live_guardrails
from assay.monitor.missing_amounts import missing_amounts, with_usual_amounts
from assay.monitor.mix import score_mix_cost
from assay.monitor.performance import Tables, classes_of
from assay.monitor.performance_findings import Performance, judge_performance
from assay.monitor.schema_drift import SchemaChange, schema_changes
from assay.monitor.season import in_season
from assay.monitor.segments import SegmentValue
from assay.monitor.selective import Selective
from assay.monitor.service import ServiceTally
from assay.monitor.tabling import segmented_by, tabled
from assay.monitor.track_record import Gap
from assay.monitor.value import Expected, Realised
from assay.monitor.valued import valued, valued_segments
from assay.monitor.volume import Volume
from assay.monitor.watched import Watched
from assay.stats.amount_table import AmountTable
from assay.stats.decision_names import named_decisions
from assay.stats.estimate import Estimate
from assay.stats.profile import Profile, named_scores, profile
from assay.stats.score_table import ScoreTable
from assay.value.identification import is_marked

__all__ = ["Measured", "measure", "performance_tables", "profiled"]


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of one window's cases; nothing is judged against plan or boundary yet.

    `reading` says whether value was read from the profile, or from the rows and why; `by_chance`,
    where actions hide or change outcomes, what cases left to chance show, or which side nobody saw
    (None where labels tell all, or none is over its delay). `segments` are
    told apart by the charter's columns, the one that loses most a day first; `guardrails` are the
    charter's fairness limits. `performance` is None
    where nothing decides by a score table; `not_recorded` counts predictions that could not be
    written down beside these; `mix` is what the changed mix of cases costs a decision,
    None where nobody knows. `entities` are those of the cases whose label delay is
    over, each once; None where unnamed. `profile` is None where it was not read again from where it
    is kept.
    """

    n: int
    profile: Profile | None
    drift: Drift
    expected: Expected
    realised: Realised | None
    gaps: Mapping[str, Gap]
    entities: NDArray[Any] | None = None
    reading: str = ""
    by_chance: Selective | None = None
    segments: tuple[SegmentValue, ...] = ()
    performance: Performance | None = None
    schema: tuple[SchemaChange, ...] = ()
    guardrails: tuple[LiveGuardrail, ...] = ()
    service: ServiceTally = field(default_factory=ServiceTally)
    not_recorded: int = 0
    mix: Estimate | None = None

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


def profiled(
    charter: Charter, watched: Watched, cases: Cases, before: Profile | None = None
) -> Profile:
    """Count a window's cases; of a profile from `before` labels came only the score table is made.

    `before` must be of the same cases.
    """
    paid = with_usual_amounts(watched, cases)
    table, classes = tabled(segmented_by(charter), watched, paid), classes_of(watched, paid)
    if before is None or before.n != cases.n:
        scores = named_scores(cases.score, watched.valuation.labels)
        decided = named_decisions(cases.decisions, watched.valuation.actions)
        before = profile({**cases.columns, **scores, **decided}, watched.reference.grid)
    return replace(before, scores=table, classes=classes)


def measure(
    charter: Charter,
    watched: Watched,
    cases: Cases,
    *,
    seed: int = 0,
    before: Profile | None = None,
    per_day: float | None = None,
    middle: np.datetime64 | None = None,
    changed: Sequence[SchemaChange] = (),
) -> Measured:
    """Profile a window's cases and read from the profile how they drifted, performed and paid.

    Pure: replay calls it with frames in memory, monitoring with captures. `before` is as in
    `profiled`; `per_day` are the decisions a day that segments are valued at (those planned where
    not given), `middle` a moment in the window, by which its season is told, `changed` what is
    wrong with the inputs as they were logged (see `input_changes`). Rows are read a second time
    only where the profile does not tell (see `valued`). Raises ValueError where there are no cases.
    """
    seen = profiled(charter, watched, cases, before)
    table = _table_of(seen)
    paid = with_usual_amounts(watched, cases)
    worth = valued(charter.data, watched, table, paid, seed=seed)
    volume = Volume.planned(charter.value.decisions_per_month).per_day
    ripe, lacking = cases.ripe(), missing_amounts(watched, cases)
    gone = not_shown(charter, watched.reference.grid)
    shown, changed = shown_of(seen, gone), [one for one in changed if one.column not in gone]
    return Measured(
        n=cases.n,
        profile=seen,
        drift=_drift(charter, watched, shown, middle),
        expected=worth.expected,
        realised=worth.realised,
        gaps=worth.gaps,
        entities=None if ripe.entities is None else np.unique(ripe.entities),
        reading=worth.reading,
        by_chance=worth.by_chance,
        segments=valued_segments(
            charter.data, watched, table, cases, per_day=volume if per_day is None else per_day
        ),
        performance=_performance(charter, watched, seen),
        schema=schema_changes(watched.reference, shown, found=(*changed, *lacking)),
        guardrails=live_guardrails(charter, watched, table)
        if isinstance(table, ScoreTable)
        else (),
        service=_service(watched, cases),
        mix=score_mix_cost(watched, seen),
    )


def _service(watched: Watched, cases: Cases) -> ServiceTally:
    """Count how long answers took, where the log tells, and which were left to a person."""
    waits = np.empty(0) if cases.latency_ms is None else cases.latency_ms
    referred = 0
    if REFER in watched.valuation.actions:
        referred = int((cases.decisions == watched.valuation.actions.index(REFER)).sum())
    timed = waits[np.isfinite(waits)]
    return ServiceTally.of(timed, decisions=cases.n, referred=referred)


def _table_of(seen: Profile) -> ScoreTable | AmountTable:
    if seen.scores is None:
        raise ValueError("value is read from a score table, and this profile has none")
    return seen.scores


def _drift(
    charter: Charter, watched: Watched, seen: Profile, middle: np.datetime64 | None
) -> Drift:
    limits = charter.monitoring
    reference = in_season(watched.reference, middle, limits.season, limits.zone)
    return drift(
        reference, seen, rate=limits.false_discovery_rate, least_effect=limits.least_effect
    )


def _performance(charter: Charter, watched: Watched, seen: Profile) -> Performance | None:
    """Return how well the window's scores did, beside reference windows that have labels."""
    tables = performance_tables(seen)
    if tables is None:
        return None
    then = [performance_tables(one) for one in watched.reference.windows]
    return judge_performance(charter, watched, tables, [one for one in then if one is not None])


def performance_tables(seen: Profile) -> Tables | None:
    """Return the table that a profile's performance is read from; None where there is none."""
    return seen.scores if seen.classes is None else seen.classes
