"""Cases counted into the table from which their value is read, before labels and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.monitor.amount_sums import amount_sums
from assay.monitor.cases import Cases
from assay.monitor.watched import Watched
from assay.ports.engine import Floats
from assay.stats.amount_table import AmountTable
from assay.stats.score_table import ALL, ScoreTable, score_table
from assay.stats.segmenting import Segmenting, segmenting
from assay.value.classification import COLUMN_PREFIX, ClassificationValuation
from assay.value.payoff_terms import PayoffTerms, payoff_terms
from assay.value.valuation import Valuation

__all__ = ["Layout", "layout", "segmented_by", "tabled"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layout:
    """Which segments, pairs of actions, payoff terms and cells a model's tables have.

    It follows from the bundle and the charter alone, so that the tables of all windows add up.
    """

    cuts: tuple[Segmenting, ...]
    pairs: tuple[tuple[int, int], ...]
    terms: PayoffTerms
    size: int

    @cached_property
    def segments(self) -> tuple[tuple[str, str], ...]:
        """All rows, then the segments of each segmenting column."""
        return (ALL, *(label for cut in self.cuts for label in cut.labels))

    def memberships(self, columns: Any) -> list[Ints]:
        """Return, for each segmenting column, each row's place (n,) in `segments`."""
        found, start = [], 1
        for cut in self.cuts:
            found.append(cut.of(np.asarray(columns[cut.column])) + start)
            start += len(cut.names)
        return found

    def pair_of(self, decisions: Ints, baseline: Ints) -> Ints:
        """Return the place (n,) in `pairs` of each action taken and its baseline's."""
        count = 1 + max((max(pair) for pair in self.pairs), default=0)
        places = np.zeros(count * count, dtype=np.int64)
        for place, (own, base) in enumerate(self.pairs):
            places[own * count + base] = place
        found: Ints = places[decisions * count + baseline]
        return found


def segmented_by(charter: Charter) -> tuple[str, ...]:
    """Return the columns by whose values value is told apart: the sensitive ones by default."""
    return charter.monitoring.segments or charter.data.sensitive


def layout(segments: Sequence[str], watched: Watched) -> Layout:
    """Return what the tables of a model hold; columns that the reference lacks make no segments."""
    known = [column for column in segments if column in watched.reference.grid.axes]
    valuation = watched.valuation
    return Layout(
        cuts=tuple(segmenting(column, watched.reference) for column in known),
        pairs=_pairs(valuation),
        terms=payoff_terms(valuation),
        size=watched.cells.size,
    )


def tabled(
    segments: Sequence[str] | Layout,
    watched: Watched,
    cases: Cases,
    forecast: Floats | None = None,
) -> ScoreTable | AmountTable:
    """Count cases into a score table, or into one of amounts where amounts are decided.

    `segments` are columns, or the layout if it is at hand; `forecast` (n, K) likewise. The label
    delay is over for the cases that are `matured`, and only their outcomes count. Where payoffs
    have too many terms to keep (`Layout.terms.reread`) the table has counts and chances only.
    """
    planned = segments if isinstance(segments, Layout) else layout(segments, watched)
    chance = watched.forecast(cases.score, cases.columns) if forecast is None else forecast
    memberships = planned.memberships(cases.columns)
    if watched.valuation.task == "regression":
        return amount_sums(watched, cases, chance, planned.segments, memberships)
    score = cases.score if cases.score.ndim == 1 else cases.score.max(axis=1)
    return score_table(
        watched.cells_of(cases.score, cases.columns),
        planned.pair_of(cases.decisions, watched.valuation.baseline(cases.columns, cases.n)),
        chance=chance,
        pairs=planned.pairs,
        size=planned.size,
        score=score,
        terms=planned.terms.terms,
        values=planned.terms.values(cases.columns, cases.n),
        outcomes=np.where(cases.labelled, cases.outcomes, -1),
        ripe=cases.matured,
        segments=planned.segments,
        memberships=memberships,
    )


def _pairs(valuation: Valuation) -> tuple[tuple[int, int], ...]:
    """Return the pairs that can come: one for each action where the baseline is one action."""
    if not isinstance(valuation, ClassificationValuation):
        return ()
    count, rule = len(valuation.actions), valuation.baselines[valuation.baseline_name]
    if not rule.startswith(COLUMN_PREFIX):
        base = valuation.actions.index(rule)
        return tuple((own, base) for own in range(count))
    return tuple((own, base) for own in range(count) for base in range(count))
