"""The questions asked of each feature of a window, as squared distances from the reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assay.stats.grid import CategoryAxis, NumberAxis
from assay.stats.quadratic_form import (
    MeanForms,
    MixForms,
    QuadraticForm,
    location_forms,
    mix_forms,
    share_forms,
)
from assay.stats.reference import Reference
from assay.stats.tally import Tally

__all__ = ["FeatureForms", "KnownFeature", "even_groups", "known_features"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Axis = NumberAxis | CategoryAxis

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


def known_features(reference: Reference) -> dict[str, KnownFeature]:
    """Return what is known of every feature that all windows of a reference have.

    It is worked out as it is asked for, and kept: many windows are compared at little cost.
    """
    axes, pooled = reference.grid.axes, reference.pooled.features
    return {
        name: KnownFeature(axes[name], windows, pooled[name])
        for name, windows in reference.counts.items()
    }


class KnownFeature:
    """What one feature's reference windows say, whatever they are compared with.

    `windows` (J, C) are their counts, missing values last, and `pooled` is their sum.
    """

    def __init__(self, axis: Axis, windows: Ints, pooled: Tally) -> None:
        self.axis = axis
        self.windows = windows
        self.pooled = pooled
        self._mixes: dict[bytes, MixForms] = {}

    def forms(self, counts: Ints) -> FeatureForms:
        """Measure the feature of a window, given as `counts` (C,) with missing values last.

        Numbers are compared by the location of their normal scores and by their mix over ten groups
        of about equal share, categories by their mix.
        """
        here = counts[:-1]
        missing = self._missing.form(_present_and_missing(counts))
        if isinstance(self.axis, CategoryAxis):
            return FeatureForms(None, self._mix(None).form(here), missing)
        typical = min(here.sum(), self._rows / len(self.windows))
        groups = self._cut.groups(float(typical))
        mix = self._mix(groups).form(_grouped(groups, here))
        return FeatureForms(self._location.form(here), mix, missing, groups)

    @cached_property
    def new(self) -> NDArray[np.bool_]:
        """Which cells (C - 1,) hold what was never seen: beyond the ends, or of another value."""
        seen = self.pooled.counts[:-1]
        new: NDArray[np.bool_] = seen == 0
        if isinstance(self.axis, NumberAxis) and len(used := np.flatnonzero(seen)):
            # Between two numbers that were seen lies nothing unheard of, whatever cells there are.
            cells = np.arange(len(seen))
            new = (cells < used[0]) | (cells > used[-1])
        return new

    @cached_property
    def alone(self) -> Floats:
        """Cases of each category that occurs in one reference window only."""
        seen = self.pooled.counts[:-1]
        once = (self.windows[:, :-1] == seen).any(axis=0) & (seen > 0)
        cases: Floats = seen[once].astype(np.float64)
        return cases

    @cached_property
    def _rows(self) -> int:
        return int(self.pooled.counts[:-1].sum())

    @cached_property
    def _location(self) -> MeanForms:
        return location_forms(self.windows[:, :-1], self.pooled.counts[:-1])

    @cached_property
    def _missing(self) -> MeanForms:
        known = (_present_and_missing(one) for one in (self.windows, self.pooled.counts))
        return share_forms(*known)

    @cached_property
    def _cut(self) -> _EvenGroups:
        return _EvenGroups(self.pooled.counts[:-1])

    def _mix(self, groups: Ints | None) -> MixForms:
        key = b"" if groups is None else groups.tobytes()
        if key not in self._mixes:
            both = self.windows[:, :-1], self.pooled.counts[:-1]
            self._mixes[key] = mix_forms(*(_grouped(groups, one) for one in both))
        return self._mixes[key]


def _grouped(groups: Ints | None, counts: Ints) -> Ints:
    if groups is None:
        return counts
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    found: Ints = np.add.reduceat(counts, starts, axis=-1)
    return found


def _present_and_missing(counts: Ints) -> Ints:
    return np.stack([counts[..., :-1].sum(axis=-1), counts[..., -1]], axis=-1)


def even_groups(pooled: Ints, typical: float) -> Ints:
    """Group neighbouring cells into at most ten groups of about equal share, numbered in order.

    Each has five expected cases at least in `typical` rows.

    >>> even_groups(np.full(20, 5), 1000.0).tolist()[:6]
    [0, 0, 1, 1, 2, 2]
    """
    return _EvenGroups(pooled).groups(typical)


class _EvenGroups:
    """Groups of cells by the rows of a window; the same array where they are the same groups."""

    def __init__(self, pooled: Ints) -> None:
        total = pooled.sum()
        middle = (np.cumsum(pooled) - pooled / 2) / max(total, 1)
        self._rough = np.minimum((middle * _GROUPS).astype(np.int64), _GROUPS - 1)
        self._shares = np.bincount(self._rough, pooled, _GROUPS) / max(total, 1)
        self._found: dict[tuple[int, ...], Ints] = {}

    def groups(self, typical: float) -> Ints:
        merged = self._merged(typical)
        if merged not in self._found:
            self._found[merged] = _renumbered(np.array(merged, dtype=np.int64)[self._rough])
        return self._found[merged]

    def _merged(self, typical: float) -> tuple[int, ...]:
        group, held, merged = 0, 0.0, [0] * _GROUPS
        for i, cases in enumerate((self._shares * typical).tolist()):
            if held >= _LEAST_EXPECTED and cases > 0:
                group, held = group + 1, 0.0
            merged[i] = group
            held += cases
        if held < _LEAST_EXPECTED:
            merged = [max(0, group - 1) if one == group else one for one in merged]
        return tuple(merged)


def _renumbered(groups: Ints) -> Ints:
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)
