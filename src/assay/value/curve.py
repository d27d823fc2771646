"""What each threshold would have been worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.clusters import Clusters, stretch
from assay.value.against import baseline_payoffs, per_decision
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["ValueCurve", "value_curve"]

_DRAWS = 2000
_CLUSTERS_AT_ONCE = 10_000


@dataclass(frozen=True)
class ValueCurve:
    """Uplift per decision over the baseline, were one to act from each threshold on.

    `thresholds` (T,) rise from 0 (act always) to 1 (never); `mean` is the uplift on `n` cases, in
    `unit`. With probability `confidence` the whole curve lies between `low` and `high` at once, so
    that one may pick a threshold from the picture. `best` is the threshold of highest mean.
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
        """Return what a threshold loses against the best one, per decision."""
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
    simultaneous, by the Gaussian multiplier bootstrap (Chernozhukov, Chetverikov and Kato,
    Gaussian approximations and multiplier bootstrap, Annals of Statistics 41(6), 2013),
    with one multiplier for each of `clusters` where cases hang together.

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
    mean = _over_thresholds(_by_cell(gain, cells, len(thresholds))) / len(base)
    rng = np.random.default_rng(seed)
    if clusters is None:
        process, error = _alone(gain, cells, mean, rng)
    else:
        process, error = _in_clusters(gain, cells, mean, clusters.codes, rng)
        error = error * stretch(clusters.count, confidence)
    half = _half_width(process, error, len(base), confidence)
    return ValueCurve(
        thresholds, mean, mean - half, mean + half, len(base), per_decision(valuation), confidence
    )


def _by_cell(gain: Floats, cells: NDArray[np.int64], thresholds: int) -> Floats:
    """Return sums over cells 0..T for each row of `gain`: (rows, T + 1)."""
    return np.stack([np.bincount(cells, row, minlength=thresholds + 1) for row in gain])


def _over_thresholds(sums: Floats) -> Floats:
    """Return, for each threshold, the sum over cases that act plus that over those that do not.

    `sums` (..., 2, T + 1) holds what acting and not acting bring in each cell.
    """
    acted = np.flip(np.cumsum(np.flip(sums[..., 0, 1:], -1), -1), -1)
    rested = np.cumsum(sums[..., 1, :-1], -1)
    total: Floats = acted + rested
    return total


def _half_width(process: Floats, error: Floats, n: int, confidence: float) -> Floats:
    """Return how far the true curve may lie from the measured one, everywhere at once.

    `error` (T,) is the standard error of each threshold's sum, `process` draws of all sums at once.
    """
    alive = error > 1e-9 * np.sqrt(n)
    if not alive.any():
        return np.zeros(len(error))
    factor = np.quantile(np.abs(process[:, alive] / error[alive]).max(axis=1), confidence)
    return np.asarray(factor * error / n)


def _alone(
    gain: Floats, cells: NDArray[np.int64], mean: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return draws and the standard error of the sums where each case stands alone.

    Multiplying each case's payoffs by a standard normal and summing over a cell gives normal
    sums whose covariance is the cell's second moments: three numbers a cell are drawn
    (acting, not acting, and the multipliers themselves), however many cases there are.
    """
    n, size = gain.shape[1], len(mean)
    whole = np.vstack([gain, np.ones(n)])
    moments = np.stack([_by_cell(whole * row, cells, size) for row in whole])  # (3, 3, T + 1)
    roots = _roots(np.moveaxis(moments, 2, 0))
    drawn = np.einsum("cij,bcj->bic", roots, rng.standard_normal((_DRAWS, size + 1, 3)))
    process = _over_thresholds(drawn[:, :2]) - mean * drawn[:, 2].sum(axis=1)[:, None]
    squares = _over_thresholds(_by_cell(gain**2, cells, size)) - n * mean**2
    return process, np.sqrt(np.maximum(squares, 0.0))


def _in_clusters(
    gain: Floats,
    cells: NDArray[np.int64],
    mean: Floats,
    codes: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return draws and the standard error of the sums where a cluster's cases move together.

    With one standard normal for each cluster the sums are normal, and their covariance is that of
    the clusters' centred sums: one number for each threshold is drawn, however many clusters.
    """
    size = len(mean)
    covariance = np.zeros((size, size))
    for start in range(0, int(codes.max()) + 1, _CLUSTERS_AT_ONCE):
        rows = np.flatnonzero((codes >= start) & (codes < start + _CLUSTERS_AT_ONCE))
        here = codes[rows] - start
        places, shape = here * (size + 1) + cells[rows], (int(here.max()) + 1, size + 1)
        length = shape[0] * shape[1]
        sums = [
            np.bincount(places, part, minlength=length).reshape(shape) for part in gain[:, rows]
        ]
        counts = np.bincount(here, minlength=shape[0])[:, None]
        centred = _over_thresholds(np.stack(sums, axis=1)) - counts * mean
        covariance += centred.T @ centred
    process = rng.standard_normal((_DRAWS, size)) @ _roots(covariance).T
    return process, np.sqrt(np.diag(covariance))


def _roots(moments: Floats) -> Floats:
    """Return a square root of each symmetric matrix (..., m, m), rounded up to zero."""
    values, vectors = np.linalg.eigh(moments)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])
