"""Statistical measures of forecasts, for people who think in them.

Outcomes are 0 and 1 in classification, `probability` is that of outcome 1, `decided` is 0 or 1.
A measure that the cases cannot give (only one outcome, no cases) is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "accuracy",
    "average_precision",
    "brier",
    "f1",
    "log_loss",
    "mae",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "roc_curve",
]

Floats = NDArray[np.float64]
Binary = NDArray[Any]


def roc_auc(outcomes: Binary, score: Floats) -> float:
    """Return the chance that a positive case scores above a negative one, ties counting half.

    Hanley and McNeil, Radiology 143, 1982.

    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positives = int(np.sum(outcomes))
    negatives = len(outcomes) - positives
    if not positives or not negatives:
        return float("nan")
    ranked = np.sort(score)
    high = score[np.asarray(outcomes) == 1]
    ranks = (np.searchsorted(ranked, high, "left") + np.searchsorted(ranked, high, "right") + 1) / 2
    return float((ranks.sum() - positives * (positives + 1) / 2) / (positives * negatives))


def roc_curve(outcomes: Binary, score: Floats) -> tuple[Floats, Floats]:
    """Return false and true positive rates at each distinct score, from (0, 0) to (1, 1).

    >>> roc_curve(np.array([0, 1]), np.array([0.2, 0.7]))
    (array([0., 0., 1.]), array([0., 1., 1.]))
    """
    hits, misses = _hits_and_misses(outcomes, score)
    return (
        np.concatenate([[0.0], misses / max(misses[-1], 1)]),
        np.concatenate([[0.0], hits / max(hits[-1], 1)]),
    )


def average_precision(outcomes: Binary, score: Floats) -> float:
    """Return precision averaged over recall, without interpolation.

    >>> average_precision(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.8333333333333333
    """
    if not np.any(outcomes):
        return float("nan")
    hits, misses = _hits_and_misses(outcomes, score)
    return float(np.sum(np.diff(hits, prepend=0.0) / hits[-1] * hits / (hits + misses)))


def log_loss(outcomes: Binary, probability: Floats) -> float:
    """Return the mean of minus the log of the probability given to what happened, in nats.

    Probabilities are held 1e-15 away from 0 and 1.
    """
    p = np.clip(probability, 1e-15, 1 - 1e-15)
    return _mean(-np.log(np.where(np.asarray(outcomes) == 1, p, 1 - p)))


def brier(outcomes: Binary, probability: Floats) -> float:
    """Return the mean squared gap between probability and outcome (Brier 1950)."""
    return _mean((probability - outcomes) ** 2)


def accuracy(outcomes: Binary, decided: Binary) -> float:
    """Return the share of cases decided as they came out."""
    return _mean(np.asarray(outcomes) == np.asarray(decided))


def precision(outcomes: Binary, decided: Binary) -> float:
    """Return the share of positives among those decided positive."""
    return _mean(np.asarray(outcomes)[np.asarray(decided) == 1])


def recall(outcomes: Binary, decided: Binary) -> float:
    """Return the share decided positive among the positives."""
    return _mean(np.asarray(decided)[np.asarray(outcomes) == 1])


def f1(outcomes: Binary, decided: Binary) -> float:
    """Return the harmonic mean of precision and recall.

    >>> f1(np.array([0, 1, 1]), np.array([1, 1, 0]))
    0.5
    """
    hits = float(np.sum((np.asarray(outcomes) == 1) & (np.asarray(decided) == 1)))
    total = float(np.sum(outcomes) + np.sum(decided))
    return 2 * hits / total if total else float("nan")


def mae(outcomes: Floats, predictions: Floats) -> float:
    """Return the mean absolute error."""
    return _mean(np.abs(outcomes - predictions))


def rmse(outcomes: Floats, predictions: Floats) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(_mean((outcomes - predictions) ** 2)))


def r2(outcomes: Floats, predictions: Floats) -> float:
    """Return the share of the outcomes' variance that the predictions explain."""
    spread = float(np.sum((outcomes - np.mean(outcomes)) ** 2)) if len(outcomes) else 0.0
    if not spread:
        return float("nan")
    return 1.0 - float(np.sum((outcomes - predictions) ** 2)) / spread


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _hits_and_misses(outcomes: Binary, score: Floats) -> tuple[Floats, Floats]:
    """Return positives and negatives at or above each distinct score, from the highest down."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits = np.cumsum(np.asarray(outcomes, dtype=np.float64)[order])[ends]
    return hits, ends + 1 - hits
