"""What is followed of each feature from window to window: means with a known spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from assay.stats.grid import CategoryAxis
from assay.stats.overdispersion import harmless_movements
from assay.stats.profile import Profile
from assay.stats.quadratic_form import QuadraticForm, normal_scores
from assay.stats.reference import Reference

__all__ = ["Stream", "streams_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CATEGORIES = 4
_LEAST_EXPECTED = 5


@dataclass(frozen=True, eq=False)
class Stream:
    """A mean of standardised scores of a feature's cells: 0 with variance 1 over the reference.

    `movement` is how much windows' means vary harmlessly beyond sampling noise (a variance),
    `error` the standard error of the reference's own mean.
    """

    feature: str
    what: str
    scores: Floats
    movement: float
    error: float

    @property
    def name(self) -> str:
        """The stream's name in stored states."""
        return f"{self.feature}: {self.what}"

    def shift(self, window: Profile) -> tuple[float, float]:
        """Return the window's mean (NaN where it has no value), and how many rows are behind it."""
        tally = window.features.get(self.feature)
        if tally is None:
            return np.nan, 0.0
        counts = tally.counts if self.what == "missing" else tally.counts[:-1]
        n = float(counts.sum())
        return (float(counts @ self.scores) / n, n) if n else (np.nan, 0.0)

    def spread(self, n: float) -> float:
        """Return the standard deviation of the mean of `n` rows."""
        return float(np.sqrt(1 / n + self.movement)) if n else np.nan


@lru_cache(maxsize=4)
def streams_of(reference: Reference) -> tuple[Stream, ...]:
    """Return what can be followed: of numbers their location, of categories their commonest values.

    Missing values are followed where windows hold five of them on average. How much each moves
    harmlessly is learned from all of one kind together.
    """
    found = []
    for kind in ("values", "category", "missing"):
        parts = [part for part in _parts(reference) if part[2] == kind]
        limits = harmless_movements([_form(windows, scores) for _, _, _, windows, scores in parts])
        for (feature, what, _, windows, scores), rho in zip(parts, limits.tolist(), strict=True):
            sizes = windows.sum(axis=1)
            total = float(sizes.sum())
            error = np.sqrt(1 / total + rho * float((sizes**2.0).sum()) / total**2)
            found.append(Stream(feature, what, scores, rho, float(error)))
    return tuple(found)


Part = tuple[str, str, str, Ints, Floats]


def _parts(reference: Reference) -> Iterator[Part]:
    """Yield feature, what is followed, its kind, the reference windows' counts and scores."""
    for feature, windows in reference.counts.items():
        pooled = windows.sum(axis=0)
        axis = reference.grid.axes[feature]
        values, known = windows[:, :-1], pooled[:-1]
        if isinstance(axis, CategoryAxis):
            for cell in _common(known, len(windows)):
                name = axis.values[cell] if cell < len(axis.values) else "other values"
                yield from _scored(feature, name, "category", values, _one(cell, len(known)))
        elif known.any():
            yield from _scored(feature, "values", "values", values, normal_scores(known))
        if pooled[-1] >= _LEAST_EXPECTED * len(windows):
            yield from _scored(
                feature, "missing", "missing", windows, _one(len(pooled) - 1, len(pooled))
            )


def _scored(feature: str, what: str, kind: str, windows: Ints, scores: Floats) -> Iterator[Part]:
    pooled = windows.sum(axis=0)
    law = pooled / pooled.sum()
    centred = scores - float(law @ scores)
    variance = float(law @ centred**2)
    if variance > 0:
        yield feature, what, kind, windows, centred / np.sqrt(variance)


def _common(known: Ints, windows: int) -> Sequence[int]:
    """Return the commonest cells, the others having five cases a window at least."""
    order = np.argsort(-known, kind="stable")[:_CATEGORIES]
    least = _LEAST_EXPECTED * windows
    # Of two values one says all.
    used = [int(cell) for cell in order if least <= known[cell] <= known.sum() - least]
    return used[:1] if (known > 0).sum() == 2 else used


def _one(cell: int, size: int) -> Floats:
    scores = np.zeros(size)
    scores[cell] = 1.0
    return scores


def _form(windows: Ints, scores: Floats) -> QuadraticForm:
    sizes = windows.sum(axis=1).astype(np.float64)
    means = windows @ scores / np.maximum(sizes, 1)
    return QuadraticForm(float(sizes @ means**2), sizes, 0.0, 1.0)
