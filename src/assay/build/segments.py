"""Value for each segment of each sensitive column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.guardrails.groups import LEAST_CASES
from assay.guardrails.plugin import Cases
from assay.stats.clusters import Clusters, clustered_mean

__all__ = ["segments_of"]


def segments_of(
    cases: Cases, seed: int, clusters: Clusters | None = None
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return column -> segment -> its cases, uplift per decision and what was decided.

    Intervals resample whole `clusters`. Segments of fewer than 30 cases are marked `small`: their
    numbers are mostly chance. So are those of cases that all hang together.
    """
    return {
        column: {
            str(name): _segment(cases, groups == name, clusters, seed) for name in _by_size(groups)
        }
        for column, groups in cases.sensitive.items()
    }


def _by_size(groups: np.ndarray[Any, Any]) -> list[str]:
    names, counts = np.unique(groups, return_counts=True)
    return [str(name) for name in names[np.argsort(-counts, kind="stable")]]


def _segment(
    everybody: Cases, inside: NDArray[np.bool_], clusters: Clusters | None, seed: int
) -> dict[str, Any]:
    unit, cases = f"{everybody.valuation.currency} per decision", everybody.where(inside)
    own = None if clusters is None else clusters.at(inside)
    described: dict[str, Any] = {
        "n": len(cases),
        "small": len(cases) < LEAST_CASES or (own is not None and own.count < 2),
        "uplift_per_decision": clustered_mean(cases.uplift(), own, seed=seed, unit=unit).document(),
    }
    if cases.valuation.task == "regression":
        mean = {"outcome": cases.outcomes.mean(), "decision": cases.decisions.mean()}
        return {**described, **{name: float(value) for name, value in mean.items()}}
    described["selection_rate"] = float(cases.selected().mean())
    labels = cases.valuation.labels
    if len(labels) > 2:
        came = np.bincount(cases.outcomes, minlength=len(labels)) / max(len(cases), 1)
        return {
            **described,
            "outcome_rates": dict(zip(labels, came.tolist(), strict=True)),
            "forecast_rates": dict(zip(labels, cases.forecast.mean(axis=0).tolist(), strict=True)),
        }
    return {
        **described,
        "positive_rate": float((cases.outcomes > 0).mean()),
        "forecast_rate": float(cases.forecast[:, -1].mean()),
    }
