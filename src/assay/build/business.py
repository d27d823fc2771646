"""Whether a model pays, what that hangs on, and how good it must be, from its test rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from assay.build.dated_changes import changes_in_words, changes_made
from assay.build.retraining_cost import retraining_in_words, retrainings_per_month
from assay.build.tested import Tested
from assay.charter.charter import Charter
from assay.value.assessment import Assessment
from assay.value.break_even import break_even
from assay.value.break_even_error import break_even_error
from assay.value.business_case import business_case
from assay.value.classification import ClassificationValuation
from assay.value.curve import value_curve
from assay.value.payoff import Columns
from assay.value.threshold_cost import policy_threshold, threshold_cost
from assay.value.tornado import KnownCases, tornado
from assay.value.valuation import Valuation

__all__ = ["Business", "business_of"]

_NO_BREAK_EVEN = (
    "Break-even is not told: it is worked out for two outcomes only, and the charter values more."
)
_NO_THRESHOLD = (
    "`{action}` pays best whatever the outcome, on average: no threshold on the probability of "
    "`{outcome}` decides between actions, and none is drawn."
)
_HALF = 0.5


@dataclass(frozen=True)
class Business:
    """Parts of an evaluation's content by name, and what a reader must not miss about them."""

    content: Mapping[str, Any]
    words: tuple[str, ...]


def business_of(
    tested: Tested, assessment: Assessment, statistics: Mapping[str, float], seed: int
) -> Business:
    """Return the business case with its tornado, break-even, and value over thresholds."""
    charter, cases = tested.charter, tested.cases
    start = _first_day(tested)
    often = retrainings_per_month(charter)
    uplift = assessment.uplift_per_decision
    case = business_case(uplift, charter.value, retrainings_per_month=often, start=start, seed=seed)
    known = KnownCases(cases.valuation, cases.forecast, cases.outcomes, cases.columns)
    storm = tornado(uplift, charter.value, retrainings_per_month=often, start=start, cases=known)
    begins = None if start is None else start.isoformat()
    words = (*retraining_in_words(charter), *changes_in_words(charter, start))
    content = {
        "business_case": {
            **case.document(),
            "retrainings_per_month": often,
            "start": begins,
            "net_of": _net_of(charter, often),
            "words": list(words),
        },
        "changes_made": [f"{one.since:%Y-%m-%d}" for one in changes_made(charter)],
        "tornado": storm.document(),
        **_how_good(tested, statistics, start, seed),
        **_over_thresholds(tested, seed),
    }
    return Business(content, words)


def _net_of(charter: Charter, retrainings_per_month: float) -> list[str]:
    """Return in words what the net per month holds beside the uplift."""
    model = charter.value
    unsure = model.uncertainty
    held = {
        "running costs": True,
        "the cost of each decision": model.cost_per_decision or unsure.cost_per_decision,
        "retrainings": model.retraining_cost and retrainings_per_month,
        "the yearly decay of the uplift": (
            model.uplift_kept_per_year < 1 or unsure.uplift_kept_per_year
        ),
    }
    return [name for name, held_ in held.items() if held_]


def _how_good(
    tested: Tested, statistics: Mapping[str, float], start: date | None, seed: int
) -> dict[str, Any]:
    """Return the break-even: the least ROC AUC, or in regression the largest error."""
    cases, charter = tested.cases, tested.charter
    regression = cases.valuation.task == "regression"
    if len(cases.valuation.labels) > 2:
        return {"break_even": {"text": _NO_BREAK_EVEN}}
    if len(np.unique(cases.outcomes)) < 2:
        return {}
    solve = break_even_error if regression else break_even
    found = solve(
        cases.valuation,
        charter.value,
        cases.outcomes,
        cases.columns,
        seed=seed,
        floor_per_month=charter.monitoring.boundary.floor_per_month,
        retrainings_per_month=retrainings_per_month(charter),
        start=start,
    )
    measured = statistics.get("mae" if regression else "roc_auc")
    return {"break_even": {**found.document(), "measured": measured}}


def _over_thresholds(tested: Tested, seed: int) -> dict[str, Any]:
    """Return the value curve and what wrong thresholds cost, where a threshold can decide."""
    cases, valued = tested.cases, tested.cases.valuation
    several = len(valued.labels) > 2 and tested.charter.value.policy.kind != "threshold"
    alone = tested.clusters is not None and tested.clusters.count < 2
    if valued.task == "regression" or several or alone or len(np.unique(cases.outcomes)) < 2:
        return {}
    known = (valued, cases.forecast, cases.outcomes, cases.columns)
    acts = _acts(valued, cases.columns, len(cases))
    if acts["action"] == acts["otherwise"]:
        return {"no_threshold": _NO_THRESHOLD.format(**acts)}
    curve = value_curve(*known, seed, clusters=tested.clusters)
    volume = tested.charter.value.decisions_per_month
    own = policy_threshold(valued, cases.columns, len(cases))
    found = []
    if own != _HALF:
        found.append(threshold_cost(*known, volume, seed=seed, clusters=tested.clusters))
    if own is not None:
        found.append(
            threshold_cost(
                *known,
                volume,
                seed=seed,
                threshold=own,
                against="best",
                clusters=tested.clusters,
            )
        )
    return {
        "value_curve": {**curve.document(), **acts},
        "policy_threshold": own,
        "thresholds": [one.document() for one in found],
    }


def _acts(valued: Valuation, columns: Columns, n: int) -> dict[str, str]:
    """Return which action a threshold stands for, which one else, and on whose probability."""
    if not isinstance(valued, ClassificationValuation):
        raise TypeError("a threshold decides between actions only")
    act, rest = valued.alternatives(valued.payoffs(columns, n))
    names = valued.actions
    return {"action": names[act], "otherwise": names[rest], "outcome": valued.labels[-1]}


def _first_day(tested: Tested) -> date | None:
    """Return the day after the newest test row, on which the business case begins."""
    column = tested.charter.data.time
    if column is None or tested.frame[column].dtype not in (pl.Date, pl.Datetime):
        return None
    newest = tested.frame[column].max()
    return date(newest.year, newest.month, newest.day) + timedelta(days=1)  # type: ignore[union-attr]
