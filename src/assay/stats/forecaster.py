"""From raw scores to forecasts: calibrated probabilities, or quantiles around a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.stats.calibration import Calibrator, fit_calibrator
from assay.stats.class_calibration import ClassCalibrator, fit_class_calibrator
from assay.stats.residuals import PredictiveQuantiles, fit_predictive

__all__ = [
    "Forecaster",
    "forecast",
    "forecaster_document",
    "forecaster_from_document",
    "learn_forecaster",
]

Floats = NDArray[np.float64]
Forecaster = Calibrator | ClassCalibrator | PredictiveQuantiles


def learn_forecaster(
    task: Literal["classification", "regression"], raw: Floats, outcomes: NDArray[Any]
) -> Forecaster:
    """Learn from held-out raw scores and their outcomes how scores become forecasts.

    Scores are (n,): P(positive) of two outcomes, or predicted amounts; or (n, K), one for each of
    K outcomes.
    """
    if task == "regression":
        return fit_predictive(raw, outcomes)
    return fit_calibrator(raw, outcomes) if raw.ndim == 1 else fit_class_calibrator(raw, outcomes)


def forecast(forecaster: Forecaster, raw: Floats) -> Floats:
    """Return forecasts (n, K): a probability of each outcome, or K quantiles.

    >>> forecast(Calibrator.identity(), np.array([0.25]))
    array([[0.75, 0.25]])
    """
    if not isinstance(forecaster, Calibrator):
        return forecaster.apply(raw)
    positive = forecaster.apply(raw)
    return np.column_stack([1.0 - positive, positive])


def forecaster_document(forecaster: Forecaster) -> dict[str, Any]:
    """Return what `calibration.json` of a bundle holds."""
    kind = next(name for name, one in _KINDS.items() if isinstance(forecaster, one))
    return {"format": 1, "kind": kind, kind: forecaster.document()}


def forecaster_from_document(document: Mapping[str, Any]) -> Forecaster:
    """Read a forecaster back; KeyError or ValueError where the document is none."""
    kind = document["kind"]
    return _KINDS[kind].from_document(document[kind])


_KINDS: Mapping[str, type[Forecaster]] = {
    "calibrator": Calibrator,
    "classes": ClassCalibrator,
    "predictive": PredictiveQuantiles,
}
