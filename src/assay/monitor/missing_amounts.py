"""Cases whose payoffs read an amount that was not logged, or not as a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from assay.monitor.cases import Cases
from assay.monitor.schema_drift import SchemaChange
from assay.monitor.watched import Watched
from assay.stats.grid import NumberAxis

__all__ = ["missing_amounts", "with_usual_amounts"]


def with_usual_amounts(watched: Watched, cases: Cases) -> Cases:
    """Return cases that can be paid: amounts that payoffs read and lack are the reference's mean.

    Money must not be guessed when a model is judged; but one log without an amount must not stop
    all monitoring either, so it goes on, and `missing_amounts` says what its figures rest on.
    """
    usual = {name: mean for name, mean, _ in _missing(watched, cases)}
    if not usual:
        return cases
    filled = {name: np.nan_to_num(cases.columns[name], nan=mean) for name, mean in usual.items()}
    return replace(cases, columns={**cases.columns, **filled})


def missing_amounts(watched: Watched, cases: Cases) -> tuple[SchemaChange, ...]:
    """Return the columns that payoffs read and some cases lack, and what those are valued at."""
    return tuple(
        SchemaChange(
            name,
            "missing",
            f"{name}, which payoffs read, is missing in {count:,} of {cases.n:,} rows, which are "
            f"valued at its usual mean {mean:.4g}",
        )
        for name, mean, count in _missing(watched, cases)
    )


def _missing(watched: Watched, cases: Cases) -> Iterator[tuple[str, float, int]]:
    reference = watched.reference
    for name in sorted(watched.valuation.columns):
        axis, column = reference.grid.axes.get(name), cases.columns.get(name)
        if column is None or not isinstance(axis, NumberAxis) or not reference.windows:
            continue
        known, count = reference.pooled.features[name], int(np.isnan(column).sum())
        if count and known.n:
            yield name, axis.centre + float(known.sums.sum()) / known.n, count
