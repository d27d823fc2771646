"""Rows scored by the bundles of their arms: past the door, together as far as that can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.deploy.scoring import Scorer
from assay.deploy.seen_rows import Seen, seen_at_door
from assay.deploy.serving import LoadedArm, Serving
from assay.errors import DataError
from assay.ports.column_blocks import ColumnBlocks, taken
from assay.ports.engine import Columns, Floats

__all__ = ["Dealt", "ScoredRows", "score_rows"]

Dealt = tuple[LoadedArm, Sequence[int]]
"""An arm and the rows that it answers, in order."""


@dataclass(frozen=True)
class ScoredRows:
    """Rows of one or more arms with their forecasts.

    `rows` says which of those asked they are; `seen`, `raw` and `forecast` stand in their order.
    """

    arms: Sequence[Dealt]
    rows: Sequence[int]
    seen: Seen
    raw: Floats
    forecast: Floats

    def by_rule(self, serving: Serving) -> Iterator[ScoredRows]:
        """Yield the rows of arms that decide by one rule, together."""
        if len(self.arms) == 1:
            yield self
            return
        alike: dict[int, list[Dealt]] = {}
        for dealt in self.arms:
            alike.setdefault(serving.rule_of(dealt[0]), []).append(dealt)
        if len(alike) == 1:
            yield self
            return
        place_of = dict(zip(self.rows, range(len(self.rows)), strict=True))
        for arms in alike.values():
            rows = arms[0][1] if len(arms) == 1 else sorted(row for _, some in arms for row in some)
            yield self._of(arms, rows, [place_of[row] for row in rows])

    def _of(self, arms: Sequence[Dealt], rows: Sequence[int], places: list[int]) -> ScoredRows:
        read = arms[0][0].scorer.valuation.columns
        seen = replace(self.seen, columns={name: self.seen.columns[name] for name in read})
        return ScoredRows(arms, rows, seen.of(places), self.raw[places], self.forecast[places])


def score_rows(
    serving: Serving, columns: Columns, n: int, arms: Sequence[Dealt]
) -> tuple[Sequence[ScoredRows], Mapping[int, str]]:
    """Return the rows that are answered, scored, and those that a door refuses, with the reason.

    Rows that no door says anything of are put together, whichever arm they belong to. DataError
    where a row cannot be scored.
    """
    quiet = serving.nothing_strange(columns)
    rejected: dict[int, str] = {}
    parts = []
    for same in _by_scorer(arms):
        part = _scored(same, columns, n, rejected, quiet=quiet)
        if part is not None:
            parts.append(part)
    if quiet and len(parts) > 1 and len({part.forecast.shape[1] for part in parts}) == 1:
        parts = [_together(parts, columns, n)]
    return parts, rejected


def _by_scorer(arms: Sequence[Dealt]) -> list[list[Dealt]]:
    """Return arms with their rows, those of one bundle together: it scores their rows at once."""
    alike: dict[int, list[Dealt]] = {}
    for dealt in arms:
        alike.setdefault(id(dealt[0].scorer), []).append(dealt)
    return list(alike.values())


def _scored(
    arms: Sequence[Dealt], columns: Columns, n: int, rejected: dict[int, str], *, quiet: bool
) -> ScoredRows | None:
    """Score the rows of arms that have one bundle; None where the door leaves none of them."""
    scorer = arms[0][0].scorer
    rows = arms[0][1] if len(arms) == 1 else sorted(row for _, some in arms for row in some)
    columns = _read_by(scorer, columns)
    if len(rows) < n:
        columns = taken(columns, rows)
    seen = Seen(columns) if quiet else seen_at_door(arms[0][0], columns)
    if seen.rejected:
        refused = {rows[place]: reason for place, reason in seen.rejected.items()}
        rejected |= refused
        seen = seen.of([place for place in range(len(rows)) if place not in seen.rejected])
        rows = [row for row in rows if row not in refused]
        left = ((loaded, [row for row in some if row not in refused]) for loaded, some in arms)
        arms = [(loaded, some) for loaded, some in left if some]
    if not rows:
        return None
    raw, forecast = scorer.forecast(seen.columns)
    return ScoredRows(arms, rows, seen, raw, forecast)


def _together(parts: Sequence[ScoredRows], columns: Columns, n: int) -> ScoredRows:
    """Put all the rows asked back into their order."""
    raw = np.empty((n, *parts[0].raw.shape[1:]))
    forecast = np.empty((n, parts[0].forecast.shape[1]))
    for part in parts:
        raw[part.rows], forecast[part.rows] = part.raw, part.forecast
    arms = [dealt for part in parts for dealt in part.arms]
    return ScoredRows(arms, range(n), Seen(columns), raw, forecast)


def _read_by(scorer: Scorer, given: Columns) -> Columns:
    """Return the columns that an arm reads; DataError naming every one that is missing."""
    if isinstance(given, ColumnBlocks) and given.are(scorer.reads_all):
        return given
    try:
        return {name: given[name] for name in scorer.reads}
    except KeyError:
        missing = [name for name in scorer.reads if name not in given]
        raise DataError(
            f"The request lacks the input{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"it has {', '.join(sorted(given))[:500]}. Send each as one tensor."
        ) from None
