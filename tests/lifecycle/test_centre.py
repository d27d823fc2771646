"""From where a canary counts its payoffs: evidence of before its start, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.charter.charter import Charter
from assay.errors import StoreError
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
from assay.lifecycle.canary import decide_canary, decide_running
from assay.lifecycle.canary_units import units_of
from assay.lifecycle.centre import payoff_centre
from assay.lifecycle.planned_release import planned_release
from assay.lifecycle.posting import Served
from assay.lifecycle.running_release import RunningRelease
from assay.stats.estimate import Estimate

from .conftest import charter

START = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = START + 30 * DAY


def _given(**release: Any) -> Charter:
    """Calls that pay 12 or 8, and skipping them 10."""
    value = {"actions": {"call": {"yes": 12, "no": 8}, "skip": 10}}
    release = {"strategy": "canary", "steps": [0.5], "loss_budget_per_year": 36_000, **release}
    data = {"entity": "client", "label_delay": "1 row"}
    return charter(value=value, release=release, data=data)


def _evaluation(value: float, baseline: float) -> Evidence:
    def one(mean: float) -> dict[str, Any]:
        return Estimate(mean, mean - 0.1, mean + 0.1, 900, "bootstrap", "EUR").document()

    assessment = {
        "value": one(value),
        "uplift_per_decision": one(value - baseline),
        "baselines": {"nobody": one(baseline), "everybody": one(8.5)},
        "baseline": "nobody",
    }
    return Evidence("evaluation", "b", {}, {}, content={"assessment": assessment})


def _known(
    *found: tuple[int, datetime, float, float], kept: bool = True
) -> tuple[ModelState, MemoryBlobs]:
    """Versions with what evaluations of (version, recorded at, value, baseline) showed."""
    blobs, versions = MemoryBlobs(), dict[int, VersionState]()
    for number, at, value, baseline in found:
        evidence = _evaluation(value, baseline)
        if kept:
            blobs.put(evidence.bytes)
        before = versions.get(number, VersionState("calls", number, bundle=f"b{number}"))
        recorded = Recorded(evidence.digest, "evaluation", passed=True, at=at)
        versions[number] = replace(before, evidence=(*before.evidence, recorded))
    return ModelState("calls", versions), blobs


def _state(champion: int | None, *, running: bool = True) -> ReleaseState:
    return ReleaseState(
        "calls",
        champion=None if champion is None else Live(champion, "b"),
        challenger=Live(2, "b2") if running else None,
        weight=0.5,
        history=(ReleaseStep("started", 2, 0.5, "", START, "canary"),),
    )


BEFORE = (1, START - 9 * DAY, 10.4, 10.0), (2, START - DAY, 10.9, 10.1)


def test_it_is_the_champion_s_value_or_the_baseline_s_by_the_challenger_s_evaluation() -> None:
    known = _known(*BEFORE)
    assert payoff_centre(_given(), _state(1), *known, 2, LATER) == pytest.approx(10.4)
    assert payoff_centre(_given(), _state(None), *known, 2, LATER) == pytest.approx(10.1)


def test_it_is_that_of_a_unit_and_within_its_bounds() -> None:
    unit = {"horizon": "30 days", "most": 4, "usual": 2.5}
    known = _known(*BEFORE)
    assert payoff_centre(_given(unit=unit), _state(1), *known, 2, LATER) == pytest.approx(26)
    outside = _known((1, START, 13.0, 10.0))
    assert payoff_centre(_given(), _state(1), *outside, 2, LATER) == 12


def test_looking_again_gives_the_same_number_whatever_was_evaluated_since() -> None:
    since = *BEFORE, (1, START + DAY, 11.7, 9.0), (2, START + 2 * DAY, 9.0, 9.0)
    for state, centre in ((_state(1), 10.4), (_state(None), 10.1)):
        looks = {
            payoff_centre(_given(), state, *_known(*seen), 2, START + day * DAY)
            for seen in (BEFORE, since)
            for day in (0, 3, 300)
        }
        assert looks == {centre}
    fresh = payoff_centre(_given(), _state(1, running=False), *_known(*since), 2, LATER)
    assert fresh == pytest.approx(11.7), "one that would be started now"


def test_without_evidence_it_is_0_and_lost_evidence_is_told() -> None:
    for known in (_known(), _known((1, START + DAY, 11.0, 10.0))):
        assert payoff_centre(_given(), _state(1), *known, 2, LATER) == 0
    lost = _known(*BEFORE, kept=False)
    with pytest.raises(StoreError):
        payoff_centre(_given(), _state(1), *lost, 2, LATER)


def _served(yes: float, n: int = 3000) -> Served:
    """Clients of whom the challenger calls each, and the champion none."""
    rng = np.random.default_rng(61)
    tried, pays = rng.random(n) < 0.5, np.where(rng.random(n) < yes, 12.0, 8.0)
    records = [
        {
            "id": f"a/{place}",
            "entity": f"client-{place}",
            "at": (START + timedelta(seconds=place)).isoformat(),
            "arm": "challenger" if on else "champion",
        }
        for place, on in enumerate(tried.tolist())
    ]
    return Served(records, [None] * n, np.where(tried, pays, 10.0))


def test_a_canary_is_decided_as_it_was_planned_and_sooner_than_from_0() -> None:
    given, state, known, served = _given(), _state(1), _known(*BEFORE), _served(0.72)
    decision = decide_running(RunningRelease(given, state, *known, served, LATER))
    planned = planned_release(given, state, *known, 2, LATER)
    assert decision is not None
    assert decision.verdict == "promote"
    assert decision.state.plan == planned.rollout
    assert planned.rollout.centre == pytest.approx(10.4)
    assert "counted from 10.4 EUR per unit, what the champion paid" in planned.words[1]
    from_0 = decide_canary(rollout_plan(given, state, LATER), units_of(served, state, given, LATER))
    assert from_0 is not None
    assert from_0.verdict == "hold", "3,000 units are not enough for it"
    bare = planned_release(given, state, *_without_centre(known), 2, LATER)
    assert bare.best.units.expected > 5 * planned.best.units.expected


def _without_centre(known: tuple[ModelState, MemoryBlobs]) -> tuple[ModelState, MemoryBlobs]:
    """Return the same evidence as if it had been recorded after the start."""
    late = {
        number: replace(one, evidence=tuple(replace(each, at=LATER) for each in one.evidence))
        for number, one in known[0].versions.items()
    }
    return replace(known[0], versions=late), known[1]


def test_units_assigned_under_a_share_that_the_charter_no_longer_names_still_count() -> None:
    plan = rollout_plan(_given(steps=[0.2]), _state(1), LATER, 10.4)
    assert plan.shares == (0.2, 0.5)
    units = units_of(_served(0.72), _state(1), _given(steps=[0.2]), LATER)
    assert decide_canary(plan, units) is not None
    idle = rollout_plan(_given(steps=[0.2]), _state(1, running=False), LATER)
    assert idle.shares == (0.2,)
