"""Going back is never refused for a race, and what went back does not go on elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.lifecycle.release_world import World, make_charter

from assay.deploy.release_step import Ruling
from assay.errors import CheckFailed, LedgerConflict

WORSE = Ruling("roll_back", "worse")


def running(strategy: str = "canary", **release: Any) -> World:
    """A first champion, and a second version that is being tried."""
    world = World(make_charter("immediate"))
    for number in (1, 2):
        version = world.register()
        world.charter = make_charter("immediate" if number == 1 else strategy, **release)
        world.sign(version)
        world.release(version)
    return world


def written(world: World) -> list[dict[str, Any]]:
    return [json.loads(one.content) for one in world.ports.ledger.events("release:bank@test")]


@pytest.mark.parametrize("way", ["roll_back", "pause", "fall_back"])
def test_a_way_back_is_taken_though_the_controller_steps(way: str) -> None:
    world = running(soak="1 hour")
    world.wait(2)
    world.kill.meanwhile = world.reconcile
    state = world.fall_back() if way == "fall_back" else world.act(way)  # type: ignore[arg-type]
    assert state.history[-2].what == "stepped"
    assert state.paused if way == "pause" else state.challenger is None
    assert (state.fallen is not None) == (way == "fall_back")


def test_a_version_that_was_promoted_meanwhile_is_taken_back() -> None:
    world = running()
    world.kill.meanwhile = lambda: world.reconcile(Ruling("promote", "better"))
    state = world.act("roll_back")
    assert state.champion is not None
    assert [step.what for step in state.history[-2:]] == ["promoted", "rolled_back"]
    assert state.champion.version == 1


def test_nothing_goes_back_twice() -> None:
    world = running()
    world.release(2, "promote")
    third = world.register()
    world.sign(third)
    world.release(third)
    world.kill.meanwhile = lambda: world.reconcile(WORSE)
    state = world.act("roll_back")
    assert state.champion is not None
    assert (state.champion.version, state.challenger) == (2, None)
    assert [step.what for step in state.history[-2:]] == ["started", "rolled_back"]


def test_a_way_back_that_is_always_overtaken_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    world = running()
    tries: list[int] = []

    def overtaken(*_: object) -> None:
        tries.append(1)
        raise LedgerConflict("release:bank@test", 2, 3)

    monkeypatch.setattr(world.ports.ledger, "append", overtaken)
    with pytest.raises(LedgerConflict):
        world.act("roll_back")
    assert len(tries) == 20


@pytest.mark.parametrize("way", [lambda world: world.act("roll_back"), lambda w: w.fall_back()])
def test_what_was_taken_back_does_not_enter_the_next_environment(
    way: Callable[[World], object],
) -> None:
    world = running("immediate")
    world.wait(48)
    way(world)
    stage = world.charter.within("stage")
    with pytest.raises(CheckFailed, match="Version 2 of bank was taken back in test"):
        world.release(2, charter=stage)
    fresh = world.register()
    world.sign(fresh)
    world.release(fresh)
    world.release(2)
    with pytest.raises(CheckFailed, match="and must have been for 2 days"):
        world.release(2, charter=stage)
    world.wait(48)
    state = world.release(2, charter=stage)
    assert state.champion is not None
    assert state.champion.version == 2


def test_what_gave_way_to_a_better_one_may_enter() -> None:
    world = World(make_charter("immediate"))
    for version in (world.register(), world.register()):
        world.sign(version)
        world.release(version)
        world.wait(48)
    assert world.release(1, charter=world.charter.within("stage")).champion is not None


def test_the_controller_says_that_it_was_it() -> None:
    world = running(soak="1 hour")
    world.wait(2)
    world.reconcile()
    assert written(world)[-1]["by"] == "the controller"
