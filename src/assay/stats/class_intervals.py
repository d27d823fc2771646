"""Metrics of three and more outcomes from class tables, before and after labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.stats.class_tables import ClassCells, ClassTables
from assay.stats.metric_intervals import (
    CalibrationBlocks,
    Measurement,
    calibration_error,
    expected_measurement,
    macro,
    mean_forecast,
    realised_measurement,
)
from assay.stats.score_metrics import METRICS, ScoreCounts, Sloped, precision

__all__ = ["expected_class_metrics", "realised_class_metrics"]

Floats = NDArray[np.float64]
Measure = Callable[[Sloped, ScoreCounts, CalibrationBlocks], Measurement]

_MACRO = ("roc_auc", "average_precision", "precision", "recall", "f1")


def expected_class_metrics(tables: ClassTables, cells: ClassCells) -> Mapping[str, Measurement]:
    """Return every metric that cases without labels will show, if calibrated scores hold.

    Macro averages, and what a case is taken for, as in `class_metrics`. The error of a macro
    average is stated as its greatest possible (see `macro`), so that intervals are wide rather than
    narrow; accuracy's is exact, since each case is taken for one outcome.
    """
    n = tables.n.astype(np.float64)
    stated = mean_forecast(n, tables.chance)
    return _metrics(tables.chance, n - tables.chance, stated, cells, expected_measurement)


def realised_class_metrics(tables: ClassTables, cells: ClassCells) -> Mapping[str, Measurement]:
    """Return every metric of labelled cases, with the error of having seen these cases only."""
    positive, negative = tables.positive.astype(np.float64), tables.negative.astype(np.float64)
    stated = mean_forecast(tables.ripe.astype(np.float64), tables.ripe_chance)
    found = dict(_metrics(positive, negative, stated, cells, _realised))
    errors = [calibration_error(*each) for each in zip(positive, negative, stated, strict=True)]
    error = macro([one for one in errors if one is not None])
    return found if error is None else {**found, "calibration_error": error}


def _metrics(
    positive: Floats, negative: Floats, stated: Floats, cells: ClassCells, measure: Measure
) -> Mapping[str, Measurement]:
    rank = np.arange(cells.size)
    single = [
        (
            ScoreCounts(positive[k], negative[k], stated[k], rank),
            CalibrationBlocks(cells.block[k], cells.labelled[k]),
        )
        for k in range(len(positive))
    ]
    found = {
        name: macro([measure(METRICS[name](own), own, behind) for own, behind in single])
        for name in _MACRO
    }
    found["accuracy"] = _accuracy(positive, negative, stated, cells, measure)
    brier = [measure(METRICS["brier"](own), own, behind) for own, behind in single]
    found["brier"] = _added(brier)
    losses = [measure(_own_log_loss(own), own, behind) for own, behind in single]
    found["log_loss"] = _added(losses)
    return {name: one for name, one in found.items() if one is not None}


def _accuracy(
    positive: Floats, negative: Floats, stated: Floats, cells: ClassCells, measure: Measure
) -> Measurement | None:
    """Return the share of cases that were what they were taken for: a precision of all cases."""
    hits, misses, given = (part[:, 1].ravel() for part in (positive, negative, stated))
    taken = ScoreCounts(_all_taken(hits), _all_taken(misses), _all_taken(given), _places(hits))
    count = cells.labelled.shape[1]
    block = cells.block + np.arange(len(positive))[:, None] * count
    behind = CalibrationBlocks(block.ravel(), cells.labelled.ravel())
    return macro([measure(precision(taken), taken, behind)])


def _all_taken(row: Floats) -> Floats:
    return np.stack([np.zeros_like(row), row])


def _places(row: Floats) -> NDArray[np.int64]:
    return np.arange(len(row), dtype=np.int64)


def _own_log_loss(counts: ScoreCounts) -> Sloped:
    """Return what the cases of one outcome add to the log loss of all."""
    n = float(counts.n.sum())
    loss = -np.log(np.clip(counts.stated, 1e-15, 1.0))
    value = float((loss * counts.positive).sum()) / n if n else float("nan")
    rest = np.full_like(loss, -value) / max(n, 1.0)
    return Sloped(value, loss / max(n, 1.0) + rest, rest, n)


def _added(parts: list[Measurement]) -> Measurement | None:
    """Return the sum over outcomes, its error as the sum of theirs: the most that it can be."""
    mean, k = macro(parts), len(parts)
    if mean is None:
        return None
    return replace(
        mean,
        value=mean.value * k,
        error=mean.error * k,
        sampling=mean.sampling * k,
        scale=mean.scale * k,
        share=False,
    )


def _realised(sloped: Sloped, counts: ScoreCounts, blocks: CalibrationBlocks) -> Measurement:
    del blocks
    return realised_measurement(sloped, counts)
