"""What decided amounts were worth above the baseline, from their table alone: no row is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.errors import ExpressionError
from assay.monitor.table_value import halves
from assay.monitor.track_record import Gap
from assay.monitor.value import LEAST_LABELS, TABLE, Expected, Realised
from assay.ports.engine import Floats
from assay.stats.amount_table import AmountTable
from assay.stats.bootstrap import counted_mean
from assay.stats.estimate import Estimate
from assay.stats.score_cells import ScoreCells
from assay.value.identification import marked
from assay.value.valuation import Valuation

__all__ = ["amount_gaps", "expected_amounts", "realised_amounts"]

Ints = NDArray[np.int64]
_CONFIDENCE = 0.95


def expected_amounts(
    table: AmountTable,
    valuation: Valuation,
    cells: ScoreCells,
    *,
    moved: bool = False,
    confidence: float = _CONFIDENCE,
) -> Expected:
    """Return the uplift per decision that all rows of a table let expect, with its interval.

    It is `expected_uplift` without the rows, and the same figures. `moved` says that the amount
    decided changes the outcome. Raises ValueError where there are no cases.
    """
    table = table.pooled
    n = int(table.n.sum())
    if not n:
        raise ValueError("the uplift of no decisions cannot be expected")
    mean, noise = float(table.expected.sum()) / n, float(np.sqrt(table.noise.sum())) / n
    calibration = _calibration(table.by_level, cells) / n
    reach = float(ndtri((1 + confidence) / 2) * np.hypot(noise, calibration))
    method = "expected from calibrated forecasts, no concept drift assumed"
    unit = f"{valuation.currency} per decision"
    uplift = Estimate(mean, mean - reach, mean + reach, n, method, unit, confidence)
    return Expected(marked(uplift) if moved else uplift, noise, calibration, TABLE)


def realised_amounts(
    table: AmountTable,
    valuation: Valuation,
    *,
    seed: int,
    moved: bool = False,
    confidence: float = _CONFIDENCE,
    resamples: int = 2000,
) -> Realised | None:
    """Return the uplift per decision as a table's labels show it; None where they show too little.

    It is `realised_uplift` without the rows, but for entities, whose cases hang together: each
    cell's cases are taken as two values of their mean and variance.
    """
    table = table.pooled
    cases, told, certain = (int(one.sum()) for one in (table.ripe, table.told, table.certain))
    waiting = table.ripe - table.told - table.certain
    pending = int(waiting.sum())
    telling = told if pending else told + certain
    if not cases or (certain < cases and not (told and telling >= LEAST_LABELS)):
        return None
    error, weight = 0.0, 0.0
    if told and pending:
        error, weight = float(table.gap.sum()) / told, pending / told
    values, counts = _values(table, waiting, error, weight)
    estimate = counted_mean(
        values,
        counts,
        seed=seed,
        confidence=confidence,
        resamples=resamples,
        unit=f"{valuation.currency} per decision",
        bounds=_bounds(valuation, values, counts, 1 + weight) if told else None,
    )
    notes = [estimate.method]
    if pending:
        notes.append("pending outcomes filled in")
    if moved and certain < cases:
        notes.append("not identified: actions moved outcomes")
    return Realised(
        uplift=replace(estimate, n=told if certain < cases else cases, method="; ".join(notes)),
        value=float(table.paid.sum()),
        cases=cases,
        labelled=int(table.labelled.sum()),
        pending=pending,
        hidden=0,
        moved=cases - certain if moved else 0,
        reading=TABLE,
    )


def amount_gaps(table: AmountTable, cells: ScoreCells) -> dict[str, Gap]:
    """Return how far a table's labels lie from what was expected of decided amounts.

    Cases that decide as the baseline does have no uplift to judge.
    """
    table = table.pooled
    n = int(table.told.sum())
    if not n:
        return {}
    noise = float(np.sqrt(table.told_noise.sum())) / n
    calibration = _calibration(table.told_by_level, cells) / n
    return {
        "": Gap(float(table.gap.sum()) / n, noise, calibration, n, float(table.reach.max()) / n)
    }


def _calibration(by_level: Floats, cells: ScoreCells) -> float:
    """Return what an error of the quantiles does to a total (see `Possible.errors`)."""
    variance = by_level[:, 0].var(axis=0) / np.maximum(cells.labelled, 1)
    return float(np.sqrt(variance.sum()))


def _values(table: AmountTable, waiting: Ints, error: float, weight: float) -> tuple[Floats, Ints]:
    """Return values whose mean is the uplift and whose spread is its error, with counts.

    Labels that stand for pending ones as well weigh more in the spread, not in the mean.
    """
    told, gap, uplift = table.told.astype(np.float64), table.gap, table.uplift
    off = gap - error * told
    off_squared = table.gap_squared - 2 * error * gap + error**2 * told
    together = table.uplift_gap - error * uplift
    total = uplift + weight * off
    squares = table.uplift_squared + 2 * weight * together + weight**2 * off_squared
    left = table.ripe_expected - (uplift - gap)  # of cases that decide as the baseline it is 0
    share = waiting / np.maximum(table.n, 1)
    late = table.expected_squared * share + 2 * error * left + error**2 * waiting
    sure = table.certain.astype(np.float64)
    parts = [
        halves(told, total, squares),
        halves(waiting.astype(np.float64), left + error * waiting, late),
        halves(sure, 0 * sure, 0 * sure),
    ]
    return np.concatenate([v for v, _ in parts]), np.concatenate([c for _, c in parts])


def _bounds(
    valuation: Valuation, values: Floats, counts: Ints, weight: float
) -> tuple[float, float] | None:
    """Return how far uplift can reach, used only where few distinct values are repeated.

    The payoffs' bounds lie so far out that they say nothing of amounts that vary.
    """
    held = values[counts > 0]
    if len(np.unique(held)) > counts.sum() / 4:
        return None
    try:
        least, most = valuation.bounds()
    except ExpressionError:  # a payoff of amounts may leave its columns without caps
        return None
    reach = (most - least) * weight
    if not np.isfinite(reach):
        return None
    return min(-reach, float(held.min())), max(reach, float(held.max()))
