"""The evaluation of a model on test rows: value first, statistics beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.build.business import business_of
from assay.build.capacity import beyond_capacity, capacity_checks
from assay.build.change import Change, change_since_training
from assay.build.importance import importance
from assay.build.plain import plain
from assay.build.segments import segments_of
from assay.build.shares import shares_of
from assay.build.statistics import curves_of, statistics_of
from assay.build.tested import Tested
from assay.charter.charter import Charter
from assay.evidence.evidence import Check
from assay.stats.estimate import Estimate
from assay.value.assessment import Assessment, assess
from assay.value.marking import marked_assessment

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """What was found: checks against the charter's acceptance, numbers, and plain words."""

    assessment: Assessment
    checks: tuple[Check, ...]
    content: Mapping[str, Any]
    words: tuple[str, ...]


def evaluate(tested: Tested, seed: int) -> Evaluation:
    """Measure a model's value on test rows with everything that pages show of it."""
    charter, cases, valued = tested.charter, tested.cases, tested.made.valuation
    assessment = assess(
        valued,
        cases.forecast,
        cases.outcomes,
        cases.columns,
        charter.value.decisions_per_month,
        seed,
        tested.clusters,
    )
    shares = shares_of(tested, assessment, seed)
    assessment = marked_assessment(shares.identified.evaluation, assessment)
    statistics = statistics_of(cases, tested.raw)
    change = change_since_training(tested)
    business = business_of(tested, assessment, statistics, seed)
    limits = capacity_checks(cases)
    about = (*beyond_capacity(limits), *_about_value(assessment, tested))
    words = (*tested.words, *about, *change.words, *business.words)
    words = (*words, *shares.words)
    content = {
        "measured_on": {"part": tested.part, "rows": len(cases)},
        "words": words,
        "assessment": assessment.document(),
        "statistics": statistics,
        **curves_of(cases, tested.raw),
        **business.content,
        "decisions": _decided(tested, assessment),
        "segments": segments_of(cases, seed, tested.clusters),
        "importance": {
            name: worth.document()
            for name, worth in importance(
                cases, tested.made.features, seed, tested.clusters
            ).items()
        },
        "change_since_training": _changes(change),
        "shares": shares.document(),
        "search": tested.made.history,
    }
    checks = _acceptance(charter, assessment, statistics) + limits
    return Evaluation(assessment, checks, plain(content), words)


def _decided(tested: Tested, assessment: Assessment) -> dict[str, Any]:
    """Return how many cases get each action, by the policy and by each baseline; no amounts."""
    cases, valued = tested.cases, tested.cases.valuation
    if not valued.actions:
        return {}

    def counted(codes: NDArray[Any]) -> dict[str, int]:
        counts = np.bincount(codes, minlength=len(valued.actions)).tolist()
        return dict(zip(valued.actions, counts, strict=True))

    return {
        "policy": dict(assessment.decisions),
        "baselines": {
            name: counted(valued.baseline(cases.columns, len(cases), name))
            for name in valued.baseline_names
        },
    }


def _changes(change: Change) -> dict[str, Any]:
    return {
        "outcome": {"training": change.trained_outcome, "test": change.tested_outcome},
        "features": dict(change.features),
    }


def _about_value(assessment: Assessment, tested: Tested) -> tuple[str, ...]:
    """Return what a reader must not miss about the value measured."""
    uplift, currency = assessment.uplift_per_decision, tested.made.valuation.currency
    words = []
    if uplift.high < 0:
        words.append(
            f"On the test rows the model loses against the baseline {assessment.baseline}: "
            f"{uplift}. Do not release it."
        )
    elif uplift.low <= 0:
        words.append(
            f"The test rows do not show that the model beats the baseline {assessment.baseline}: "
            f"{uplift}."
        )
    promised, came = assessment.expected, assessment.value
    if not came.low <= promised <= came.high:
        words.append(
            f"Forecasts promised {promised:.4g} {currency} per decision and {came} came: the "
            "forecasts do not hold on the test rows."
        )
    return tuple(words)


def _acceptance(
    charter: Charter, assessment: Assessment, statistics: Mapping[str, float]
) -> tuple[Check, ...]:
    uplift: dict[str, Estimate] = {
        "uplift_per_decision": assessment.uplift_per_decision,
        "uplift_per_month": assessment.uplift_per_month,
    }
    checks = []
    for name, limit in charter.acceptance.items():
        estimate = uplift.get(name)
        measured = statistics.get(name) if estimate is None else estimate.low
        finite = measured is not None and bool(np.isfinite(measured))
        note = "" if estimate is None else f"Judged on the low end of {estimate}."
        checks.append(
            Check(
                name=name,
                passed=finite and measured is not None and limit.holds(measured),
                measured=measured if finite else None,
                limit=str(limit),
                note=note if finite else f"{name} could not be measured on the test rows.",
            )
        )
    return tuple(checks)
