"""What each feature is worth to the decisions, in currency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.guardrails.plugin import Cases
from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.estimate import Estimate

__all__ = ["importance"]

_ROWS = 4000


def importance(
    cases: Cases, features: Sequence[str], seed: int, clusters: Clusters | None = None
) -> dict[str, Estimate]:
    """Return what decisions lose per decision when a feature's values are shuffled among cases.

    Permutation importance (Breiman, Random forests, Machine Learning 45, 2001), measured in the
    charter's currency; at most 4,000 cases, drawn at random. A feature that stands in for
    another shows little alone. Interval: BCa bootstrap over cases, or whole `clusters` of them, the
    shuffle held fixed.
    """
    random = np.random.default_rng(seed)
    if len(cases) > _ROWS:
        chosen = np.zeros(len(cases), dtype=bool)
        chosen[random.choice(len(cases), _ROWS, replace=False)] = True
        cases = cases.where(chosen)
        clusters = None if clusters is None else clusters.at(chosen)
    before = cases.uplift()
    unit = f"{cases.valuation.currency} per decision"
    worth = {}
    for name in features:
        shuffled = {**cases.columns, name: random.permutation(cases.columns[name])}
        decisions = cases.valuation.decide(cases.again(shuffled), cases.columns)
        lost = before - cases.uplift(decisions)
        worth[name] = clustered_mean(lost, clusters, seed=seed, unit=unit)
    return dict(sorted(worth.items(), key=lambda item: -item[1].mean))
