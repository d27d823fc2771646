"""Statistical measures of forecasts of three and more outcomes.

Outcomes (n,) are codes 0..K-1, `score` and `probability` are (n, K), one column for each outcome.
A macro average is the plain mean over the outcomes for which the cases can give the measure (NaN
where there is none): a rare outcome counts as much as a frequent one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from assay.stats.calibration import calibration_curve, expected_calibration_error
from assay.stats.metrics import average_precision, f1, precision, recall, roc_auc

__all__ = [
    "class_accuracy",
    "class_average_precision",
    "class_brier",
    "class_calibration_curve",
    "class_calibration_error",
    "class_f1",
    "class_log_loss",
    "class_precision",
    "class_recall",
    "class_roc_auc",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def class_roc_auc(outcomes: Ints, score: Floats) -> float:
    """Return the macro average of each outcome's ROC AUC against all others.

    Provost and Domingos, Well-trained PETs, CeDER working paper IS-00-04, 2001, there weighted by
    the outcomes' shares. It moves with those shares, where the average over pairs of
    outcomes does not (Hand and Till, A simple generalisation of the area under the ROC curve for
    multiple class classification problems, Machine Learning 45, 2001).

    >>> score = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.0, 0.9, 0.1]])
    >>> class_roc_auc(np.array([0, 1, 2]), score)
    0.6666666666666666
    """
    return _macro(roc_auc, outcomes, score)


def class_average_precision(outcomes: Ints, score: Floats) -> float:
    """Return the macro average of each outcome's average precision against all others."""
    return _macro(average_precision, outcomes, score)


def class_log_loss(outcomes: Ints, probability: Floats) -> float:
    """Return the mean of minus the log of the probability given to what happened, in nats.

    Probabilities are held 1e-15 away from 0.

    >>> class_log_loss(np.array([1]), np.array([[0.25, 0.5, 0.25]]))
    0.6931471805599453
    """
    if not len(outcomes):
        return float("nan")
    given = probability[np.arange(len(outcomes)), outcomes]
    return float(-np.log(np.clip(given, 1e-15, 1.0)).mean())


def class_brier(outcomes: Ints, probability: Floats) -> float:
    """Return the mean over cases of the squared gaps to what happened, added up over outcomes.

    From 0 to 2, as Brier wrote it (Verification of forecasts expressed in terms of probability,
    Monthly Weather Review 78, 1950). For two outcomes it is twice the score of one of them.

    >>> class_brier(np.array([0]), np.array([[0.5, 0.25, 0.25]]))
    0.375
    """
    if not len(outcomes):
        return float("nan")
    return float(((probability - np.eye(probability.shape[1])[outcomes]) ** 2).sum(axis=1).mean())


def class_calibration_error(outcomes: Ints, probability: Floats) -> float:
    """Return the mean over outcomes of each one's calibration error.

    The class-wise ECE of Kull and others, Beyond temperature scaling: obtaining well-calibrated
    multi-class probabilities with Dirichlet calibration, NeurIPS 2019, over bins of equal count.
    """
    return _macro(
        lambda happened, p: expected_calibration_error(p, happened), outcomes, probability
    )


def class_calibration_curve(outcomes: Ints, probability: Floats) -> tuple[Floats, Floats, Ints]:
    """Return mean forecast, observed rate and count over bins of all probabilities given.

    Each case counts once for each outcome: it shows how often anything that was given a
    probability came.
    """
    happened = np.eye(probability.shape[1])[outcomes]
    return calibration_curve(probability.ravel(), happened.ravel())


def class_accuracy(outcomes: Ints, probability: Floats) -> float:
    """Return the share of cases whose most probable outcome (the first where tied) came."""
    if not len(outcomes):
        return float("nan")
    return float((probability.argmax(axis=1) == outcomes).mean())


def class_precision(outcomes: Ints, probability: Floats) -> float:
    """Return the macro average of precision, each case counted as its most probable outcome."""
    return _macro(precision, outcomes, _most_probable(probability))


def class_recall(outcomes: Ints, probability: Floats) -> float:
    """Return the macro average of recall, each case counted as its most probable outcome."""
    return _macro(recall, outcomes, _most_probable(probability))


def class_f1(outcomes: Ints, probability: Floats) -> float:
    """Return the macro average of F1, each case counted as its most probable outcome.

    >>> sure = np.array([[0.9, 0.1, 0.0], [0.9, 0.1, 0.0], [0.1, 0.1, 0.8]])
    >>> round(class_f1(np.array([0, 1, 2]), sure), 3)
    0.556
    """
    return _macro(f1, outcomes, _most_probable(probability))


def _most_probable(probability: Floats) -> Floats:
    chosen: Floats = np.eye(probability.shape[1])[probability.argmax(axis=1)]
    return chosen


def _macro(
    measure: Callable[[NDArray[np.int64], Floats], float], outcomes: Ints, columns: Floats
) -> float:
    found = [
        measure((outcomes == code).astype(np.int64), columns[:, code])
        for code in range(columns.shape[1])
    ]
    finite = [value for value in found if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
