"""Shadows decided on pairs, stages beside the control, and guardrails that await no outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.charter.charter import Charter
from assay.deploy.rollout import Decision
from assay.evidence.release_state import Live, ReleaseState, ReleaseStep
from assay.evidence.states import ModelState
from assay.lifecycle.agreed_rollout import rollout_plan
from assay.lifecycle.canary import decide_running
from assay.lifecycle.paired_payoffs import paired_differences
from assay.lifecycle.payoffs import realised_payoffs
from assay.lifecycle.posting import Served
from assay.lifecycle.running_release import RunningRelease
from assay.value.valuation import valuation

from .conftest import charter

START = datetime(2026, 4, 1, tzinfo=UTC)
END = START + timedelta(days=60)
LIMIT = {"metric": "latency", "limit": 0.05, "above_ms": 50}
FAIR = {"metric": "action", "limit": 0.7, "action": "call", "column": "group", "group": "a"}
_Strategy = Literal["canary", "shadow", "staged"]
Record = dict[str, Any]


def _charter(strategy: _Strategy, *, data: dict[str, Any] | None = None, **release: Any) -> Charter:
    stages = {"stages": [{"region": "north"}]} if strategy == "staged" else {}
    return charter(
        data={"entity": "client", "label_delay": "10 days", "revealed_by": [], **(data or {})},
        release={
            "strategy": strategy,
            "steps": [0.5],
            "loss_budget_per_year": 6000,
            **stages,
            **release,
        },
        monitoring={"window": "1 day"},
    )


def _state(strategy: _Strategy, weight: float = 0.0) -> ReleaseState:
    started = ReleaseStep("started", 2, weight, "", START, strategy, revision=5)
    return ReleaseState(
        "calls",
        champion=Live(1, "a"),
        challenger=Live(2, "b"),
        weight=weight,
        strategy=strategy,
        history=(started,),
        salt="s",
    )


def _record(number: int, arm: str, decision: str, **more: Any) -> Record:
    return {
        "id": f"r{number}/0",
        "at": (START + timedelta(minutes=number)).isoformat(),
        "model": "calls",
        "version": 2 if arm in {"challenger", "shadow"} else 1,
        "arm": arm,
        "entity": f"client-{number}",
        "decision": decision,
        "inputs": {"group": "a" if number % 2 else "b"},
        "latency_ms": 10.0,
        "revision": 6,
        "weight": 0.5 if arm == "challenger" else 0.0,
        "control_share": 0.0,
        **more,
    }


def _served(given: Charter, records: list[Record], outcomes: list[Any]) -> Served:
    valued = valuation(given.value, given.data)
    return Served(records, outcomes, realised_payoffs(valued, records, outcomes))


def _decide(
    given: Charter,
    state: ReleaseState,
    served: Served,
    now: datetime = END,
    **more: Any,
) -> Decision | None:
    known = ModelState("calls"), MemoryBlobs(), served, now
    return decide_running(RunningRelease(given, state, *known, **more))


def _shadow(
    seed: int, buys: float, lost: float = 0.0, n: int = 3000
) -> tuple[list[Record], list[Record], list[str]]:
    """The champion skips all; the shadow calls every second client; copies of some are lost."""
    rng = np.random.default_rng(seed)
    outcomes = np.where(rng.random(n) < buys, "yes", "no").tolist()
    taken = [_record(place, "champion", "skip") for place in range(n)]
    calls = rng.random(n) < 0.5
    copies = [
        _record(place, "shadow", "call" if calls[place] else "skip", shadow=True)
        for place in np.flatnonzero(rng.random(n) >= lost).tolist()
    ]
    return taken, copies, outcomes


@pytest.mark.parametrize(("buys", "verdict"), [(0.3, "promote"), (0.02, "roll_back")])
@pytest.mark.parametrize("lost", [0.0, 0.1])
def test_a_shadow_is_decided_on_pairs_and_dropped_copies_count_against_each_claim(
    buys: float, verdict: str, lost: float
) -> None:
    given, state = _charter("shadow"), _state("shadow")
    taken, copies, outcomes = _shadow(1, buys, lost)
    decision = _decide(given, state, _served(given, taken, outcomes), shadows=copies)
    assert decision is not None
    assert decision.verdict == verdict
    # By hand: half of the clients are called, and a call pays 10 buys - 1.
    assert decision.difference.low < 0.5 * (10 * buys - 1) < decision.difference.high
    assert ("lack a copy" in decision.reason) == (lost > 0)
    assert (decision.state.missing > 0) == (lost > 0)


def test_copies_that_were_dropped_where_the_challenger_is_bad_hide_nothing() -> None:
    """Copies of all who would not have bought are lost: leaving them out would promote."""
    given, state = _charter("shadow"), _state("shadow")
    taken, copies, outcomes = _shadow(2, 0.06)
    kept = [one for one in copies if outcomes[int(one["id"][1:-2])] == "yes"]
    decision = _decide(given, state, _served(given, taken, outcomes), shadows=kept)
    assert decision is not None
    assert decision.verdict != "promote"
    assert decision.state.missing > 0.9 * decision.state.n


def test_pairs_that_decided_alike_say_nothing_against_anybody_without_an_outcome() -> None:
    given, state = _charter("shadow", loss_budget_per_year=60_000), _state("shadow")
    taken = [_record(place, "champion", "call") for place in range(1200)]
    copies = [_record(place, "shadow", "call") for place in range(1200)]
    decision = _decide(given, state, _served(given, taken, [None] * 1200), shadows=copies)
    assert decision is not None
    assert decision.verdict == "promote"
    assert decision.difference.mean == 0.0


def test_rows_of_the_control_and_of_exploration_are_in_no_pair() -> None:
    given, state = _charter("shadow"), _state("shadow")
    taken, copies, outcomes = _shadow(3, 0.1, n=600)
    for place in range(0, 600, 3):
        taken[place]["explored"] = True
        taken[place + 1]["arm"] = "control"
    decision = _decide(given, state, _served(given, taken, outcomes), shadows=copies)
    assert decision is not None
    assert decision.state.n == 200


def test_a_share_of_copies_is_known_from_the_salt_so_that_a_dropped_one_is_missed() -> None:
    given, state = _charter("shadow", shadow_share=0.5), _state("shadow")
    taken, copies, outcomes = _shadow(4, 0.3, n=1000)
    decision = _decide(given, state, _served(given, taken, outcomes), shadows=copies[500:])
    assert decision is not None
    assert 400 <= decision.state.n <= 500
    assert 150 < decision.state.missing < 350


@pytest.mark.parametrize(
    ("data", "why"),
    [({"moved_by": ["call"]}, "`call` moves the outcome"), ({"revealed_by": ["call"]}, "hides")],
)
def test_where_actions_move_or_hide_outcomes_guardrails_alone_decide_a_shadow(
    data: dict[str, Any], why: str
) -> None:
    given, state = _charter("shadow", data=data, guardrails=[LIMIT, FAIR]), _state("shadow")
    taken, copies, outcomes = _shadow(5, 0.3, n=600)
    decision = _decide(
        given, state, _served(given, taken, outcomes), START + timedelta(days=1), shadows=copies
    )
    assert decision is not None
    assert decision.verdict == "promote"
    assert "guardrails alone decide" in decision.reason
    assert why in decision.reason
    assert list(decision.state.guardrails) == ["cases of group a without call in at most 0.7"]
    assert decision.state.plan.left_out == ("answers over 50 ms in at most 0.05",)
    assert decision.difference.low == -10
    assert decision.difference.high == 10, "nothing was learned of value"


def _canary(seed: int, slow: float, n: int = 1000) -> list[Record]:
    rng = np.random.default_rng(seed)
    arms = np.where(rng.random(n) < 0.5, "challenger", "champion").tolist()
    late = rng.random(n) < slow
    return [
        _record(
            place,
            arm,
            "skip",
            weight=0.5,
            latency_ms=80.0 if late[place] and arm == "challenger" else 10.0,
        )
        for place, arm in enumerate(arms)
    ]


def test_a_guardrail_rolls_back_long_before_the_first_outcome_can_come() -> None:
    given, state = _charter("canary", guardrails=[LIMIT]), _state("canary", 0.5)
    records = _canary(6, 0.4)
    soon = START + timedelta(hours=4)
    served = _served(given, records[:240], [None] * 240)
    decision = _decide(given, state, served, soon)
    assert decision is not None
    assert decision.verdict == "roll_back"
    assert decision.reason.startswith("surely beyond its limit: answers over 50 ms")
    assert decision.state.n == 0, "no unit has matured"
    again = _decide(given, state, _served(given, records, [None] * 1000))
    assert again is not None
    assert again.state.document() == decision.state.document(), "a later look repeats it"


def test_a_promotion_waits_for_value_though_guardrails_hold() -> None:
    given = _charter("canary", guardrails=[LIMIT], loss_budget_per_year=60_000)
    state, records = _state("canary", 0.5), _canary(7, 0.0)
    held = _decide(given, state, _served(given, records, [None] * 1000), START + timedelta(days=2))
    assert held is not None
    assert held.verdict == "hold"
    (found,) = held.state.guardrails.values()
    assert found.holds(0.05)
    decision = _decide(given, state, _served(given, records, ["no"] * 1000))
    assert decision is not None
    assert decision.verdict == "promote"


def test_one_entity_speaks_once_however_often_it_comes() -> None:
    given, state = _charter("canary", guardrails=[LIMIT]), _state("canary", 0.5)
    records = [
        {**one, "arm": "challenger", "latency_ms": 80.0, "entity": f"client-{place % 10}"}
        for place, one in enumerate(_canary(8, 0.0))
    ]
    assert _decide(given, state, _served(given, records, [None] * 1000), START) is None


def test_failed_requests_count_on_their_arm_each_once() -> None:
    errors = {"metric": "errors", "limit": 0.05}
    given, state = _charter("canary", guardrails=[errors]), _state("canary", 0.5)
    served = _served(given, _canary(9, 0.0), [None] * 1000)
    failures: list[Record] = [
        {
            "failed": True,
            "at": (START + timedelta(minutes=place)).isoformat(),
            "model": "calls",
            "status": 500,
            "latency_ms": 1.0,
            "arm": "challenger" if place % 2 else "champion",
        }
        for place in range(0, 400, 4)
    ]
    soon = START + timedelta(days=1)
    fine = _decide(given, state, served, soon, failures=failures)
    assert fine is not None
    assert fine.verdict == "hold", "those were the champion's"
    for one in failures:
        one["arm"] = None
        one["version"] = 2
    bad = _decide(given, state, served, soon, failures=failures)
    assert bad is not None
    assert bad.verdict == "roll_back"
    assert "errors in at most 0.05" in bad.reason
    for one in failures:
        one["version"] = None
    unknown = _decide(given, state, served, soon, failures=failures)
    assert unknown is not None
    (found,) = unknown.state.guardrails.values()
    assert not found.holds(0.05), "any of them may be the challenger's"
    assert not found.fails(0.05), "and none of them is surely"
    for one in failures:
        one["status"] = 400
    callers = _decide(given, state, served, soon, failures=failures)
    assert callers is not None
    assert callers.state.guardrails["errors in at most 0.05"].holds(0.05), "the callers' faults"


def test_a_group_speaks_for_itself_and_what_is_not_known_counts_against_each_claim() -> None:
    fair = {**FAIR, "limit": 0.3}
    given, state = _charter("canary", guardrails=[fair, LIMIT]), _state("canary", 0.5)
    records = [
        {**one, "decision": "skip" if one["inputs"]["group"] == "a" else "call", "latency_ms": None}
        for one in _canary(10, 0.0)
    ]
    decision = _decide(
        given, state, _served(given, records, [None] * 1000), START + timedelta(days=1)
    )
    assert decision is not None
    assert decision.verdict == "roll_back"
    assert "cases of group a without call" in decision.reason
    slow = decision.state.guardrails["answers over 50 ms in at most 0.05"]
    assert slow.n > 0
    assert not slow.holds(0.5)
    assert not slow.fails(0.5)


def test_a_compared_guardrail_reads_both_arms() -> None:
    more = {**LIMIT, "compared": True, "limit": 0.2}
    given, state = _charter("canary", guardrails=[more]), _state("canary", 0.5)
    served = _served(given, _canary(11, 0.9), [None] * 1000)
    decision = _decide(given, state, served, START + timedelta(days=1))
    assert decision is not None
    assert decision.verdict == "roll_back"
    assert "more than before" in decision.reason


def _stages(control: float, n: int = 2000) -> tuple[list[Record], list[str]]:
    """Odd cases are of the region that has the new version, which calls all; nobody else calls."""
    rng = np.random.default_rng(12)
    outcomes = np.where(rng.random(n) < 0.3, "yes", "no").tolist()
    kept = rng.random(n) < control
    records = []
    for place in range(n):
        new = place % 2 == 1
        arm = "control" if kept[place] else "champion"
        decision = "call" if new and arm == "champion" else "skip"
        version = 2 if new else 1
        records.append(_record(place, arm, decision, version=version, control_share=control))
    return records, outcomes


def test_stages_without_a_control_share_are_decided_on_guardrails_alone() -> None:
    given, state = _charter("staged", guardrails=[LIMIT]), _state("staged")
    records, outcomes = _stages(0.0)
    decision = _decide(given, state, _served(given, records, outcomes), START + timedelta(days=1))
    assert decision is not None
    assert decision.verdict == "promote"
    assert "tells regions apart and not versions" in decision.reason
    bare = _decide(_charter("staged"), state, _served(given, records, outcomes))
    assert bare is not None
    assert bare.verdict == "hold"
    assert "no guardrail was agreed" in bare.reason


@pytest.mark.parametrize(("turned", "verdict"), [(False, "promote"), (True, "roll_back")])
def test_stages_with_a_control_share_are_compared_with_it_where_the_version_serves(
    turned: bool, verdict: str
) -> None:
    given, state = _charter("staged", control_share=0.2), _state("staged")
    plan = rollout_plan(given, state, END)
    assert (plan.against, plan.shares, plan.untold) == ("control", (0.8,), "")
    records, outcomes = _stages(0.2)
    told = ["no"] * len(outcomes) if turned else outcomes
    decision = _decide(given, state, _served(given, records, told))
    assert decision is not None
    assert decision.verdict == verdict
    assert "the control" in decision.reason
    assert set(decision.state.splits) == {0.8}


def test_differences_of_amounts_are_bounded_by_the_caps() -> None:
    given = charter(
        data={"positive": None, "revealed_by": []},
        value={
            "actions": None,
            "under": 2.0,
            "over": 1.0,
            "caps": {"outcome": [0, 10], "decision": [0, 10]},
            "baselines": {"nobody": 0},
        },
    )
    valued = valuation(given.value, given.data)
    low, high = valued.bounds()
    five = {"decision": 5.0, "inputs": {}}
    four = {"decision": 4.0, "inputs": {}}
    least, most = paired_differences(
        valued, [five, five, five], [four, five, None], [4.0, None, 5.0]
    )
    assert least.tolist() == [1.0, 0.0, low]
    assert most.tolist() == [1.0, 0.0, high]
