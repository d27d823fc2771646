"""The state of one window's data, feature by feature: gaps, ranges, constants, strange values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.stats.grid import CategoryAxis, NumberAxis
from assay.stats.profile import Profile
from assay.stats.reference import Reference
from assay.stats.tally import Tally

__all__ = ["FeatureQuality", "quality"]


@dataclass(frozen=True)
class FeatureQuality:
    """What one feature holds in a window, beside the reference.

    `missing` and `missing_before` are shares of all rows; `unseen` is the share of present values
    that the reference never had: outside its range, or of another category. `least` and `most` are
    None for categories and where there is no value. `constant` says that one value is all there is,
    where the reference had more than one; categories never seen before share a cell, so that of a
    column full of them nothing is said.
    """

    feature: str
    missing: float
    missing_before: float
    unseen: float
    least: float | None
    most: float | None
    constant: bool

    @property
    def sound(self) -> bool:
        """Whether there is nothing to say: no constant, nothing strange, no new gaps."""
        return not (self.constant or self.unseen or (self.missing and not self.missing_before))

    def document(self) -> dict[str, Any]:
        """Return the measurement as a JSON document."""
        return {
            "feature": self.feature,
            "missing": self.missing,
            "missing_before": self.missing_before,
            "unseen": self.unseen,
            "least": self.least,
            "most": self.most,
            "constant": self.constant,
        }


def quality(reference: Reference, window: Profile) -> Mapping[str, FeatureQuality]:
    """Describe every feature of a window that the reference has too.

    >>> from assay.stats.profile import profile
    >>> from assay.stats.reference import make_reference, read_reference
    >>> reference = read_reference(make_reference({"age": np.arange(1000.0) % 60}))
    >>> found = quality(reference, profile({"age": np.array([99.0, 99.0, np.nan])}, reference.grid))
    >>> found["age"].constant, found["age"].unseen, round(found["age"].missing, 3)
    (True, 1.0, 0.333)
    """
    pooled = reference.pooled.features
    return {
        name: _of(name, axis, pooled[name], window.features[name])
        for name, axis in reference.grid.axes.items()
        if name in window.features and name in pooled
    }


def _of(name: str, axis: NumberAxis | CategoryAxis, before: Tally, tally: Tally) -> FeatureQuality:
    numbers = isinstance(axis, NumberAxis)
    if numbers:
        strange = int(tally.counts[0] + tally.counts[-2])
        known = int(before.counts[0] + before.counts[-2])
    else:
        strange, known = int(tally.counts[-2]), int(before.counts[-2])
    return FeatureQuality(
        feature=name,
        missing=_share(tally.nulls, tally.n + tally.nulls),
        missing_before=_share(before.nulls, before.n + before.nulls),
        unseen=0.0 if known else _share(strange, tally.n),
        least=tally.least if numbers and tally.n else None,
        most=tally.most if numbers and tally.n else None,
        constant=_constant(tally) and not _constant(before),
    )


def _constant(tally: Tally) -> bool:
    if not tally.n:
        return False
    if len(tally.sums):
        return tally.least == tally.most
    strangers = int(tally.counts[-2])
    return not strangers and int(np.count_nonzero(tally.counts[:-2])) == 1


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
