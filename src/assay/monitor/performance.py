"""Performance of one window: before labels from calibrated scores, after labels as it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.monitor.acting import acting, selected_pairs
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
    "hides",
    "labelled_share",
    "measured_after",
    "measured_before",
    "not_identified",
    "performance_after_labels",
    "performance_before_labels",
    "revealed",
]

Floats = NDArray[np.float64]
Tables: TypeAlias = ScoreTable | AmountTable | ClassTables
_OF_DECISIONS = frozenset({"accuracy", "precision", "recall", "f1"})
_OF_REVEALED = ("precision", "log_loss", "brier", "calibration_error")
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
    tables: Tables,
    watched: Watched,
    segment: tuple[str, str] = ALL,
    *,
    revealed_by: Collection[str] = (),
) -> Mapping[str, Estimate]:
    """Return every metric of a window's labelled cases, with its 95 % interval.

    As before labels, and with calibration error, and R squared of amounts. Cases without a label
    are not in it. `revealed_by` names the actions after which an outcome is seen (all where empty):
    where others hide it, only what those labels tell is given. That is precision, and log loss,
    Brier score and calibration error among the cases so decided, which are not those of all cases.
    """
    found = measured_after(tables, watched, segment, revealed_by=revealed_by)
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
    tables: Tables,
    watched: Watched,
    segment: tuple[str, str] = ALL,
    *,
    revealed_by: Collection[str] = (),
) -> Mapping[str, Measurement]:
    """Return what `performance_after_labels` tells, with what a comparison of windows needs.

    Reference windows have labels whatever was decided: with the same `revealed_by` they are cut to
    the same decisions.
    """
    tables = revealed(tables, watched, revealed_by)
    if isinstance(tables, ClassTables):
        _no_segment(segment)
        # Class tables do not keep decisions, so that nothing can be cut to those that show.
        if hides(tables, watched, revealed_by):
            return {}
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
    found = _told(part, realised_metrics(positive, negative, stated, watched.cells.rank))
    hidden = not_identified(tables, watched, found, revealed_by)
    return {name: one for name, one in found.items() if name not in hidden}


def labelled_share(tables: Tables) -> float:
    """Return which share of all cases has a label that counts; 0 without cases."""
    if isinstance(tables, ClassTables):
        cases, labelled = tables.n[0].sum(), (tables.positive[0] + tables.negative[0]).sum()
    elif isinstance(tables, AmountTable):
        cases, labelled = tables.n[0].sum(), tables.labelled[0].sum()
    else:
        cases, labelled = tables.n[0].sum(), tables.labelled[:, 0].sum()
    return float(labelled / cases) if cases else 0.0


def revealed(tables: Tables, watched: Watched, revealed_by: Collection[str]) -> Tables:
    """Return a table without the cases whose action hides their outcome, where it keeps actions."""
    if not isinstance(tables, ScoreTable) or not hides(tables, watched, revealed_by):
        return tables
    actions = watched.valuation.actions
    shown = np.array([own >= 0 and actions[own] in revealed_by for own, _ in tables.pairs])
    arrays = {
        one.name: getattr(tables, one.name) * shown[:, None]
        for one in fields(tables)
        if one.name not in ("segments", "pairs", "terms")
    }
    return replace(tables, **arrays)


def hides(tables: Tables, watched: Watched, revealed_by: Collection[str]) -> bool:
    """Return whether an action that can be taken hides the outcome of its case."""
    if isinstance(tables, AmountTable) or not revealed_by:
        return False
    return not set(watched.valuation.actions) <= set(revealed_by)


def not_identified(
    tables: Tables, watched: Watched, metrics: Collection[str], revealed_by: Collection[str]
) -> tuple[str, ...]:
    """Return which metrics labels cannot tell, where some actions hide the outcome.

    Labelled cases were selected by what the model said of them: ranking (ROC AUC, average
    precision) and whatever counts cases of the other decisions (recall, accuracy, F1) needs labels
    of those too. Precision needs those of selected cases alone, and is told where these show.
    """
    if not hides(tables, watched, revealed_by):
        return ()
    if not isinstance(tables, ScoreTable) or tables.outcomes > 2:
        return tuple(metrics)
    shows = watched.valuation.actions[acting(watched)] in revealed_by
    told = _OF_REVEALED if shows else _OF_REVEALED[1:]
    return tuple(name for name in metrics if name not in told)


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
