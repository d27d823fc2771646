"""From raw scores to forecasts: calibrated probabilities, or quantiles around a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.stats.calibration import Calibrator, fit_calibrator
from assay.stats.cell_calibration import CellCalibrator, fit_cell_calibrator
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
Forecaster = Calibrator | CellCalibrator | ClassCalibrator | PredictiveQuantiles


def learn_forecaster(
    task: Literal["classification", "regression"],
    raw: Floats,
    outcomes: NDArray[Any],
    stakes: Floats | None = None,
) -> Forecaster:
    """Learn from held-out raw scores and their outcomes how scores become forecasts.

    Scores are (n,): P(positive) of two outcomes, or predicted amounts; or (n, K), one for each of
    K outcomes. `stakes` (n, A) are amounts at which forecasts of two outcomes are to hold; for
    amounts and for more outcomes they are not read.
    """
    if task == "regression":
        return fit_predictive(raw, outcomes)
    if raw.ndim != 1:
        return fit_class_calibrator(raw, outcomes)
    if stakes is not None:
        return fit_cell_calibrator(raw, outcomes, stakes)
    return fit_calibrator(raw, outcomes)


def forecast(forecaster: Forecaster, raw: Floats, stakes: Floats | None = None) -> Floats:
    """Return forecasts (n, K): a probability of each outcome, or K quantiles.

    `stakes` (n, A) are as in learning; ValueError where cells need them and they are not given.

    >>> forecast(Calibrator.identity(), np.array([0.25]))
    array([[0.75, 0.25]])
    """
    if isinstance(forecaster, ClassCalibrator | PredictiveQuantiles):
        return forecaster.apply(raw)
    if isinstance(forecaster, Calibrator):
        positive = forecaster.apply(raw)
    elif stakes is None:
        raise ValueError("these forecasts depend on the gain at stake: give it for each score")
    else:
        positive = forecaster.apply(raw, stakes)
    both = np.empty((len(positive), 2))
    both[:, 0] = 1.0 - positive
    both[:, 1] = positive
    return both


def forecaster_document(forecaster: Forecaster) -> dict[str, Any]:
    """Return what `calibration.json` of a bundle holds: format 2 for cells, 1 for all others.

    Format 2 says that scores alone are not enough; a version that reads format 1 only refuses it.
    """
    kind = next(name for name, one in _KINDS.items() if isinstance(forecaster, one))
    return {"format": 2 if kind == "cells" else 1, "kind": kind, kind: forecaster.document()}


def forecaster_from_document(document: Mapping[str, Any]) -> Forecaster:
    """Read a forecaster back; KeyError or ValueError where the document is none."""
    if document.get("format", 1) not in (1, 2):
        raise ValueError(f"a calibration of format {document['format']!r} cannot be read")
    kind = document["kind"]
    return _KINDS[kind].from_document(document[kind])


_KINDS: Mapping[str, type[Forecaster]] = {
    "calibrator": Calibrator,
    "cells": CellCalibrator,
    "classes": ClassCalibrator,
    "predictive": PredictiveQuantiles,
}
