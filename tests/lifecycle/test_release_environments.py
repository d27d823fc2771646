"""Environments: who may enter, what stands in each, and what the controller keeps of a step."""

from __future__ import annotations

import pytest
from tests.lifecycle.release_world import FRIDAY, Killed, World, make_charter

from assay.adapters.memory_desired import MemoryDesired
from assay.charter.charter import Charter
from assay.charter.environments import PRODUCTION
from assay.deploy.desired import Desired
from assay.deploy.release_step import Ruling
from assay.errors import CheckFailed, GateClosed, InputError, StoreError
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import EventType
from assay.lifecycle.controller import reconcile
from assay.lifecycle.loss_budget import loss_budget
from assay.lifecycle.telling import release_name, release_state


def _ready(world: World) -> int:
    version = world.register()
    world.sign(version)
    return version


def _stage(charter: Charter) -> Charter:
    return charter.within("stage")


def test_an_environment_has_a_policy_and_a_subject_of_its_own() -> None:
    charter = make_charter("canary")
    own = charter.environments["stage"].model_copy(
        update={"strategy": "blue_green", "steps": (0.2,), "capture": "async"}
    )
    charter = charter.model_copy(update={"environments": {**charter.environments, "stage": own}})
    there = charter.within("stage")
    assert (there.environment, release_name(there)) == ("stage", "bank@stage")
    found = there.release
    assert (found.strategy, found.steps, found.capture) == ("blue_green", (0.2,), "async")
    assert there.within("test").release == charter.release
    assert there.digests() == charter.digests(), "what was signed is the charter, wherever it is"
    assert there.on(FRIDAY.date()).environment == "stage"
    assert release_name(charter.within(PRODUCTION)) == "bank"
    with pytest.raises(InputError, match=r"no environment 'tset': did you mean `test`\?"):
        charter.within("tset")


def test_each_environment_stands_for_itself() -> None:
    world = World(make_charter("immediate"))
    version = _ready(world)
    state = world.release(version)
    assert (state.name, state.model, state.environment) == ("bank@test", "bank", "test")
    raw = world.ports.desired.read()
    assert raw is not None
    assert Desired.read(raw).environment == "test"
    assert release_state(world.ports.ledger, world.charter.within(PRODUCTION)).champion is None


def test_an_environment_may_ask_for_signatures_alone() -> None:
    world = World(make_charter("immediate"))
    version = world.register()
    with pytest.raises(GateClosed, match="sign-off of a risk_officer is missing") as closed:
        world.release(version)
    assert len(closed.value.reasons) == 1, "no evidence is asked for where there is no gate"
    world.sign(version)
    assert world.release(version).champion is not None
    with pytest.raises(GateClosed, match="no valid quality evidence"):
        world.release(version, charter=world.charter.within(PRODUCTION))


def test_a_version_must_have_stood_before_for_as_long_as_was_agreed() -> None:
    world = World(make_charter("immediate"))
    stage = _stage(world.charter)
    version = _ready(world)
    with pytest.raises(CheckFailed, match="has not been champion in test yet"):
        world.release(version, charter=stage)
    world.release(version)
    world.wait(47)
    with pytest.raises(CheckFailed, match=r"for 47 h 0 min, .* wait another 1 h 0 min"):
        world.release(version, charter=stage)
    world.wait(1)
    assert world.release(version, charter=stage).champion is not None


def test_time_as_champion_counts_without_a_break() -> None:
    world = World(make_charter("immediate"))
    first, second = _ready(world), _ready(world)
    world.release(first)
    world.wait(40)
    world.release(second)
    world.wait(40)
    world.act("roll_back")
    world.wait(40)
    with pytest.raises(CheckFailed, match="for 40 h 0 min"):
        world.release(first, charter=_stage(world.charter))
    world.fall_back()
    world.wait(40)
    with pytest.raises(CheckFailed, match="was taken back in test"):
        world.release(first, charter=_stage(world.charter))
    world.act("roll_back")
    world.wait(40)
    with pytest.raises(CheckFailed, match="for 40 h 0 min"):
        world.release(first, charter=_stage(world.charter))
    world.wait(8)
    assert world.release(first, charter=_stage(world.charter)).champion is not None


