"""A rollout that is stored and read back goes on as if it had never stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.deploy.batch import Batch
from assay.deploy.guardrail_condition import GuardrailCondition
from assay.deploy.rollout import decide
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.rollout_state import RolloutState
from assay.errors import DataError

ERRORS = GuardrailCondition("errors", 0.1)
PLAN = RolloutPlan(
    "EUR", (-1.0, 9.0), tolerance=0.4, most_units=900, shares=(0.1, 0.5), conditions=(ERRORS,)
)


def _batch(seed: int, worth: float) -> Batch:
    """A batch under either share, a third of whose payoffs is not known."""
    rng = np.random.default_rng(seed)
    share = PLAN.shares[seed % 2]
    n = int(rng.integers(1, 120))
    arm = rng.random(n) < share
    paid = np.where(arm, rng.choice([-1.0, worth, 9.0], n), rng.normal(0, 0.2, n))
    paid = np.where(rng.random(n) < 0.3, np.nan, paid)
    said = {"errors": ERRORS.alone(rng.random(int(arm.sum())) < 0.05)}
    return Batch.split(PLAN.arms, paid, arm, share, said=said)


@settings(max_examples=15, deadline=None)
@given(
    seeds=st.lists(st.integers(0, 10_000), min_size=1, max_size=14),
    worth=st.sampled_from([-1.0, 0.0, 2.0, 9.0]),
    stops=st.sets(st.integers(0, 13)),
)
def test_decisions_go_on_from_a_document_as_if_never_stopped(
    seeds: list[int], worth: float, stops: set[int]
) -> None:
    through = stored = RolloutState.start(PLAN)
    for place, seed in enumerate(seeds):
        if place in stops:
            text = json.dumps(stored.document(), allow_nan=False)
            stored = RolloutState.from_document(json.loads(text))
        one, other = decide(through, _batch(seed, worth)), decide(stored, _batch(seed, worth))
        assert (one.verdict, one.reason) == (other.verdict, other.reason)
        through, stored = one.state, other.state
    assert through.document() == stored.document()
    assert through.difference() == stored.difference()


def test_a_plan_comes_back_whole() -> None:
    for plan in (
        PLAN,
        replace(PLAN, shares=(), conditions=(), against="baseline", margin=1.0, centre=1.5),
    ):
        assert RolloutPlan.from_document(json.loads(json.dumps(plan.document()))) == plan


def test_a_state_of_the_format_before_goes_on_with_payoffs_counted_from_0() -> None:
    state = RolloutState.start(PLAN).after(_batch(3, 2.0))
    document = {**state.document(), "format": 1}
    document["plan"] = {name: one for name, one in document["plan"].items() if name != "centre"}
    old = RolloutState.from_document(json.loads(json.dumps(document)))
    assert old.plan.centre == 0
    assert decide(old, _batch(5, 2.0)).state.document() == state.after(_batch(5, 2.0)).document()


@pytest.mark.parametrize("changed", [{"format": 4}, {"format": None}])
def test_a_format_that_is_not_known_is_refused(changed: dict[str, Any]) -> None:
    document = {**RolloutState.start(PLAN).document(), **changed}
    with pytest.raises(DataError, match="reads formats 1 to 3"):
        RolloutState.from_document(document)
