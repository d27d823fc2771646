"""Performance and value of a large table's windows, from their score tables alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.errors import DataError
from assay.monitor.file_cases import FileCases, with_chances
from assay.monitor.file_report import Estimates, FileWindow
from assay.monitor.performance import performance_after_labels, performance_before_labels
from assay.monitor.pricing import pricing
from assay.monitor.table_value import expected_value, realised_value
from assay.monitor.watched import Watched
from assay.stats.calibration import Calibrator
from assay.stats.counted_calibration import counted_calibrator
from assay.stats.grid import Grid
from assay.stats.profile import Profile, merge_all
from assay.stats.reference import Reference
from assay.stats.score_table import ScoreTable

__all__ = ["value_in_doubt", "watched_file", "with_scores"]

_WORTH_A_WORD = 0.05
"""Share of the value by which expected and realised value differ at least to be spoken of."""

_MANY = 1000
"""Cases from which on an interval is taken from its expansion, without resampling."""


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


def with_scores(
    found: FileWindow, window: Profile, watched: Watched, *, valued: bool
) -> FileWindow:
    """Return a window with performance and, where payoffs were given (`valued`), its value."""
    table = _forecast(window, watched.forecaster).scores
    assert isinstance(table, ScoreTable)  # noqa: S101 - all windows of a file have one
    return replace(
        found,
        before=performance_before_labels(table, watched),
        after=performance_after_labels(table, watched) if table.labelled.any() else {},
        value=_valued(table, watched) if valued else {},
    )


def value_in_doubt(watched: Watched) -> tuple[str, ...]:
    """Say where value before labels cannot be trusted: the reference's own labels contradict it.

    On the cases that chances were learned from, expected and realised value are the same but for
    what amounts and outcomes do together within a score cell. An amount known only afterwards (0
    where nobody bought) does so most of all: the outcome then counts twice. Said where the 95 %
    intervals are apart, and by enough to matter.
    """
    table = merge_all(watched.reference.windows).scores
    assert isinstance(table, ScoreTable)  # noqa: S101 - all windows of a file have one
    found = _valued(table, watched)
    expected, realised = found.get("expected"), found.get("realised")
    if expected is None or realised is None:
        return ()
    apart = max(expected.low - realised.high, realised.low - expected.high)
    far = abs(expected.mean - realised.mean)
    if apart <= 0 or far < _WORTH_A_WORD * max(abs(expected.mean), abs(realised.mean)):
        return ()
    paying = ", ".join(f"`{name}`" for name in sorted(watched.valuation.columns))
    said = (
        f"Do not trust value before labels here: on the reference itself it is {expected!r}, and "
        f"{realised!r} after labels; {paying} must be known before the decision, and may hold what "
        "was known only afterwards (0 where nobody bought), or go together with the outcome at "
        "equal scores."
    )
    return (said,)


def _valued(table: ScoreTable, watched: Watched) -> Estimates:
    priced = pricing(watched, table)
    if priced.reread or not table.n.any():
        return {}
    found = {"expected": expected_value(table, priced).uplift}
    resamples = 0 if int(table.n.sum()) >= _MANY else 2000
    realised = realised_value(table, priced, seed=0, resamples=resamples)
    return found if realised is None else {**found, "realised": realised.uplift}


def _forecast(profile: Profile, calibrator: Any) -> Profile:
    table = profile.scores
    assert isinstance(table, ScoreTable)  # noqa: S101 - all windows of a file have one
    assert isinstance(calibrator, Calibrator)  # noqa: S101 - so it was learned
    return replace(profile, scores=with_chances(table, calibrator))
