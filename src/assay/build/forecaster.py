"""From raw scores to forecasts: calibrated probabilities, or quantiles around a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.ports.engine import Floats
from assay.stats.calibration import Calibrator, fit_calibrator
from assay.stats.residuals import PredictiveQuantiles, fit_predictive

__all__ = [
    "Forecaster",
    "forecast",
    "forecaster_document",
    "forecaster_from_document",
    "learn_forecaster",
]

Forecaster = Calibrator | PredictiveQuantiles


def learn_forecaster(
    task: Literal["classification", "regression"], raw: Floats, outcomes: NDArray[Any]
) -> Forecaster:
    """Learn from held-out raw scores and their outcomes how scores become forecasts."""
    if task == "classification":
        return fit_calibrator(raw, outcomes)
    return fit_predictive(raw, outcomes)


def forecast(forecaster: Forecaster, raw: Floats) -> Floats:
    """Return forecasts (n, K): probabilities of both outcomes, or K quantiles.

    >>> forecast(Calibrator.identity(), np.array([0.25]))
    array([[0.75, 0.25]])
    """
    if isinstance(forecaster, Calibrator):
        positive = forecaster.apply(raw)
        return np.column_stack([1.0 - positive, positive])
    return forecaster.apply(raw)


def forecaster_document(forecaster: Forecaster) -> dict[str, Any]:
    """Return what `calibration.json` of a bundle holds."""
    kind = "calibrator" if isinstance(forecaster, Calibrator) else "predictive"
    return {"format": 1, "kind": kind, kind: forecaster.document()}


def forecaster_from_document(document: Mapping[str, Any]) -> Forecaster:
    """Read a forecaster back from its document."""
    if document["kind"] == "calibrator":
        return Calibrator.from_document(document["calibrator"])
    return PredictiveQuantiles.from_document(document["predictive"])
