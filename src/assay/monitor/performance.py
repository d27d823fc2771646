"""Performance of one window: before labels from calibrated scores, after labels as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.monitor.acting import selected_pairs
from assay.monitor.watched import Watched
from assay.stats.amount_table import AmountTable
from assay.stats.class_intervals import expected_class_metrics, realised_class_metrics
from assay.stats.class_tables import ClassTables, class_tables
from assay.stats.estimate import Estimate
from assay.stats.loss_metrics import expected_losses, fourth_moments, realised_losses
from assay.stats.metric_intervals import (
    AFTER,
    BEFORE,
    CalibrationBlocks,
    Measurement,
    expected_metrics,
    mean_forecast,
    realised_metrics,
)
from assay.stats.residuals import PredictiveQuantiles
from assay.stats.score_table import ALL, ScoreTable

if TYPE_CHECKING:
    from assay.monitor.cases import Cases

__all__ = [
    "Tables",
    "classes_of",
    "labelled_share",
    "measured_after",
    "measured_before",
    "performance_after_labels",
    "performance_before_labels",
]

Floats = NDArray[np.float64]
Tables: TypeAlias = ScoreTable | AmountTable | ClassTables
_OF_DECISIONS = frozenset({"accuracy", "precision", "recall", "f1"})
_Table = TypeVar("_Table", ScoreTable, AmountTable)


def performance_before_labels(
    tables: Tables, watched: Watched, segment: tuple[str, str] = ALL
) -> Mapping[str, Estimate]:
    """Return every metric that a window's cases will show if calibrated scores hold.

    Of two outcomes: ROC AUC, average precision, F1, precision, recall, accuracy, log loss and
    Brier; of more their macro averages, from class tables; of amounts MAE and RMSE. Each with its
    95 % interval, for labels to come and the calibration's own error. Metrics that the cases cannot
    give are left out. KeyError for a segment that the table does not have; class tables have none.
    """
    found = measured_before(tables, watched, segment)
    return {name: one.estimate(BEFORE) for name, one in found.items()}


def performance_after_labels(
    tables: Tables, watched: Watched, segment: tuple[str, str] = ALL
) -> Mapping[str, Estimate]:
    """Return every metric of a window's labelled cases, with its 95 % interval.

    As before labels, and with calibration error, and R squared of amounts. Cases without a label
    are not in it: where outcomes show only after some actions, it is the performance among those.
    """
    found = measured_after(tables, watched, segment)
    return {name: one.estimate(AFTER) for name, one in found.items()}


def measured_before(
    tables: Tables, watched: Watched, segment: tuple[str, str] = ALL
) -> Mapping[str, Measurement]:
    """Return what `performance_before_labels` tells, with what a comparison of windows needs."""
    if isinstance(tables, ClassTables):
        _no_segment(segment)
        return expected_class_metrics(tables, watched.class_cells)
    if isinstance(tables, AmountTable):
        return expected_losses(_segment(tables, segment), _blocks(watched), _heaviness(watched))
    if tables.outcomes > 2:
        return {}
    part = _segment(tables, segment)
    n, chance = (_by_selection(watched, part, each) for each in (part.n, part.chance[1]))
    return _told(part, expected_metrics(n, chance, watched.cells.rank, _blocks(watched)))


def measured_after(
    tables: Tables, watched: Watched, segment: tuple[str, str] = ALL
) -> Mapping[str, Measurement]:
    """Return what `performance_after_labels` tells, with what a comparison of windows needs."""
    if isinstance(tables, ClassTables):
        _no_segment(segment)
        return realised_class_metrics(tables, watched.class_cells)
    if isinstance(tables, AmountTable):
        return realised_losses(_segment(tables, segment), _blocks(watched), _heaviness(watched))
    if tables.outcomes > 2:
        return {}
    part = _segment(tables, segment)
    ripe, chance, positive, negative = (
        _by_selection(watched, part, each)
        for each in (part.ripe, part.ripe_chance[1], part.labelled[1], part.labelled[0])
    )
    stated = mean_forecast(ripe, chance)
    return _told(part, realised_metrics(positive, negative, stated, watched.cells.rank))


def labelled_share(tables: Tables) -> float:
    """Return which share of all cases has a label that counts; 0 without cases."""
    if isinstance(tables, ClassTables):
        cases, labelled = tables.n[0].sum(), (tables.positive[0] + tables.negative[0]).sum()
    elif isinstance(tables, AmountTable):
        cases, labelled = tables.n[0].sum(), tables.labelled[0].sum()
    else:
        cases, labelled = tables.n[0].sum(), tables.labelled[:, 0].sum()
    return float(labelled / cases) if cases else 0.0


def classes_of(
    watched: Watched, cases: Cases, forecast: Floats | None = None
) -> ClassTables | None:
    """Count cases of three outcomes and more into class tables; None of fewer, or of amounts."""
    if len(watched.valuation.labels) < 3:
        return None
    chance = watched.forecast(cases.score, cases.columns) if forecast is None else forecast
    cells = watched.class_cells
    return class_tables(
        cells.of(cases.score),
        chance,
        cells.size,
        outcomes=np.where(cases.labelled, cases.outcomes, -1),
        ripe=cases.matured,
    )


def _told(part: ScoreTable, found: Mapping[str, Measurement]) -> Mapping[str, Measurement]:
    """Return what a table can tell: no metric of decisions where it does not know of them."""
    if all(own >= 0 for own, _ in part.pairs):
        return found
    return {name: one for name, one in found.items() if name not in _OF_DECISIONS}


def _by_selection(watched: Watched, part: ScoreTable, values: NDArray[np.generic]) -> Floats:
    """Return sums (1, D, C) as (2, C): over the pairs that do not select, and those that do."""
    selected = selected_pairs(watched, part)
    both = [values[0][~selected].sum(axis=0), values[0][selected].sum(axis=0)]
    return np.stack(both).astype(np.float64)


def _blocks(watched: Watched) -> CalibrationBlocks:
    return CalibrationBlocks(watched.cells.block, watched.cells.labelled)


def _heaviness(watched: Watched) -> Floats:
    if isinstance(watched.forecaster, PredictiveQuantiles):
        return fourth_moments(watched.forecaster)
    raise TypeError("a table of amounts belongs to a model that predicts amounts")


def _segment(tables: _Table, segment: tuple[str, str]) -> _Table:
    if segment not in tables.segments:
        raise KeyError(f"the table has no segment {segment[0]} = {segment[1]}")
    return tables.at(segment)


def _no_segment(segment: tuple[str, str]) -> None:
    if segment != ALL:
        raise KeyError("class tables are not split into segments")
