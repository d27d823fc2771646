"""Which features of one window have moved away from the reference, all judged together."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.monitor.feature_drift import Aspect, FeatureDrift, Judged, compare
from assay.monitor.feature_forms import KnownFeature, known_features
from assay.stats.multiple_testing import benjamini_hochberg
from assay.stats.overdispersion import Movement, movements
from assay.stats.profile import Profile
from assay.stats.reference import LEAST_WINDOWS, Reference

__all__ = ["LEAST_ROWS", "Drift", "as_moved", "drift", "questions", "too_little"]

LEAST_ROWS = 30
"""A window with fewer rows is not judged."""

_WEIGHTS = {"number": 1.0, "category": 0.5, "missing": 0.03, "unseen": 0.02}
"""Shares of the error rate (weighted Benjamini-Hochberg: Genovese, Roeder and Wasserman 2006,
Biometrika 93): of a number's and a category's values, of missing and of unseen ones. What is hard
to see gets most (Roeder and Wasserman 2009, Statistical Science 24): a shift of a number moves
one sum, while changes of the others show with tiny p-values or not at all."""


@dataclass(frozen=True)
class Drift:
    """Every feature of a window beside the reference; `judged` is False where history lacks.

    `note` says why nothing was judged, or is empty.
    """

    features: Mapping[str, FeatureDrift]
    judged: bool
    note: str = ""

    @property
    def moved(self) -> tuple[FeatureDrift, ...]:
        """The features that moved, the largest effect first."""
        found = [one for one in self.features.values() if one.moved]
        return tuple(sorted(found, key=lambda one: (-one.effect, one.feature)))

    def document(self) -> dict[str, Any]:
        """Return the comparison as a JSON document."""
        return {
            "judged": self.judged,
            "note": self.note,
            "features": [one.document() for one in self.features.values()],
        }


def drift(
    reference: Reference,
    window: Profile,
    *,
    rate: float = 0.05,
    least_effect: float = 0.05,
    known: Mapping[str, KnownFeature] | None = None,
) -> Drift:
    """Compare one window's profile with the reference windows, feature by feature.

    A feature has moved where its p-value survives (weighted) Benjamini-Hochberg at `rate` over all
    aspects of all features, and its effect reaches `least_effect` standard deviations. The null is
    the spread of the reference windows, so harmless movement raises no alarm; with fewer than ten
    of them nothing is judged, and `note` says so. Who compares many windows gives what is `known`
    of the reference (`known_features`), which is then worked out once.

    >>> from assay.stats.profile import profile
    >>> from assay.stats.reference import make_reference, read_reference
    >>> rng = np.random.default_rng(0)
    >>> reference = read_reference(make_reference({"rate": rng.normal(4, 1, 5000)}))
    >>> now = profile({"rate": rng.normal(1, 1, 1000)}, reference.grid)
    >>> [(one.feature, one.text) for one in drift(reference, now).moved]
    [('rate', 'mean 1.014, 3.995 before (-3.00 sd); 17.5% of values were never seen before')]
    """
    found = (known_features(reference) if reference.windows else {}) if known is None else known
    features = _compared(found, window)
    if not reference.enough:
        note = too_little(reference)
        return Drift(features, judged=False, note=note)
    if window.n < LEAST_ROWS:
        return Drift(features, judged=False, note=f"too few rows: {window.n}, {LEAST_ROWS} needed")
    return _judged(Drift(features, judged=True), rate, least_effect)


def too_little(reference: Reference) -> str:
    """Say that history is too short to judge a window by.

    >>> from assay.stats.grid import Grid
    >>> too_little(Reference(Grid({}), (), of="Monday"))
    'not enough history: 0 reference windows of Monday, 10 needed'
    """
    of = f" of {reference.of}" if reference.of else ""
    there = len(reference.windows)
    return f"not enough history: {there} reference windows{of}, {LEAST_WINDOWS} needed"


def _compared(known: Mapping[str, KnownFeature], window: Profile) -> dict[str, FeatureDrift]:
    """Measure every feature that both have, and judge how far they all lie off together."""
    names = [name for name in known if name in window.features]
    forms = [known[name].forms(window.features[name].counts) for name in names]
    placed = iter(movements([form.location for form in forms if form.location is not None]))
    mixed = movements([form.mix for form in forms])
    missed = movements([form.missing for form in forms])
    still = Movement(1.0, 0.0)
    return {
        name: compare(
            name,
            known[name],
            window.features[name],
            Judged(still if form.location is None else next(placed), mix, missing, form.groups),
        )
        for name, form, mix, missing in zip(names, forms, mixed, missed, strict=True)
    }


def questions(drift: Drift) -> list[tuple[str, Aspect, float]]:
    """Return every question asked: the feature, what was found, and its share of the error rate."""
    return [
        (name, aspect, _WEIGHTS[one.kind if aspect.name == "values" else aspect.name])
        for name, one in drift.features.items()
        for aspect in one.aspects
    ]


def as_moved(drift: Drift, surprising: Set[tuple[str, str]], least_effect: float) -> Drift:
    """Return the drift with those aspects as moved that surprise and have an effect worth a word.

    `surprising` holds (feature, aspect's name).
    """
    features = {
        name: replace(
            one,
            moved=tuple(
                aspect
                for aspect in one.aspects
                if (name, aspect.name) in surprising and aspect.effect >= least_effect
            ),
        )
        for name, one in drift.features.items()
    }
    return replace(drift, features=features)


def _judged(drift: Drift, rate: float, least_effect: float) -> Drift:
    asked = questions(drift)
    weights = np.array([weight for *_, weight in asked])
    p_values = np.array([aspect.p for _, aspect, _ in asked])
    if not asked:
        return drift
    surprising = benjamini_hochberg(p_values * weights.mean() / weights, rate)
    found = {
        (name, aspect.name)
        for (name, aspect, _), is_surprising in zip(asked, surprising, strict=True)
        if is_surprising
    }
    return as_moved(drift, found, least_effect)
