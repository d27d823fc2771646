"""How far predicted amounts are off: expected of quantiles before labels, seen after."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from assay.stats.amount_table import AmountTable, empty_amounts
from assay.stats.metric_intervals import CalibrationBlocks, Measurement
from assay.stats.residuals import PredictiveQuantiles

__all__ = ["expected_losses", "fourth_moments", "loss_table", "realised_losses"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NORMAL = 3.0


def fourth_moments(around: PredictiveQuantiles) -> Floats:
    """Return, for each block of predictions (B,), E r^4 over (E r^2)^2 of its residuals r.

    Quantiles leave out the furthest tails, so that no block counts as lighter than a normal law.

    >>> fourth_moments(PredictiveQuantiles(np.array([1.0]), np.array([[-1.0, 1.0]])))
    array([3.])
    """
    second = (around.residuals**2).mean(axis=1)
    fourth = (around.residuals**4).mean(axis=1)
    ratio = np.divide(fourth, second**2, out=np.full(len(second), _NORMAL), where=second > 0)
    found: Floats = np.maximum(ratio, _NORMAL)
    return found


def loss_table(
    cells: Ints, predictions: Floats, forecast: Floats, outcomes: Floats, *, size: int
) -> AmountTable:
    """Count n labelled cases by their errors alone, without what they were worth.

    `cells` (n,) are places among `size`, `forecast` (n, L) predictive quantiles.

    >>> table = loss_table(np.array([0, 0]), np.array([5.0, 5.0]), np.array([[4.0, 6.0]] * 2),
    ...                    np.array([5.0, 8.0]), size=1)
    >>> table.absolute.tolist(), table.residual_absolute.tolist()
    ([[2.0]], [[3.0]])
    """
    table = empty_amounts(size=size, levels=1, blocks=1)
    ahead, residual = forecast - predictions[:, None], outcomes - predictions
    for counts in (table.n, table.ripe, table.labelled):
        counts[0] = np.bincount(cells, minlength=size)
    for into, values in (
        (table.score, predictions),
        (table.absolute, np.abs(ahead).mean(axis=1)),
        (table.squared, (ahead**2).mean(axis=1)),
        (table.outcome, outcomes),
        (table.outcome_squared, outcomes**2),
        (table.residual, residual),
        (table.residual_absolute, np.abs(residual)),
        (table.residual_squared, residual**2),
    ):
        into[0] = np.bincount(cells, values, size)
    return table


def expected_losses(
    table: AmountTable, blocks: CalibrationBlocks, heaviness: Floats
) -> Mapping[str, Measurement]:
    """Return the mean absolute and root mean squared error that cases without labels will have.

    The loss of a case is what its predictive quantiles let expect, added up in the table (of its
    first segment); this is direct loss estimation (Nannyml 2022) with the loss learned from the
    spread of held-out residuals at like predictions. `heaviness` (B,) is `fourth_moments`. The
    variance is that of the losses to come plus that of having learned each block's loss from
    m cases, whose error all cases of the block share:

        sum_c n_c var_c  +  sum_b (sum_{c in b} n_c)^2 var_b / m_b

    Assumed: residuals at a prediction are as they were. R squared needs the outcomes' own spread
    and is left to labels. Nothing without cases.
    """
    n = table.n[0].astype(np.float64)
    first, second = table.absolute[0], table.squared[0]
    if not n.sum():
        return {}
    absolute = _mean(first, n)
    squared = _mean(second, n)
    fourth = heaviness[blocks.block] * squared**2
    mae = _expected(n, absolute, np.maximum(squared - absolute**2, 0.0), blocks)
    mse = _expected(n, squared, np.maximum(fourth - squared**2, 0.0), blocks)
    return {"mae": mae, "rmse": _root(mse)}


def realised_losses(
    table: AmountTable, blocks: CalibrationBlocks, heaviness: Floats
) -> Mapping[str, Measurement]:
    """Return the mean absolute error, the root mean squared one and R squared of labelled cases.

    The error is that of having seen these cases only. Squares of squares are not in the table:
    they are taken from the weight of the tails among held-out residuals, `heaviness` (B,), at the
    squared error that was seen.
    """
    n = table.labelled[0].astype(np.float64)
    total = float(n.sum())
    if not total:
        return {}
    absolute, squared = table.residual_absolute[0], table.residual_squared[0]
    mean = float(absolute.sum()) / total
    second = float(squared.sum()) / total
    mae = _seen(mean, max(second - mean**2, 0.0), total)
    fourth = float((n * heaviness[blocks.block] * _mean(squared, n) ** 2).sum()) / total
    mse = _seen(second, max(fourth - second**2, 0.0), total)
    found = {"mae": mae, "rmse": _root(mse)}
    spread = float(table.outcome_squared[0].sum()) / total
    spread -= (float(table.outcome[0].sum()) / total) ** 2
    if spread > 0 and second > 0:
        unexplained = second / spread
        # The outcomes' own variance is as uncertain as that of a normal law.
        error = unexplained * math.hypot(mse.error / second, math.sqrt(2 / total))
        scale = error * math.sqrt(total)
        found["r2"] = Measurement(1 - unexplained, error, error, scale, total, mae.n, share=False)
    return found


def _expected(n: Floats, loss: Floats, variance: Floats, blocks: CalibrationBlocks) -> Measurement:
    total, size = float(n.sum()), len(blocks.labelled)
    mean = float(n @ loss) / total
    noise = float(n @ variance) / total**2
    behind = np.bincount(blocks.block, n, size)
    of_block = np.divide(
        np.bincount(blocks.block, n * variance, size), behind, out=np.zeros(size), where=behind > 0
    )
    learned = float((behind / total) ** 2 @ (of_block / np.maximum(blocks.labelled, 1)))
    sampled = float(n @ (loss - mean) ** 2) / total**2
    return Measurement(
        value=mean,
        error=math.sqrt(noise + learned),
        sampling=math.sqrt(sampled),
        scale=math.sqrt(total * (noise + sampled)),
        cases=total,
        n=round(total),
        share=False,
    )


def _seen(mean: float, variance: float, total: float) -> Measurement:
    error = math.sqrt(variance / total)
    return Measurement(mean, error, error, math.sqrt(variance), total, round(total), share=False)


def _root(square: Measurement) -> Measurement:
    """Return the root of a mean square, its errors by the delta method."""
    value = math.sqrt(square.value)
    slope = 1 / (2 * value) if value else 0.0
    return Measurement(
        value,
        slope * square.error,
        slope * square.sampling,
        slope * square.scale,
        square.cases,
        square.n,
        share=False,
    )


def _mean(sums: Floats, n: Floats) -> Floats:
    return np.divide(sums, n, out=np.zeros_like(sums), where=n > 0)