def test_a_recipe_that_is_trained_anew_enters_with_evidence_alone() -> None:
    charter = make_charter("immediate")
    own = charter.environments["stage"].model_copy(update={"promotion": "retrain"})
    charter = charter.model_copy(update={"environments": {**charter.environments, "stage": own}})
    world = World(charter)
    original, made = _ready(world), _ready(world)
    stage = _stage(world.charter)
    world.release(original)
    world.wait(48)
    with pytest.raises(CheckFailed, match="Version 2 was not trained for stage"):
        world.release(made, charter=stage)

    def compared(*, passed: bool) -> None:
        content = {
            "at": world.now.isoformat(),
            "evidence": "e" * 64,
            "kind": "equivalence",
            "passed": passed,
            "compared": original,
            "environment": "stage",
        }
        subject, type_ = f"model:bank/{made}", EventType.EVIDENCE_RECORDED.value
        world.ports.ledger.append(subject, type_, canonical_bytes(content), None)
        world.sign(made)

    compared(passed=False)
    with pytest.raises(CheckFailed, match="not surely worth the same as version 1"):
        world.release(made, charter=stage)
    compared(passed=True)
    state = world.release(made, charter=stage)
    assert state.champion is not None
    assert state.champion.version == made


@pytest.mark.parametrize("point", ["before append", "after append", "before publish"])
def test_a_killed_step_is_taken_once_and_gateways_learn_of_it(point: str) -> None:
    world = World(make_charter("canary", soak="1 hour"))
    world.release(_ready(world))
    world.wait(1)
    world.kill.at = point
    with pytest.raises(Killed):
        world.reconcile()
    took = [step.what for step in world.state.history]
    assert took == (["started"] if point == "before append" else ["started", "stepped"])
    world.reconcile()
    assert world.state.weight == 0.3, "taken again only where it was not taken"
    raw = world.ports.desired.read()
    assert raw is not None
    assert Desired.read(raw).challenger_weight == 0.3


def test_gateways_are_told_once_for_each_revision() -> None:
    told: list[int] = []

    class Counting(MemoryDesired):
        def publish(self, document: bytes, revision: int) -> bool:
            told.append(revision)
            return super().publish(document, revision)

    world = World(make_charter("canary"))
    object.__setattr__(world.ports, "desired", Counting())
    world.release(_ready(world))
    for _ in range(5):
        assert world.reconcile().step is not None
    assert told == [1]


def test_a_charter_that_was_changed_goes_live_with_the_next_entry_and_not_by_looking() -> None:
    world = World(make_charter("canary"))
    world.release(_ready(world))
    told = world.ports.desired.read()
    world.charter = make_charter("canary", exploration_share=0.2)
    found = world.reconcile()
    assert found.step is not None
    assert "sign-off" in found.step.reason
    assert world.ports.desired.read() == told, "nobody signed what it says now"


def test_a_step_keeps_what_it_was_decided_on_and_a_way_back_waits_for_no_store() -> None:
    world = World(make_charter("canary"))
    world.release(_ready(world))
    ports, charter = world.ports, world.charter

    def lost() -> dict[str, str]:
        raise StoreError("the disk is full")

    good, bad = Ruling("promote", "better"), Ruling("roll_back", "worse")
    with pytest.raises(StoreError):
        reconcile(ports, charter, world.now, lambda _: good, keep=lost)
    reconcile(ports, charter, world.now, lambda _: bad, keep=lost)
    last = world.state.history[-1]
    assert last.what == "rolled_back"
    assert last.reason == "worse (not kept as evidence: the disk is full)"
    world.release(_ready(world))
    reconcile(ports, charter, world.now, lambda _: good, keep=lambda: {"decision": "d" * 64})
    last = world.state.history[-1]
    assert (last.what, dict(last.evidence)) == ("promoted", {"decision": "d" * 64})
    assert last.spent > 0
    assert loss_budget(charter, world.state, world.now).spent == pytest.approx(last.spent)


def test_evidence_that_cannot_be_read_holds_a_release_and_says_why() -> None:
    world = World(make_charter("canary", soak="1 hour"))
    world.release(_ready(world))
    world.wait(9)

    def unknown(_: object) -> Ruling:
        raise CheckFailed("No captures are there.")

    found = reconcile(world.ports, world.charter, world.now, unknown)
    assert found.step is not None
    assert (found.step.do, found.step.reason) == ("hold", "No captures are there.")


def test_a_flip_takes_nothing_of_the_loss_budget() -> None:
    world = World(make_charter("blue_green"))
    world.release(_ready(world))
    assert world.reconcile(loaded=False).state.champion is None
    state = world.reconcile().state
    assert state.champion is not None
    assert state.history[-1].spent == 0.0
