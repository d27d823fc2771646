"""The score cells and calibration blocks of a forecaster: they follow from a bundle alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.stats.calibration import Calibrator
from assay.stats.cell_calibration import CellCalibrator
from assay.stats.class_calibration import ClassCalibrator
from assay.stats.class_tables import ClassCells, class_cells
from assay.stats.forecaster import Forecaster
from assay.stats.grid import Grid, NumberAxis
from assay.stats.profile import is_score, named_scores
from assay.stats.residuals import PredictiveQuantiles
from assay.stats.score_cells import ScoreCells, crossed_cells, plain_cells

__all__ = ["class_score_cells", "forecast_blocks", "score_cells"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def forecast_blocks(
    forecaster: Forecaster, score: Floats, stakes: Floats | None, rows: int
) -> tuple[Ints, Ints]:
    """Return each case's calibration block (n,), and the labelled cases (B,) behind each block.

    `stakes` (n, A) are needed where forecasts hang on the gain at stake, else ValueError. Residual
    quantiles keep no counts; there the reference's `rows` stand for them, shared evenly.
    """
    if isinstance(forecaster, Calibrator | ClassCalibrator):
        return forecaster.blocks(score), forecaster.counts
    if isinstance(forecaster, CellCalibrator):
        if stakes is None:
            raise ValueError("these blocks depend on the gain at stake: give the columns")
        return forecaster.blocks(score, stakes), forecaster.counts
    middles, behind = _quantile_blocks(forecaster, rows)
    return np.searchsorted(middles, score).astype(np.int64), behind


def score_cells(forecaster: Forecaster, grid: Grid, rows: int) -> ScoreCells:
    """Return the cells of the score table: the reference's score axis, cut where blocks begin.

    `rows` as in `forecast_blocks`.
    """
    axes = [axis for name, axis in grid.axes.items() if is_score(name)]
    edges = [axis.edges for axis in axes if isinstance(axis, NumberAxis)]
    known = np.unique(np.concatenate(edges)) if edges else np.empty(0)
    if isinstance(forecaster, Calibrator):
        return plain_cells(known, forecaster.edges, forecaster.counts)
    if isinstance(forecaster, CellCalibrator | ClassCalibrator):
        return crossed_cells(known, forecaster.counts)
    return plain_cells(known, *_quantile_blocks(forecaster, rows))


def class_score_cells(forecaster: Forecaster, grid: Grid, labels: Sequence[str]) -> ClassCells:
    """Return the cells of each outcome's score, of three outcomes and more; else ValueError."""
    if len(labels) < 3 or not isinstance(forecaster, ClassCalibrator):
        raise ValueError("class tables are for three outcomes and more")
    names = named_scores(np.empty((0, len(labels))), labels)
    axes = [grid.axes[name] for name in names]
    edges = [axis.edges for axis in axes if isinstance(axis, NumberAxis)]
    return class_cells(edges, int(forecaster.counts.sum()))


def _quantile_blocks(forecaster: PredictiveQuantiles, rows: int) -> tuple[Floats, Ints]:
    """Return what cuts the blocks of a prediction, and the cases behind each."""
    centres = forecaster.centres
    behind = max(1, rows // len(centres))
    return (centres[1:] + centres[:-1]) / 2, np.full(len(centres), behind, dtype=np.int64)
