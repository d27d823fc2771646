"""A policy with a capacity says how it kept to it on test rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from assay.build.capacity import beyond_capacity, capacity_checks
from assay.charter.policy import TopK
from assay.guardrails.battery import sample_cases
from assay.guardrails.plugin import Cases
from assay.value.classification import ClassificationValuation


def cases_of(p: np.ndarray, k: int, of: int, learned: Any) -> Cases:
    cases = sample_cases("classification", len(p))
    valued = cases.valuation
    assert isinstance(valued, ClassificationValuation)
    policy = TopK(action="act", otherwise="rest", k=k, of=of)
    taught: ClassificationValuation = replace(valued, policy=policy)
    forecast = np.column_stack([1 - p, p])
    rival = np.column_stack([1 - learned, learned])
    taught = taught.tuned(rival, (learned > 0.5).astype(np.int64), {})
    decisions = taught.decide(forecast, cases.columns)
    return replace(cases, valuation=taught, forecast=forecast, decisions=decisions)


def test_other_policies_have_no_capacity() -> None:
    assert capacity_checks(sample_cases("classification", 20)) == ()
    assert capacity_checks(sample_cases("regression", 20)) == ()


def test_rows_like_those_that_taught_pass() -> None:
    rng = np.random.default_rng(0)
    (check,) = capacity_checks(cases_of(rng.random(2_000), 1, 10, rng.random(50_000)))
    assert check.passed
    assert check.severity == "warn"
    assert check.measured is not None
    assert abs(check.measured - 0.1) < 0.03
    assert check.limit.startswith("at most 0.1 (1 of 10)")


def test_higher_scores_than_those_that_taught_warn() -> None:
    rng = np.random.default_rng(0)
    (check,) = capacity_checks(cases_of(rng.random(2_000) ** 0.5, 1, 10, rng.random(50_000)))
    assert not check.passed
    assert check.severity == "block"
    assert "learned on other rows" in check.note
    (said,) = beyond_capacity([check])
    assert "where at most 0.1 (1 of 10) is agreed" in said
    wide = replace(check, limit="at most 0.15 (150 of 1,000), 0.16 by chance")
    assert "where at most 0.15 (150 of 1,000) is agreed" in beyond_capacity([wide])[0]


def test_ties_at_the_cut_get_no_place_and_the_note_says_so() -> None:
    tied = np.repeat([0.9, 0.3], [100, 900])
    (check,) = capacity_checks(cases_of(tied, 1, 100, tied))
    assert check.passed
    assert check.measured == 0
    assert "tie at the cut" in check.note
