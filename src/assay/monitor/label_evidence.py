"""What one window's labels say against its forecasts, block by block and over spans of blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.monitor.performance import Tables
from assay.monitor.watched import Watched
from assay.stats.amount_table import AmountTable
from assay.stats.class_tables import ClassTables
from assay.stats.metric_intervals import mean_forecast, share_interval
from assay.stats.residuals import PredictiveQuantiles
from assay.stats.score_table import ScoreTable

__all__ = ["Labels", "labels_of", "spans_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BETS = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
"""Shifts to bet on: of log odds, and of means in standard deviations of one residual."""
_WAYS = np.array([1.0, -1.0])
_CONFIDENCE = 0.95


def spans_of(blocks: int) -> list[Ints]:
    """Return the span that each block is in, level by level: all blocks, halves, ..., each alone.

    >>> [spans.tolist() for spans in spans_of(3)]
    [[0, 0, 0], [0, 0, 1], [0, 1, 2]]
    """
    levels = [np.zeros(blocks, dtype=np.int64)]
    while levels[-1][-1] + 1 < blocks:
        count = min(blocks, 2 ** len(levels))
        levels.append(np.arange(blocks) * count // blocks)
    return levels


@dataclass(frozen=True, eq=False)
class Labels:
    """Labelled cases of one window, summed over each of B calibration blocks.

    `cases` (B,), their summed forecasts `expected` and outcomes `realised` (of amounts, residuals),
    and around the forecasts the summed variances `variance` and standard deviations `spread`.
    `behind` are the calibration cases of each block, `outcomes` names, empty for amounts.
    """

    cases: Floats
    expected: Floats
    realised: Floats
    variance: Floats
    spread: Floats
    behind: Ints
    outcomes: tuple[str, ...]

    @property
    def shares(self) -> bool:
        """Whether outcomes come or do not, rather than being amounts."""
        return bool(self.outcomes[0])

    def log_e_values(self, spans: Ints, levels: int, least_effect: float) -> Floats:
        """Return the logarithms (S, 2, bets) of bets that a span's outcomes come more, or less.

        The claim of a span reaches as far from the forecast as the calibrator's own error (at 95 %
        over all spans of all `levels`) plus `least_effect` standard deviations of an outcome. With
        x the excess over it, V the variance at most and b the bet, `exp(b x - V psi(b))` is an
        e-value: for outcomes that come or do not with psi(b) = e^b - 1 - b (Bennett, Probability
        inequalities for the sum of independent random variables, JASA 57, 1962), for residuals,
        scaled to variance one and taken for sub-Gaussian, with b^2 / 2. A span of blocks of which
        one has no calibration case behind it does not speak: its logarithms are 0.
        """
        size = int(spans[-1]) + 1
        z = float(ndtri(1 - (1 - _CONFIDENCE) / 2 / levels / size))
        behind = np.where(self.behind > 0, self.behind, np.nan)
        own = np.where(self.cases > 0, self.cases * self.variance / behind, 0.0)
        allowed = z * np.sqrt(_sums(spans, own)) + least_effect * _sums(spans, self.spread)
        gap, variance = _sums(spans, self.realised - self.expected), _sums(spans, self.variance)
        excess = np.stack([way * gap - allowed for way in _WAYS], axis=1)[..., None]
        if self.shares:
            # The claim lets forecasts be off by `allowed`, and the variance with them.
            most = np.minimum(variance + allowed, _sums(spans, self.cases) / 4)
            logs = _BETS * excess - most[:, None, None] * (np.expm1(_BETS) - _BETS)
        else:
            cases = np.maximum(_sums(spans, self.cases), 1.0)
            unit = np.sqrt(variance / cases)
            scaled = excess / np.where(unit > 0, unit, np.inf)[:, None, None]
            logs = _BETS * scaled - cases[:, None, None] * _BETS**2 / 2
        none = (_sums(spans, self.cases) == 0) | (variance == 0)
        quiet: Floats = np.where(none[:, None, None], 0.0, np.nan_to_num(logs))
        return quiet

    def interval(self, mean: float, variance: float, cases: float) -> tuple[float, float]:
        """Return the 95 % interval of a mean of outcomes, or of residuals of this variance."""
        if self.shares:
            return share_interval(mean, math.sqrt(mean * (1 - mean) / max(cases, 1.0)), cases)
        half = 1.96 * math.sqrt(variance / max(cases, 1.0))
        return mean - half, mean + half


def labels_of(watched: Watched, tables: Tables) -> Labels:
    """Return a window's labelled cases, all segments and decisions together.

    Of three outcomes and more each is a row of blocks of its own, from class tables; a score table
    of them raises ValueError.
    """
    if isinstance(tables, AmountTable):
        return _of_amounts(watched, tables)
    if isinstance(tables, ClassTables):
        return _of_classes(watched, tables)
    if tables.outcomes > 2:
        raise ValueError("concept drift of three outcomes and more reads class tables")
    return _of_two(watched, tables)


def _of_two(watched: Watched, table: ScoreTable) -> Labels:
    ripe, chance = table.ripe[0].sum(axis=0), table.ripe_chance[1, 0].sum(axis=0)
    stated = mean_forecast(ripe.astype(np.float64), chance)
    came = table.labelled[1, 0].sum(axis=0).astype(np.float64)
    n = table.labelled[:, 0].sum(axis=(0, 1)).astype(np.float64)
    cells, label = watched.cells, watched.valuation.labels[-1]
    return _shares(n, came, stated, cells.block, cells.labelled, (label,) * len(cells.labelled))


def _of_classes(watched: Watched, tables: ClassTables) -> Labels:
    cells, labels = watched.class_cells, watched.valuation.labels
    ripe = tables.ripe.sum(axis=1).astype(np.float64)
    stated = mean_forecast(ripe, tables.ripe_chance.sum(axis=1))
    came = tables.positive.sum(axis=1).astype(np.float64)
    n = came + tables.negative.sum(axis=1)
    count = cells.labelled.shape[1]
    block = cells.block + np.arange(len(labels))[:, None] * count
    names = tuple(label for label in labels for _ in range(count))
    return _shares(
        n.ravel(), came.ravel(), stated.ravel(), block.ravel(), cells.labelled.ravel(), names
    )


def _shares(
    n: Floats, came: Floats, stated: Floats, block: Ints, behind: Ints, names: tuple[str, ...]
) -> Labels:
    variance = stated * (1 - stated)
    sums = (
        _sums(block, each, len(behind))
        for each in (n, n * stated, came, n * variance, n * np.sqrt(variance))
    )
    cases, expected, realised, spread, deviation = sums
    return Labels(cases, expected, realised, spread, deviation, behind, names)


def _of_amounts(watched: Watched, table: AmountTable) -> Labels:
    forecaster, cells = watched.forecaster, watched.cells
    if not isinstance(forecaster, PredictiveQuantiles):
        raise TypeError("a table of amounts belongs to a model that predicts amounts")
    mean, spread = forecaster.residuals.mean(axis=1), forecaster.residuals.std(axis=1)
    size = len(cells.labelled)
    n = _sums(cells.block, table.labelled[0].astype(np.float64), size)
    realised = _sums(cells.block, table.residual[0], size)
    return Labels(n, n * mean, realised, n * spread**2, n * spread, cells.labelled, ("",) * size)


def _sums(groups: Ints, values: Floats, size: int = 0) -> Floats:
    return np.bincount(groups, values, size).astype(np.float64)
