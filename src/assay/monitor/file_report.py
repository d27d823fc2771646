"""What two large tables say: drift, quality, performance and value of each window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from assay.errors import DataError
from assay.monitor.drift import Drift, drift
from assay.monitor.file_cases import FileCases, with_chances
from assay.monitor.moments import counted_moments
from assay.monitor.performance import performance_after_labels, performance_before_labels
from assay.monitor.pricing import Pricing, pricing
from assay.monitor.quality import FeatureQuality, quality
from assay.monitor.table_value import expected_value, realised_value
from assay.monitor.watched import Watched
from assay.stats.calibration import Calibrator
from assay.stats.counted_calibration import counted_calibrator
from assay.stats.estimate import Estimate
from assay.stats.grid import Grid
from assay.stats.profile import Profile, merge_all
from assay.stats.reference import Reference
from assay.stats.score_table import ScoreTable

__all__ = ["FileReport", "FileWindow", "measured_window", "watched_file"]

Estimates = Mapping[str, Estimate]
_NONE: Estimates = {}

_MANY = 1000
"""Cases from which on a mean's interval is that of the central limit theorem."""
_Z = 1.959963984540054
"""The normal law's 97.5 % quantile."""


@dataclass(frozen=True)
class FileWindow:
    """One window: what moved, in which state its data are, and what the model did and earned.

    Performance is before and after labels by metric; `value` is the uplift per decision over the
    baseline, `expected` before and `realised` after labels. All are empty where no score was named.
    """

    name: str
    n: int
    drift: Drift
    quality: Mapping[str, FeatureQuality]
    before: Estimates = field(default_factory=dict)
    after: Estimates = field(default_factory=dict)
    value: Estimates = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the window as a JSON document."""
        return {
            "window": self.name,
            "n": self.n,
            "moved": [one.feature for one in self.drift.moved],
            "drift": self.drift.document(),
            "quality": [one.document() for one in self.quality.values()],
            "performance": {"before_labels": _all(self.before), "after_labels": _all(self.after)},
            "value": _all(self.value),
        }


@dataclass(frozen=True)
class FileReport:
    """Every window of an analysis, beside `reference` windows of `rows` rows in all.

    `left_out` names columns that are not compared, and says why.
    """

    windows: Sequence[FileWindow]
    reference: int
    rows: int
    left_out: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        return {
            "reference": {"windows": self.reference, "rows": self.rows},
            "left_out": dict(self.left_out),
            "windows": [one.document() for one in self.windows],
        }


def watched_file(grid: Grid, windows: Sequence[Profile], cases: FileCases) -> Watched:
    """Return a model known by its scores alone, calibrated on the labelled cases of the reference.

    DataError where the reference has no labels.
    """
    table = merge_all(windows).scores
    labelled = (
        table.labelled[:, 0].sum(axis=1) if isinstance(table, ScoreTable) else np.zeros((2, 1))
    )
    if not isinstance(table, ScoreTable) or not labelled.sum():
        raise DataError(
            f"The reference has no known outcome in `{cases.outcome}`: scores cannot be "
            "calibrated. Give a reference whose outcomes are known."
        )
    total = table.score[0].sum(axis=0)
    seen = np.maximum(table.n[0].sum(axis=0), 1)
    n = labelled.sum(axis=0)
    # Labelled cases stand for all cases of their cell: that is what calibration assumes anyway.
    calibrator = counted_calibrator(cases.axis.edges, n, labelled[1], total * n / seen)
    profiles = tuple(_forecast(one, calibrator) for one in windows)
    return Watched((), cases.valuation, calibrator, Reference(grid, profiles))


def measured_window(
    name: str, window: Profile, reference: Reference, watched: Watched | None, *, valued: bool
) -> FileWindow:
    """Measure one window; `valued` says whether payoffs were given."""
    found = FileWindow(name, window.n, drift(reference, window), quality(reference, window))
    if watched is None or not isinstance(window.scores, ScoreTable):
        return found
    table = _forecast(window, watched.forecaster).scores
    assert isinstance(table, ScoreTable)  # noqa: S101 - it was one before
    told = bool(table.labelled.any())
    before = performance_before_labels(table, watched)
    after = performance_after_labels(table, watched) if told else _NONE
    value = _valued(table, watched) if valued else _NONE
    return replace(found, before=before, after=after, value=value)


def _valued(table: ScoreTable, watched: Watched) -> Estimates:
    priced = pricing(watched, table)
    if priced.reread or not table.n.any():
        return {}
    found = {"expected": expected_value(table, priced).uplift}
    if _all_told(table) and int(table.n.sum()) >= _MANY:
        return {**found, "realised": _told_uplift(table, priced)}
    realised = realised_value(table, priced, seed=0)
    return found if realised is None else {**found, "realised": realised.uplift}


def _all_told(table: ScoreTable) -> bool:
    return int(table.labelled.sum()) == int(table.n.sum())


def _told_uplift(table: ScoreTable, priced: Pricing) -> Estimate:
    """Return the uplift of cases that all have their outcome: mean and variance are exact.

    Many cases need no resampling: the central limit theorem holds, and the table has their sums and
    sums of squares, also where payoffs vary from case to case.
    """
    n = int(table.n.sum())
    total = squared = 0.0
    for outcome in range(table.outcomes):
        moments = counted_moments(
            table.labelled[outcome, 0],
            table.labelled_sums[outcome, :, 0],
            table.labelled_products[outcome, :, 0],
        )
        gain = priced.gain[:, None, outcome]
        total += float(moments.total(gain).sum())
        squared += float(moments.squared(gain).sum())
    mean = total / n
    reach = _Z * np.sqrt(max(squared / n - mean**2, 0.0) / n)
    method = "mean of known outcomes, central limit theorem"
    return Estimate(mean, mean - reach, mean + reach, n, method, priced.unit)


def _forecast(profile: Profile, calibrator: Any) -> Profile:
    table = profile.scores
    assert isinstance(table, ScoreTable)  # noqa: S101 - all windows of a file have one
    assert isinstance(calibrator, Calibrator)  # noqa: S101 - so it was learned
    return replace(profile, scores=with_chances(table, calibrator))


def _all(estimates: Estimates) -> dict[str, Any]:
    return {
        name: {
            "mean": one.mean,
            "low": one.low,
            "high": one.high,
            "n": one.n,
            "unit": one.unit,
            "method": one.method,
        }
        for name, one in estimates.items()
    }
