"""What it costs that outcomes no longer come as forecast: the shift of value where they are off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.monitor.performance import Tables
from assay.monitor.watched import Watched
from assay.stats.estimate import Estimate
from assay.stats.score_table import ScoreTable

if TYPE_CHECKING:
    from assay.monitor.concept import SpanDrift

__all__ = ["concept_cost"]

Floats = NDArray[np.float64]

_METHOD = "shift of outcomes, at the decisions made there"


def concept_cost(
    watched: Watched, windows: Sequence[Tables], spans: Sequence[SpanDrift]
) -> Estimate | None:
    """Return by how much less a decision brings than was expected, over the spans that are off.

    In each span the change of the outcome's share is worth what that share moves the uplift of the
    decisions made there, since the span began to drift; all other scores are taken to hold. The
    interval is that of the labels (half widths of spans add in quadrature); the calibration's own
    error is left out. Outcomes that are seen after some actions only stand for all. None, since
    nobody knows, where payoffs or baselines read columns, of more than two outcomes, of amounts,
    and where no span is off by itself.
    """
    if watched.valuation.columns or watched.valuation.task == "regression" or not spans:
        return None
    tables = [one for one in windows if isinstance(one, ScoreTable) and one.outcomes == 2]
    if len(tables) < len(windows):
        return None
    lost, below, above = 0.0, 0.0, 0.0
    for span in spans:
        per_share = _worth_of_share(watched, tables[span.since :], span)
        low, high = sorted(
            (end - span.expected) * -per_share for end in (span.realised.low, span.realised.high)
        )
        mean = -span.gap * per_share
        lost += mean
        below, above = math.hypot(below, mean - low), math.hypot(above, high - mean)
    n = sum(span.realised.n for span in spans)
    unit = f"{watched.valuation.currency} per decision"
    return Estimate(lost, lost - below, lost + above, n, _METHOD, unit)


def _worth_of_share(watched: Watched, tables: Sequence[ScoreTable], span: SpanDrift) -> float:
    """Return what a decision gains on average where the span's outcome is sure and not never."""
    n = sum(one.n[0] for one in tables).astype(np.float64)
    block = watched.cells.block
    inside = n[:, (span.first <= block) & (block <= span.last)].sum(axis=1)
    slope = _slopes(watched)
    own, base = np.array(tables[0].pairs).T
    return float(inside @ (slope[own] - slope[base])) / max(float(n.sum()), 1.0)


def _slopes(watched: Watched) -> Floats:
    """Return, for each action, what the second outcome pays more than the first."""
    valuation = watched.valuation
    codes = np.arange(len(valuation.actions))
    sure = (np.tile(row, (len(codes), 1)) for row in ([1.0, 0.0], [0.0, 1.0]))
    never, always = (valuation.expected(chance, codes, {}) for chance in sure)
    slopes: Floats = always - never
    return slopes
