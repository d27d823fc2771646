"""A staged version that fails requests which nobody owns up to is not surely within its limit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from tests.lifecycle.release_world import FRIDAY, World, make_charter

from assay.charter.release import ReleaseGuardrail
from assay.deploy.guardrail_condition import GuardrailEvidence
from assay.lifecycle.guardrail_cases import Spoken, condition_of, said_in_stages

LIMIT = ReleaseGuardrail.model_validate({"metric": "errors", "limit": 0.05})


def said(**failure: Any) -> Spoken:
    """What 1,000 answers of the new version say, and 1,000 failures beside them."""
    world = World(make_charter("staged"))
    version = world.register()
    world.sign(version)
    state = world.release(version)
    records, failures = [], []
    for number in range(2000):
        at = (FRIDAY + timedelta(seconds=number + 1)).isoformat()
        shared: dict[str, Any] = {"at": at, "model": "bank", "inputs": {}, "revision": 1}
        if number % 2:
            failures.append({**shared, "failed": True, "status": 500, **failure})
        else:
            answer = {"version": version, "arm": "champion", "weight": 0.0, "decision": "call"}
            records.append({**shared, "id": f"x{number}/0", "entity": None, **answer})
    return said_in_stages(LIMIT, records, failures, state)


def evidence(spoken: Spoken) -> GuardrailEvidence:
    return GuardrailEvidence.start(condition_of(LIMIT), ()).after(spoken.said)


@pytest.mark.parametrize("failure", [{}, {"arm": "champion"}, {"version": None, "status": 503}])
def test_failures_of_nobody_are_not_known(failure: dict[str, Any]) -> None:
    spoken = said(**failure)
    assert len(spoken.times) == 2000
    found = evidence(spoken)
    assert not found.holds(0.05)
    assert not found.fails(0.05)  # nor surely its own fault


def test_failures_of_the_version_count_and_those_of_others_or_of_callers_do_not() -> None:
    assert evidence(said(version=1)).fails(0.05)
    for failure in ({"version": 7}, {"status": 422}):
        spoken = said(**failure)
        assert len(spoken.times) == 1000
        assert evidence(spoken).holds(0.05)


def test_answers_whose_captures_were_lost_are_no_failures() -> None:
    spoken = said(capture_lost=2, status=None)
    assert len(spoken.times) == 1000
    assert evidence(spoken).holds(0.05)


def test_times_of_all_are_in_order() -> None:
    times = np.array([one.timestamp() for one in said().times])
    assert (np.diff(times) > 0).all()
