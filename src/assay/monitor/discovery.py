"""What counts as drift where many models are swept at once: one error rate for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.monitor.creep import Creep
from assay.monitor.drift import Drift, as_moved, questions
from assay.stats.multiple_testing import benjamini_hochberg, e_benjamini_hochberg

__all__ = ["Discovered", "discovered", "discovered_creep"]


@dataclass(frozen=True)
class Discovered:
    """A feature of a model that counts as drifting in this sweep, with the evidence for it."""

    model: str
    feature: str
    evidence: float


def discovered(
    drifts: Mapping[str, Drift], *, rate: float = 0.05, least_effect: float = 0.05
) -> dict[str, Drift]:
    """Judge the drift of many models' windows together, so that a sweep's alarms can be believed.

    Of all features named over all models, at most `rate` are false on average: (weighted)
    Benjamini-Hochberg over every question asked of every feature of every model, for one window of
    each. A model on its own keeps its own rate in `drift`; of five hundred models some twenty-five
    would cry wolf in every sweep. Models that were not judged come back as they are.

    >>> from assay.monitor.feature_drift import Aspect, FeatureDrift
    >>> one = lambda p: Drift({"x": FeatureDrift("x", "number", 9, 0.1, {}, (
    ...     Aspect("values", p, 0.3, "mean 3, 1 before"),))}, judged=True)
    >>> found = discovered({"a": one(0.04), "b": one(1e-6), "c": one(0.5)})
    >>> [name for name, drift in found.items() if drift.moved]
    ['b']
    """
    judged = {name: one for name, one in drifts.items() if one.judged}
    asked = [(name, *question) for name, one in judged.items() for question in questions(one)]
    if not asked:
        return dict(drifts)
    weights = np.array([weight for *_, weight in asked])
    p_values = np.array([aspect.p for _, _, aspect, _ in asked])
    surprising = benjamini_hochberg(p_values * weights.mean() / weights, rate)
    kept: dict[str, set[tuple[str, str]]] = {name: set() for name in judged}
    for (name, feature, aspect, _), is_surprising in zip(asked, surprising, strict=True):
        if is_surprising:
            kept[name].add((feature, aspect.name))
    return {
        name: as_moved(one, kept[name], least_effect) if name in kept else one
        for name, one in drifts.items()
    }


def discovered_creep(creeps: Mapping[str, Creep], *, rate: float = 0.05) -> tuple[Discovered, ...]:
    """Judge the creep of many models together, whatever their dependence (e-BH), strongest first.

    An e-detector M after t windows has a mean of t at most where nothing changed, so that M / t is
    an e-value, and the mean of e-values over models' copies of one feature is one too. Stricter
    than each model's own alarm: for a sweep's report, not in place of it.

    >>> from assay.monitor.creep import CreepState
    >>> after = CreepState.start(("x: values",)).after(20)
    >>> found = discovered_creep({"a": Creep(0.0, {"x": 4e4, "y": 9.0}, (), after)})
    >>> [(one.model, one.feature, one.evidence) for one in found]
    [('a', 'x', 2000.0)]
    """
    known = [
        Discovered(model, feature, evidence / max(1, one.state.windows))
        for model, one in creeps.items()
        for feature, evidence in one.features.items()
    ]
    if not known:
        return ()
    believed = e_benjamini_hochberg(np.array([one.evidence for one in known]), rate)
    found = [one for one, is_believed in zip(known, believed, strict=True) if is_believed]
    return tuple(sorted(found, key=lambda one: (-one.evidence, one.model, one.feature)))
