"""Where money is lost: what each segment's decisions are worth, by the day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from assay.monitor.amount_value import expected_amounts, realised_amounts
from assay.monitor.pricing import Pricing
from assay.monitor.table_value import expected_value, realised_value
from assay.monitor.value import LEAST_LABELS, Expected, Realised
from assay.monitor.watched import Watched
from assay.stats.amount_table import AmountTable
from assay.stats.estimate import Estimate
from assay.stats.score_table import ALL, ScoreTable

__all__ = ["SegmentValue", "segment_values"]

_ALPHA = 0.05


@dataclass(frozen=True)
class SegmentValue:
    """One segment's cases and what they are worth above the baseline.

    `a_day` is in currency per day at the window's volume: realised uplift where labels show it and
    few are pending, else expected (`basis`). Its interval is widened for the number of segments
    looked at (Bonferroni), so that one surely below zero is not just the worst of many.
    `per_decision` is the same for each decision.
    """

    column: str
    value: str
    n: int
    share: float
    basis: Literal["realised", "expected"]
    per_decision: Estimate
    a_day: Estimate

    @property
    def loses(self) -> bool:
        """Whether money is surely lost here against the baseline."""
        return self.a_day.high < 0

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {
            "column": self.column,
            "value": self.value,
            "n": self.n,
            "share": self.share,
            "basis": self.basis,
            "per_decision": self.per_decision.document(),
            "a_day": self.a_day.document(),
            "loses": self.loses,
        }


def segment_values(
    table: ScoreTable | AmountTable,
    priced: Pricing | Watched,
    *,
    per_day: float,
    moved: bool = False,
) -> tuple[SegmentValue, ...]:
    """Return the segments of at least 30 cases, the one that loses most a day first.

    `priced` are the payoffs of a score table's pairs, or the watched model of amounts (whose
    decisions change the outcome where `moved`); `per_day` are the decisions a day of all segments
    together. A row is in one segment of each column: the segments of one column add up to all rows,
    those of two columns hold the same rows twice. Raises ValueError where rows must be read.
    """
    total = int(table.n[0].sum())
    counts = table.n.reshape(len(table.segments), -1).sum(axis=1)
    places = [
        place
        for place, name in enumerate(table.segments)
        if name != ALL and counts[place] >= LEAST_LABELS
    ]
    confidence = 1 - _ALPHA / max(len(places), 1)
    found = []
    for place in places:
        (column, value), n = table.segments[place], int(counts[place])
        expected, realised = _valued(table, place, priced, moved=moved, confidence=confidence)
        told = realised is not None and n - realised.cases + realised.pending <= n / 2
        uplift = realised.uplift if realised is not None and told else expected.uplift
        share = n / total
        currency = uplift.unit.split(" ", maxsplit=1)[0]
        a_day = uplift.scaled(per_day * share, f"{currency} per day")
        basis: Literal["realised", "expected"] = "realised" if told else "expected"
        found.append(SegmentValue(column, value, n, share, basis, uplift, a_day))
    return tuple(sorted(found, key=lambda one: one.a_day.mean))


def _valued(
    table: ScoreTable | AmountTable,
    place: int,
    priced: Pricing | Watched,
    *,
    moved: bool,
    confidence: float,
) -> tuple[Expected, Realised | None]:
    """Return expected and realised uplift of one segment; nothing is drawn, so no seed matters."""
    if isinstance(table, AmountTable):
        assert isinstance(priced, Watched)  # noqa: S101 - amounts have no pairs to price
        valuation, part = priced.valuation, table.at(place)
        return (
            expected_amounts(part, valuation, priced.cells, moved=moved, confidence=confidence),
            realised_amounts(
                part, valuation, seed=0, moved=moved, confidence=confidence, resamples=0
            ),
        )
    assert isinstance(priced, Pricing)  # noqa: S101 - as above
    one = table.at(place)
    return (
        expected_value(one, priced, confidence=confidence),
        realised_value(one, priced, seed=0, confidence=confidence, resamples=0),
    )
