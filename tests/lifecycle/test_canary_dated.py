"""A change of payoffs that was agreed for a date moves nothing that a running canary looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.charter.charter import Charter
from assay.deploy.rollout import Decision
from assay.evidence.evidence import Evidence
from assay.evidence.states import (
    Live,
    ModelState,
    Recorded,
    ReleaseState,
    ReleaseStep,
    VersionState,
)
from assay.lifecycle.agreed_rollout import rollout_plan
from assay.lifecycle.canary import decide_running
from assay.lifecycle.charter_then import charter_of_release
from assay.lifecycle.loss_budget import loss_budget
from assay.lifecycle.payoffs import realised_payoffs
from assay.lifecycle.planned_release import planned_release
from assay.lifecycle.posting import Served
from assay.lifecycle.running_release import RunningRelease
from assay.stats.estimate import Estimate
from assay.value.valuation import valuation

from .conftest import charter

START = datetime(2026, 6, 1, 9, tzinfo=UTC)
CHANGE = datetime(2026, 6, 20, tzinfo=UTC)
BEFORE, AFTER = CHANGE - timedelta(days=2), CHANGE + timedelta(days=2)


def _given(zone: str = "UTC", **release: Any) -> Charter:
    """From the day of the change on a call costs 6 more: what was the better arm is the worse."""
    dearer = {"since": "2026-06-20", "actions": {"call": {"yes": 3, "no": -7}, "skip": 0}}
    return charter(
        value={"changes": [dearer]},
        release={"strategy": "canary", "steps": [0.5], **release},
        data={"entity": "client", "label_delay": "1 row", "revealed_by": []},
        monitoring={"time_zone": zone},
    )


def _state(start: datetime = START, *, running: bool = True) -> ReleaseState:
    return ReleaseState(
        "calls",
        champion=Live(1, "b1"),
        challenger=Live(2, "b2") if running else None,
        weight=0.5,
        history=(ReleaseStep("started", 2, 0.5, "", start, "canary"),),
    )


def _known() -> tuple[ModelState, MemoryBlobs]:
    """Both versions with evaluations from before the start."""
    blobs, versions = MemoryBlobs(), dict[int, VersionState]()
    for number, mean in ((1, 0.5), (2, 1.5)):
        found = {
            name: Estimate(value, value - 0.1, value + 0.1, 900, "bootstrap", "EUR").document()
            for name, value in (("value", mean), ("uplift_per_decision", mean), ("nobody", 0.0))
        }
        base = {"baselines": {"nobody": found["nobody"]}, "baseline": "nobody"}
        counts = {"decisions": {"call": 400, "skip": 500}, "n": 900}
        content = {"assessment": {**found, **base, **counts}}
        evidence = Evidence("evaluation", f"b{number}", {}, {}, content=content)
        blobs.put(evidence.bytes)
        at = START - timedelta(days=3)
        recorded = (Recorded(evidence.digest, "evaluation", passed=True, at=at),)
        versions[number] = VersionState("calls", number, bundle=f"b{number}", evidence=recorded)
    return ModelState("calls", versions), blobs


def _served(today: Charter, n: int) -> Served:
    """Clients of whom the challenger calls each and the champion none, paid by one day's charter.

    Three of ten say yes.
    """
    rng = np.random.default_rng(83)
    tried, says = rng.random(n) < 0.5, rng.random(n) < 0.3
    records: list[dict[str, Any]] = [
        {
            "id": f"a/{place}",
            "entity": f"client-{place}",
            "at": (START + timedelta(seconds=place)).isoformat(),
            "arm": "challenger" if on else "champion",
            "decision": "call" if on else "skip",
            "inputs": {},
        }
        for place, on in enumerate(tried.tolist())
    ]
    outcomes = ["yes" if yes else "no" for yes in says.tolist()]
    paid = realised_payoffs(valuation(today.value, today.data), records, outcomes)
    return Served(records, outcomes, paid)


def _look(given: Charter, at: datetime, n: int) -> Decision:
    """Look as the workspace does: with the charter of the day of looking."""
    today = given.on(at.date())
    decision = decide_running(RunningRelease(today, _state(), *_known(), _served(today, n), at))
    assert decision is not None
    return decision


@pytest.mark.parametrize("n", [250, 1050, 3050])
def test_the_same_looks_are_the_same_after_a_dated_change(n: int) -> None:
    given = _given()
    first, again = (_look(given, at, n) for at in (BEFORE, AFTER))
    assert again.state.document() == first.state.document()
    assert (again.verdict, again.reason) == (first.verdict, first.reason)
    assert again.state.plan.bounds == (-1.0, 9.0), "those of the start"
    # By hand: a call pays 10 * 0.3 - 1 above skipping, and -4 by the payoffs that came later.
    assert again.difference.low < 2 < again.difference.high
    assert again.difference.low > -4


def test_a_release_that_starts_on_the_day_has_the_new_payoffs_from_its_first_unit() -> None:
    given = _given()
    later = given.on(AFTER.date())
    plan = rollout_plan(later, _state(AFTER), AFTER)
    assert plan.bounds == (-7.0, 3.0)
    idle = rollout_plan(later, _state(running=False), AFTER)
    assert idle.bounds == (-7.0, 3.0), "one that would be started now"


def test_tolerance_budget_and_plan_are_those_of_the_start() -> None:
    """Of payoffs in a wider range the default budget would be larger."""
    wider = {"since": "2026-06-20", "actions": {"call": {"yes": 99, "no": -1}, "skip": 0}}
    given = charter(
        value={"changes": [wider]},
        release={"strategy": "canary", "steps": [0.5]},
        data={"revealed_by": []},
    )
    days = [given.on(at.date()) for at in (BEFORE, AFTER)]
    budgets = [loss_budget(one, _state(), AFTER) for one in days]
    assert budgets[0] == budgets[1]
    assert budgets[0].total == pytest.approx(0.01 * 10 * 12_000)
    plans = [planned_release(one, _state(), *_known(), 2, AFTER) for one in days]
    assert plans[0].document() == plans[1].document()
    assert plans[1].rollout.bounds == (-1.0, 9.0)
    fresh = loss_budget(days[1], _state(running=False), AFTER)
    assert fresh.total == pytest.approx(0.01 * 100 * 12_000)


@pytest.mark.parametrize(("zone", "best"), [("Europe/Athens", 3.0), ("Atlantic/Azores", 9.0)])
def test_the_day_of_the_start_is_that_of_the_charter_s_time_zone(zone: str, best: float) -> None:
    """Half past ten in the evening of the 19th, UTC, is the 20th in Athens."""
    given = _given(zone)
    then = charter_of_release(
        given.on(AFTER.date()), _state(datetime(2026, 6, 19, 22, 30, tzinfo=UTC))
    )
    assert valuation(then.value, then.data).bounds()[1] == best
    assert then.digest == given.digest, "what rests on it is not void"
