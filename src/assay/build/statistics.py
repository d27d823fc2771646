"""The statistics of a model on test rows, beside which its value stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.guardrails.plugin import Cases
from assay.ports.engine import Floats
from assay.stats import class_metrics, metrics
from assay.stats.calibration import calibration_curve, expected_calibration_error

__all__ = ["curves_of", "statistics_of"]

_POINTS = 200


def statistics_of(cases: Cases, raw: Floats) -> dict[str, float]:
    """Return the measures that `acceptance` may name; NaN where the cases cannot give one.

    Ranking measures (ROC AUC, average precision) read the raw score, which calibration keeps in
    order but for ties; the others the calibrated forecast or the decisions. For three and more
    outcomes they are macro averages over the outcomes where they are not of all at once (see
    `class_metrics`), and accuracy, precision, recall and F1 are about the most probable outcome.
    """
    if cases.valuation.task == "regression":
        return _of_amounts(cases, raw)
    if raw.ndim > 1:
        return _of_classes(cases, raw)
    outcomes, probability = (cases.outcomes > 0).astype(int), cases.forecast[:, -1]
    decided = cases.selected().astype(int)
    return {
        "roc_auc": metrics.roc_auc(outcomes, raw),
        "average_precision": metrics.average_precision(outcomes, raw),
        "log_loss": metrics.log_loss(outcomes, probability),
        "brier": metrics.brier(outcomes, probability),
        "calibration_error": expected_calibration_error(probability, outcomes),
        "accuracy": metrics.accuracy(outcomes, decided),
        "precision": metrics.precision(outcomes, decided),
        "recall": metrics.recall(outcomes, decided),
        "f1": metrics.f1(outcomes, decided),
    }


def curves_of(cases: Cases, raw: Floats) -> dict[str, Any]:
    """Return the calibration curve, and for classification the ROC curve, as JSON documents.

    For three and more outcomes the calibration curve is that of all probabilities given, and
    each outcome has a ROC curve against all others.
    """
    if cases.valuation.task == "regression":
        return {"coverage": _coverage(cases)}
    if raw.ndim > 1:
        return _class_curves(cases, raw)
    outcomes = (cases.outcomes > 0).astype(int)
    curve = calibration_curve(cases.forecast[:, -1], outcomes)
    return {"calibration_curve": _calibration(*curve), "roc_curve": _roc(outcomes, raw)}


def _class_curves(cases: Cases, raw: Floats) -> dict[str, Any]:
    curve = class_metrics.class_calibration_curve(cases.outcomes, cases.forecast)
    return {
        "calibration_curve": _calibration(*curve),
        "roc_curves": {
            label: _roc((cases.outcomes == code).astype(int), raw[:, code])
            for code, label in enumerate(cases.valuation.labels)
        },
    }


def _calibration(forecast: Floats, observed: Floats, counts: Any) -> dict[str, Any]:
    return {"forecast": forecast.tolist(), "observed": observed.tolist(), "n": counts.tolist()}


def _roc(outcomes: Any, raw: Floats) -> dict[str, Any]:
    false, true = metrics.roc_curve(outcomes, raw)
    thin = np.unique(np.linspace(0, len(false) - 1, _POINTS).astype(int))
    return {"false": false[thin].tolist(), "true": true[thin].tolist()}


def _of_classes(cases: Cases, raw: Floats) -> dict[str, float]:
    outcomes, forecast = cases.outcomes, cases.forecast
    return {
        "roc_auc": class_metrics.class_roc_auc(outcomes, raw),
        "average_precision": class_metrics.class_average_precision(outcomes, raw),
        "log_loss": class_metrics.class_log_loss(outcomes, forecast),
        "brier": class_metrics.class_brier(outcomes, forecast),
        "calibration_error": class_metrics.class_calibration_error(outcomes, forecast),
        "accuracy": class_metrics.class_accuracy(outcomes, forecast),
        "precision": class_metrics.class_precision(outcomes, forecast),
        "recall": class_metrics.class_recall(outcomes, forecast),
        "f1": class_metrics.class_f1(outcomes, forecast),
    }


def _of_amounts(cases: Cases, raw: Floats) -> dict[str, float]:
    return {
        "mae": metrics.mae(cases.outcomes, raw),
        "rmse": metrics.rmse(cases.outcomes, raw),
        "r2": metrics.r2(cases.outcomes, raw),
    }


def _coverage(cases: Cases) -> dict[str, list[float]]:
    """Return, for some levels, how often outcomes fell at or below that forecast quantile."""
    levels = (np.arange(cases.forecast.shape[1]) + 0.5) / cases.forecast.shape[1]
    picked = np.unique(np.linspace(0, len(levels) - 1, 19).astype(int))
    below = (cases.outcomes[:, None] <= cases.forecast[:, picked]).mean(axis=0)
    return {"level": levels[picked].tolist(), "observed": below.tolist()}
