"""How far outcomes fall from a point prediction, learned on held-out cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PredictiveQuantiles", "fit_predictive"]

Floats = NDArray[np.float64]

_FEWEST = 50
"""Held-out cases that a cell must have for its quantiles to mean something."""


@dataclass(frozen=True)
class PredictiveQuantiles:
    """Quantiles of the outcome around a point prediction, at levels (i + 0.5) / L.

    Cell c holds the held-out predictions around `centres[c]`, in rising order; `residuals[c]`
    (L,) are the quantiles of outcome minus prediction there. Between centres they are
    interpolated, so that spread follows the level of the prediction; as an average of
    rising sequences the quantiles never cross. `floor` is the least an outcome can be (0 where
    no held-out outcome was below it), or None.

    The L quantiles weigh the same, so that an expectation is a plain mean over them.

    >>> around = PredictiveQuantiles(np.array([10.0]), np.array([[-1.0, 0.0, 1.0]]))
    >>> around.apply(np.array([10.0, 20.0]))
    array([[ 9., 10., 11.],
           [19., 20., 21.]])
    """

    centres: Floats
    residuals: Floats
    floor: float | None = None

    def apply(self, predictions: Floats) -> Floats:
        """Return the forecast (n, L) for point predictions (n,): rising along each row."""
        point = np.asarray(predictions, dtype=np.float64)
        place = np.interp(point, self.centres, np.arange(len(self.centres)))
        left = np.floor(place).astype(np.int64)
        right = np.minimum(left + 1, len(self.centres) - 1)
        share = (place - left)[:, None]
        spread = (1 - share) * self.residuals[left] + share * self.residuals[right]
        forecast: Floats = np.maximum.accumulate(point[:, None] + spread, axis=1)
        return forecast if self.floor is None else np.maximum(forecast, self.floor)

    def document(self) -> dict[str, Any]:
        """Return the quantiles as a JSON document."""
        return {
            "format": 1,
            "centres": self.centres.tolist(),
            "residuals": self.residuals.tolist(),
            "floor": self.floor,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PredictiveQuantiles:
        """Read the quantiles back from their document."""
        return cls(
            centres=np.array(document["centres"], dtype=np.float64),
            residuals=np.array(document["residuals"], dtype=np.float64),
            floor=document["floor"],
        )


def fit_predictive(
    predictions: Floats, outcomes: Floats, cells: int = 10, levels: int = 99
) -> PredictiveQuantiles:
    """Learn residual quantiles from held-out point predictions (n,) and outcomes (n,).

    Cells hold equal numbers of cases; there are fewer than `cells` of them where each would
    have under 50. The construction is split conformal prediction made local by cells (Lei,
    G'Sell, Rinaldo, Tibshirani and Wasserman, Distribution-free predictive inference for
    regression, JASA 113, 2018, section 5); quantiles by Hazen's rule, whose levels are ours.

    Raises ValueError where lengths differ, nothing is given, or a number is not finite.

    >>> rng = np.random.default_rng(0)
    >>> level = rng.uniform(1, 100, 5000)
    >>> around = fit_predictive(level, level + rng.normal(0, level / 10))
    >>> low, high = around.apply(np.array([20.0, 80.0]))[:, [9, 89]].T
    >>> (high - low).round()  # an 80% interval: 2.6 standard deviations
    array([ 5., 20.])
    """
    point = np.asarray(predictions, dtype=np.float64)
    actual = np.asarray(outcomes, dtype=np.float64)
    if point.shape != actual.shape or point.ndim != 1 or not len(point):
        raise ValueError(f"predictions {point.shape} and outcomes {actual.shape} must match")
    if not (np.isfinite(point).all() and np.isfinite(actual).all()):
        raise ValueError("every prediction and every outcome must be finite")
    order = np.argsort(point, kind="stable")
    groups = np.array_split(order, max(1, min(cells, len(point) // _FEWEST)))
    centres = np.array([point[group].mean() for group in groups])
    at = (np.arange(levels) + 0.5) / levels
    residuals = np.array(
        [np.quantile(actual[group] - point[group], at, method="hazen") for group in groups]
    )
    # Cells whose predictions are all alike have one centre, and interpolation needs rising ones.
    same = np.flatnonzero(np.diff(centres, prepend=-np.inf) > 0)
    return PredictiveQuantiles(centres[same], residuals[same], 0.0 if actual.min() >= 0 else None)
