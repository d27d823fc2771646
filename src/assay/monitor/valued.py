"""A window's value, from its table wherever that tells it, and row by row where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from assay.charter.data import Data
from assay.monitor.amount_value import amount_gaps, expected_amounts, realised_amounts
from assay.monitor.cases import Cases
from assay.monitor.pricing import Pricing, pricing
from assay.monitor.segments import SegmentValue, segment_values
from assay.monitor.selective import Selective, Served, explored_uplift
from assay.monitor.table_gaps import table_gaps
from assay.monitor.table_value import expected_value, realised_value
from assay.monitor.tabling import layout
from assay.monitor.track_record import Gap, measured_gaps
from assay.monitor.value import (
    ROWS,
    TABLE,
    Expected,
    Realised,
    expected_uplift,
    realised_uplift,
)
from assay.monitor.watched import Watched
from assay.stats.amount_table import AmountTable
from assay.stats.estimate import Estimate
from assay.stats.score_table import ScoreTable

__all__ = ["Valued", "valued", "valued_segments"]

_ENTITIES = "cases of one entity hang together, which a table does not tell"


@dataclass(frozen=True)
class Valued:
    """Uplift before labels and after, gaps between the two, and from what it was read, in words.

    Where actions hide or change outcomes, `by_chance` is what the cases show that were left to
    chance, or says which side stays unseen; the realised uplift is that of chance wherever it
    tells.
    """

    expected: Expected
    realised: Realised | None
    gaps: Mapping[str, Gap]
    reading: str
    by_chance: Selective | None = None


def valued(
    data: Data,
    watched: Watched,
    table: ScoreTable | AmountTable,
    cases: Cases | None = None,
    *,
    seed: int = 0,
) -> Valued:
    """Return what a window's decisions were worth, before labels and after.

    `cases` are read only where the table does not tell: where payoffs have no terms in it, where
    cases of one entity hang together (for the interval of realised uplift), and where actions hide
    or change outcomes. Raises ValueError where there are no cases, or where rows are needed and not
    given.
    """
    found = _read(data, watched, table, cases, seed)
    chance = None if cases is None else _by_chance(data, watched, cases.ripe(), seed)
    if chance is None:
        return found
    if chance.uplift is None or found.realised is None or found.realised.identified:
        return replace(found, by_chance=chance)
    told = replace(
        found.realised, uplift=chance.uplift, calibration=0.0, reading=f"{ROWS}: {chance.words}"
    )
    return replace(found, realised=told, reading=told.reading, by_chance=chance)


def _read(
    data: Data,
    watched: Watched,
    table: ScoreTable | AmountTable,
    cases: Cases | None,
    seed: int,
) -> Valued:
    if isinstance(table, AmountTable):
        return _with_entities(_amounts(data, watched, table, seed), data, watched, cases, seed)
    priced = _priced(data, watched, table)
    if not priced.reread:
        found = Valued(
            expected_value(table, priced),
            realised_value(table, priced, seed=seed),
            table_gaps(table, priced),
            TABLE,
        )
        return _with_entities(found, data, watched, cases, seed)
    if cases is None:
        raise ValueError(f"the rows are needed to know their value: {priced.reread}")
    return Valued(
        _expected_by_row(data, watched, cases),
        _realised_by_row(data, watched, cases, seed),
        _gaps_by_row(watched, cases),
        f"{ROWS}: {priced.reread}",
    )


def valued_segments(
    data: Data,
    watched: Watched,
    table: ScoreTable | AmountTable,
    cases: Cases | None = None,
    *,
    per_day: float,
) -> tuple[SegmentValue, ...]:
    """Return what each segment is worth a day, the worst first; none where rows must be read.

    Where `cases` belong to entities, those of one hang together, which no table tells: what labels
    show of a segment is then read row by row, as the method of its interval says. Before labels
    nobody knows how much cases of one entity have in common, and intervals are widened by the most
    that it can be. Without the cases those of one entity are taken as independent.
    """
    if isinstance(table, AmountTable):
        found = segment_values(table, watched, per_day=per_day, moved=bool(data.moved_by))
    else:
        priced = _priced(data, watched, table)
        found = () if priced.reread else segment_values(table, priced, per_day=per_day)
    if cases is None or cases.entities is None or not found:
        return found
    columns = tuple(dict.fromkeys(one.column for one in found))
    planned = layout(columns, watched)
    members = dict(zip(columns, planned.memberships(cases.columns), strict=True))
    wider = []
    for one in found:
        inside = members[one.column] == planned.segments.index((one.column, one.value))
        wider.append(_by_entity(one, data, watched, cases.at(inside), per_day))
    return tuple(sorted(wider, key=lambda one: one.a_day.mean))


def _by_entity(
    one: SegmentValue, data: Data, watched: Watched, cases: Cases, per_day: float
) -> SegmentValue:
    """Return a segment's value with the interval that its cases of entities allow."""
    asked = one.per_decision.confidence
    told = _realised_by_row(data, watched, cases, 0, asked) if one.basis == "realised" else None
    if told is not None:
        uplift = replace(told.uplift, method=f"{told.uplift.method}; {ROWS}")
    else:
        _, sizes = np.unique(np.asarray(cases.entities), return_counts=True)
        most = float(np.sqrt((sizes**2).sum() / sizes.sum()))
        uplift = _grown(one.per_decision, most)
    a_day = uplift.scaled(per_day * one.share, one.a_day.unit)
    return replace(one, per_decision=uplift, a_day=a_day)


