"""Decided amounts counted into the table from which their value is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.monitor.cases import Cases
from assay.monitor.possible import Possible, possible_uplifts
from assay.monitor.watched import Watched
from assay.ports.engine import Floats
from assay.stats.amount_table import AmountTable, empty_amounts
from assay.stats.score_table import ALL

__all__ = ["amount_sums"]

Ints = NDArray[np.int64]
Rows = NDArray[np.bool_]


def amount_sums(
    watched: Watched,
    cases: Cases,
    forecast: Floats,
    segments: tuple[tuple[str, str], ...] = (ALL,),
    memberships: Sequence[Ints] = (),
) -> AmountTable:
    """Add up cases whose decisions are amounts; `forecast` (n, L) are quantiles.

    `memberships` hold, for each segmenting column, each row's place (n,) in `segments`.
    """
    cells = watched.cells
    places = (np.zeros(cases.n, dtype=np.int64), *memberships)
    into = _Into(
        empty_amounts(
            segments, size=cells.size, levels=forecast.shape[1], blocks=len(cells.labelled)
        ),
        places,
        watched.cells_of(cases.score, cases.columns),
        cells.block,
    )
    possible = possible_uplifts(watched.valuation, forecast, cases.decisions, cases.columns)
    every = np.ones(cases.n, dtype=np.bool_)
    ripe = every if cases.matured is None else cases.matured
    _before(into, cases, forecast, possible, every)
    into.count("ripe", ripe)
    into.add("ripe_expected", possible.mean(), ripe)
    into.count("certain", ripe & possible.certain)
    _after(into, watched, cases, possible)
    return into.table


def _before(into: _Into, cases: Cases, forecast: Floats, possible: Possible, every: Rows) -> None:
    """Add up what is known when the decision is made."""
    into.count("n", every)
    error, mean = forecast - cases.score[:, None], possible.mean()
    sums = {
        "score": cases.score,
        "absolute": np.abs(error).mean(axis=1),
        "squared": (error**2).mean(axis=1),
        "expected": mean,
        "expected_squared": mean**2,
        "noise": _noise(possible),
    }
    for name, values in sums.items():
        into.add(name, values, every)
    into.by_level("by_level", possible.amounts, every)


def _after(into: _Into, watched: Watched, cases: Cases, possible: Possible) -> None:
    """Add up what labels tell."""
    labelled = cases.counting
    told = labelled & ~possible.certain
    outcomes = np.where(labelled, cases.outcomes, 0.0)
    valuation, residual = watched.valuation, outcomes - cases.score
    own = valuation.realised(cases.decisions, outcomes, cases.columns)
    baseline = valuation.baseline(cases.columns, cases.n)
    uplift = own - valuation.realised(baseline, outcomes, cases.columns)
    gap = uplift - possible.mean()
    into.count("labelled", labelled)
    into.count("told", told)
    for name, values in {
        "paid": own,
        "outcome": outcomes,
        "outcome_squared": outcomes**2,
        "residual": residual,
        "residual_absolute": np.abs(residual),
        "residual_squared": residual**2,
    }.items():
        into.add(name, values, labelled)
    for name, values in {
        "uplift": uplift,
        "uplift_squared": uplift**2,
        "gap": gap,
        "gap_squared": gap**2,
        "uplift_gap": uplift * gap,
        "told_noise": _noise(possible),
    }.items():
        into.add(name, values, told)
    into.by_level("told_by_level", possible.amounts, told)
    furthest = np.abs(possible.amounts - possible.mean()[:, None]).max(axis=1, initial=0.0)
    into.most("reach", furthest, told)


def _noise(possible: Possible) -> Floats:
    noise: Floats = (possible.weights * (possible.amounts - possible.mean()[:, None]) ** 2).sum(
        axis=1
    )
    return noise


class _Into:
    """Adds rows up in a table's cells, once for each segment that a row is in."""

    def __init__(
        self, table: AmountTable, places: tuple[Ints, ...], cells: Ints, block: Ints
    ) -> None:
        self.table = table
        self._at = [place * table.size + cells for place in places]
        blocks = table.by_level.shape[-1]
        self._blocks = [place * blocks + block[cells] for place in places]

    def count(self, name: str, rows: Rows) -> None:
        into = getattr(self.table, name)
        for at in self._at:
            into += np.bincount(at[rows], minlength=into.size).reshape(into.shape)

    def add(self, name: str, values: Floats, rows: Rows) -> None:
        into = getattr(self.table, name)
        for at in self._at:
            into += np.bincount(at[rows], values[rows], into.size).reshape(into.shape)

    def most(self, name: str, values: Floats, rows: Rows) -> None:
        into = getattr(self.table, name).reshape(-1)
        for at in self._at:
            np.maximum.at(into, at[rows], values[rows])

    def by_level(self, name: str, amounts: Floats, rows: Rows) -> None:
        into = getattr(self.table, name)
        for at in self._blocks:
            for level in range(len(into)):
                sums = np.bincount(at[rows], amounts[rows, level], into[level].size)
                into[level] += sums.reshape(into[level].shape)
