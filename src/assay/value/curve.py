"""What each threshold would have been worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.clusters import Clusters
from assay.value.against import baseline_payoffs, per_decision
from assay.value.classification import ClassificationValuation
from assay.value.curve_band import band, by_cell, over_thresholds
from assay.value.payoff import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["ValueCurve", "value_curve"]


@dataclass(frozen=True)
class ValueCurve:
    """Uplift per decision over the baseline, were one to act from each threshold on.

    `thresholds` (T,) rise from 0 (act always) to 1 (act where it is sure); `mean` is the uplift on
    `n` cases, in `unit`. With probability `confidence` the whole curve lies between `low` and
    `high` at once, so that one may pick a threshold from the picture. `best` is the threshold of
    highest mean.
    """

    thresholds: Floats
    mean: Floats
    low: Floats
    high: Floats
    n: int
    unit: str
    confidence: float = 0.95

    @property
    def best(self) -> float:
        """The threshold that paid best (the lowest one where tied)."""
        return float(self.thresholds[int(np.argmax(self.mean))])

    def at(self, threshold: float) -> float:
        """Return the uplift per decision at a threshold, as measured at the next one above it."""
        place = int(np.searchsorted(self.thresholds, threshold, side="left"))
        return float(self.mean[min(place, len(self.mean) - 1)])

    def cost_of(self, threshold: float) -> float:
        """Return what a threshold loses against the best one, per decision.

        Too much on average: the best one was chosen on these very cases. `threshold_cost` answers
        without that flattery, and with an interval.
        """
        return float(self.mean.max()) - self.at(threshold)

    def document(self) -> dict[str, Any]:
        """Return the curve as a JSON document."""
        return {
            "thresholds": self.thresholds.tolist(),
            "mean": self.mean.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "best": self.best,
            "n": self.n,
            "unit": self.unit,
            "confidence": self.confidence,
        }


def value_curve(
    valuation: Valuation,
    forecast: Floats,
    outcomes: NDArray[Any],
    columns: Columns,
    seed: int | np.random.Generator,
    *,
    clusters: Clusters | None = None,
    points: int = 100,
    confidence: float = 0.95,
) -> ValueCurve:
    """Return the uplift per decision over thresholds on the positive outcome's probability.

    `forecast` (n, K) and `outcomes` (n,) as the valuation has them. Thresholds are 0, 1, and
    `points` quantiles of the probabilities. Acting and not acting are the policy's two actions;
    under `best_action`, those that pay best on positive and on other outcomes. The band is
    simultaneous (see `band`), over whole `clusters` where cases hang together.

    Raises ValueError in regression, where no threshold decides, without cases, and where all of
    them are one cluster.

    >>> from assay.charter.policy import BestAction
    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> p = np.array([0.05, 0.05, 0.05, 0.3, 0.6])
    >>> forecast, outcomes = np.column_stack([1 - p, p]), np.array([0, 0, 0, 0, 1])
    >>> curve = value_curve(bank, forecast, outcomes, {}, seed=0)
    >>> curve.at(0.0), curve.at(0.1), curve.best, curve.cost_of(0.0)
    (1.0, 1.6, 0.6, 0.8)
    """
    if not isinstance(valuation, ClassificationValuation) or not len(forecast):
        raise ValueError("a value curve needs decisions between actions, and cases")
    if clusters is not None and clusters.count < 2:
        raise ValueError("one cluster says nothing about how far the curve may be off")
    probability = forecast[:, -1]
    levels = np.linspace(0, 1, points)
    inner = np.quantile(probability, levels, method="inverted_cdf")
    thresholds = np.unique(np.concatenate([[0.0, 1.0], inner]))
    act, rest = valuation.alternatives(valuation.payoffs(columns, len(forecast)))
    base = baseline_payoffs(valuation, outcomes, columns)
    gain = np.stack(
        [
            valuation.realised(np.full(len(base), action), outcomes, columns) - base
            for action in (act, rest)
        ]
    )
    # A case in cell c acts at the thresholds up to c - 1: those that it reaches.
    cells = np.searchsorted(thresholds, probability, side="right")
    mean = over_thresholds(by_cell(gain, cells, len(thresholds))) / len(base)
    codes = None if clusters is None else clusters.codes
    half = band(gain, cells, mean, codes, confidence, np.random.default_rng(seed))
    certain = np.ptp(gain, axis=1) == 0  # what is the baseline itself, or a constant away from it
    half[0] *= not certain[0]
    half[-1] *= not certain[1] or probability.max() >= 1
    return ValueCurve(
        thresholds, mean, mean - half, mean + half, len(base), per_decision(valuation), confidence
    )
