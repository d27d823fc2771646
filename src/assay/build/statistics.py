"""The statistics of a model on test rows, beside which its value stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.guardrails.plugin import Cases
from assay.ports.engine import Floats
from assay.stats import metrics
from assay.stats.calibration import calibration_curve, expected_calibration_error

__all__ = ["curves_of", "statistics_of"]

_POINTS = 200


def statistics_of(cases: Cases, raw: Floats) -> dict[str, float]:
    """Return the measures that `acceptance` may name; NaN where the cases cannot give one.

    Ranking measures (ROC AUC, average precision) read the raw score, which calibration keeps in
    order but for ties; the others the calibrated forecast or the decisions.
    """
    if cases.valuation.task == "regression":
        return _of_amounts(cases, raw)
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
    """Return the calibration curve, and for classification the ROC curve, as JSON documents."""
    if cases.valuation.task == "regression":
        return {"coverage": _coverage(cases)}
    outcomes = (cases.outcomes > 0).astype(int)
    forecast, observed, counts = calibration_curve(cases.forecast[:, -1], outcomes)
    false, true = metrics.roc_curve(outcomes, raw)
    thin = np.unique(np.linspace(0, len(false) - 1, _POINTS).astype(int))
    return {
        "calibration_curve": {
            "forecast": forecast.tolist(),
            "observed": observed.tolist(),
            "n": counts.tolist(),
        },
        "roc_curve": {"false": false[thin].tolist(), "true": true[thin].tolist()},
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