def _grown(estimate: Estimate, factor: float) -> Estimate:
    """Return an estimate whose interval is wider, as if cases of one entity told the very same."""
    low = estimate.mean - factor * (estimate.mean - estimate.low)
    high = estimate.mean + factor * (estimate.high - estimate.mean)
    words = "widened as much as cases of one entity can need"
    return replace(estimate, low=low, high=high, method=f"{estimate.method}; {words}")


def _priced(data: Data, watched: Watched, table: ScoreTable) -> Pricing:
    return pricing(watched, table, revealed_by=data.revealed_by, moved_by=data.moved_by)


def _amounts(data: Data, watched: Watched, table: AmountTable, seed: int) -> Valued:
    moved, valuation = bool(data.moved_by), watched.valuation
    return Valued(
        expected_amounts(table, valuation, watched.cells, moved=moved),
        realised_amounts(table, valuation, seed=seed, moved=moved),
        amount_gaps(table, watched.cells),
        TABLE,
    )


def _with_entities(
    found: Valued, data: Data, watched: Watched, cases: Cases | None, seed: int
) -> Valued:
    """Return the value with the realised interval over entities, where cases are of such."""
    if cases is None or cases.entities is None or found.realised is None:
        return found
    realised = _realised_by_row(data, watched, cases, seed)
    return replace(found, realised=realised, reading=f"{ROWS} once labels came: {_ENTITIES}")


def _by_chance(data: Data, watched: Watched, ripe: Cases, seed: int) -> Selective | None:
    if not ripe.n:
        return None
    unrecorded = np.full(ripe.n, np.nan)
    served = Served(
        watched.forecast(ripe.score, ripe.columns),
        ripe.decisions,
        ripe.outcomes,
        ripe.labelled,
        unrecorded if ripe.propensity is None else ripe.propensity,
        ripe.columns,
        ripe.entities,
    )
    return explored_uplift(
        watched.valuation, served, seed=seed, revealed_by=data.revealed_by, moved_by=data.moved_by
    )


def _expected_by_row(data: Data, watched: Watched, cases: Cases) -> Expected:
    return expected_uplift(
        watched.valuation,
        watched.forecast(cases.score, cases.columns),
        cases.decisions,
        cases.columns,
        watched.blocks(cases.score, cases.columns),
        data.moved_by,
    )


def _realised_by_row(
    data: Data, watched: Watched, cases: Cases, seed: int, confidence: float = 0.95
) -> Realised | None:
    ripe = cases.ripe()
    if not ripe.n:
        return None
    return realised_uplift(
        watched.valuation,
        watched.forecast(ripe.score, ripe.columns),
        ripe.decisions,
        ripe.outcomes,
        ripe.labelled,
        ripe.columns,
        blocks=watched.blocks(ripe.score, ripe.columns),
        seed=seed,
        revealed_by=data.revealed_by,
        moved_by=data.moved_by,
        entities=ripe.entities,
        confidence=confidence,
    )


def _gaps_by_row(watched: Watched, cases: Cases) -> dict[str, Gap]:
    ripe = cases.ripe()
    return measured_gaps(
        watched.valuation,
        watched.forecast(ripe.score, ripe.columns),
        ripe.decisions,
        ripe.outcomes,
        ripe.labelled,
        ripe.columns,
        watched.blocks(ripe.score, ripe.columns),
    )
