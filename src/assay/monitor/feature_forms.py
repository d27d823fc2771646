"""The questions asked of each feature of a window, as squared distances from the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.stats.grid import CategoryAxis, NumberAxis
from assay.stats.quadratic_form import QuadraticForm, location_form, mix_form, share_form

__all__ = ["FeatureForms", "even_groups", "feature_forms"]

Ints = NDArray[np.int64]

_LEAST_EXPECTED = 5
_GROUPS = 10


@dataclass(frozen=True, eq=False)
class FeatureForms:
    """How far a feature's location (numbers only), mix and share of missing values lie off.

    `groups` are the group of each cell of numbers, None for categories.
    """

    location: QuadraticForm | None
    mix: QuadraticForm
    missing: QuadraticForm
    groups: Ints | None = None


def feature_forms(
    axis: NumberAxis | CategoryAxis, windows: Ints, pooled: Ints, counts: Ints
) -> FeatureForms:
    """Measure one feature of a window, given as `counts` (C,) with missing values last.

    `windows` (J, C) are the counts of the reference windows, `pooled` (C,) their sum. Numbers are
    compared by the location of their normal scores and by their mix over ten groups of about
    equal share, categories by their mix.
    """
    values, known, here = windows[:, :-1], pooled[:-1], counts[:-1]
    missing = share_form(*(_present_and_missing(one) for one in (windows, pooled, counts)))
    if isinstance(axis, CategoryAxis):
        return FeatureForms(None, mix_form(values, known, here), missing)
    typical = min(here.sum(), known.sum() / len(windows))
    groups = even_groups(known, float(typical))
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    grouped = (np.add.reduceat(one, starts, axis=-1) for one in (values, known, here))
    return FeatureForms(location_form(values, known, here), mix_form(*grouped), missing, groups)


def _present_and_missing(counts: Ints) -> Ints:
    return np.stack([counts[..., :-1].sum(axis=-1), counts[..., -1]], axis=-1)


def even_groups(pooled: Ints, typical: float) -> Ints:
    """Group neighbouring cells into at most ten groups of about equal share, numbered in order.

    Each has five expected cases at least in `typical` rows.

    >>> even_groups(np.full(20, 5), 1000.0).tolist()[:6]
    [0, 0, 1, 1, 2, 2]
    """
    if not pooled.sum():
        return np.zeros(len(pooled), dtype=np.int64)
    middle = (np.cumsum(pooled) - pooled / 2) / pooled.sum()
    rough = np.minimum((middle * _GROUPS).astype(np.int64), _GROUPS - 1)
    expected = np.bincount(rough, pooled, _GROUPS) / pooled.sum() * typical
    group, held, merged = 0, 0.0, np.zeros(_GROUPS, dtype=np.int64)
    for i, cases in enumerate(expected):
        if held >= _LEAST_EXPECTED and cases > 0:
            group, held = group + 1, 0.0
        merged[i] = group
        held += float(cases)
    if held < _LEAST_EXPECTED:
        merged[merged == group] = max(0, group - 1)
    return _renumbered(merged[rough])


def _renumbered(groups: Ints) -> Ints:
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)
