"""What gateways are told comes from charters that went through the gate, and from no others."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.lifecycle.release_world import World, make_charter

from assay.charter.charter import Charter
from assay.deploy.desired import Desired, desired_state
from assay.evidence.digest import canonical_bytes
from assay.lifecycle.telling import publish


def told(world: World) -> Desired:
    raw = world.ports.desired.read()
    assert raw is not None
    return Desired.read(raw)


def changed(strategy: str = "canary") -> Charter:
    """A charter that nobody signed."""
    charter = make_charter(strategy, exploration_share=0.2, control_share=0.1, shadow_share=0.5)
    wild = {**charter.model_dump(mode="json")["serving"], "capture": {"protected": {"c": "hash"}}}
    value = charter.value.model_copy(update={"baseline": "everybody"})
    serving = type(charter.serving).model_validate(wild)
    return charter.model_copy(update={"serving": serving, "value": value})


def running(strategy: str = "canary") -> tuple[World, int]:
    world = World(make_charter(strategy))
    version = world.register()
    world.sign(version)
    world.release(version)
    return world, version


WAYS: dict[str, Callable[[World], object]] = {
    "pause": lambda world: world.act("pause"),
    "resume": lambda world: (world.act("pause"), world.act("resume")),
    "roll back": lambda world: world.act("roll_back"),
    "fall back": lambda world: world.fall_back(),
    "tell again": lambda world: publish(world.ports.ledger, world.ports.desired, world.charter),
}


@pytest.mark.parametrize("strategy", ["canary", "shadow"])
@pytest.mark.parametrize("way", WAYS)
def test_what_asks_no_gate_brings_no_new_charter_live(way: str, strategy: str) -> None:
    world, _ = running(strategy)
    before = told(world)
    world.charter = changed(strategy)
    WAYS[way](world)
    after = told(world)
    for name in ("exploration_share", "control_share", "shadow_share", "capture", "entity"):
        assert getattr(after, name) == getattr(before, name)
    assert after.serving == before.serving
    if strategy == "shadow" and after.revision and way in {"pause", "resume", "tell again"}:
        assert after.arms == before.arms


def test_a_signed_charter_goes_live_with_the_next_step() -> None:
    world, version = running()
    world.charter = changed()
    world.sign(version)
    world.release(version, "step")
    assert (told(world).exploration_share, told(world).control_share) == (0.2, 0.1)
    world.charter = make_charter()
    world.release(version, "promote")
    assert told(world).exploration_share == 0.0


def test_entries_of_before_take_the_charters_settings() -> None:
    world, _ = running()
    ledger = world.ports.ledger
    entry = list(ledger.events("release:bank@test"))[-1]
    document = json.loads(entry.content)
    assert document.pop("settings")["exploration_share"] == 0.0
    old = World(changed())
    old.ports.ledger.append("release:bank@test", entry.type, canonical_bytes(document), 0)
    assert desired_state(old.charter, old.state, 1).exploration_share == 0.2
