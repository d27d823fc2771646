"""What is known of a charter that was released, where the one on disk has faults."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.lifecycle.release_world import World, make_charter

from assay.deploy.desired import Desired
from assay.deploy.settings import ReleasedAs, settings_of
from assay.evidence.digest import canonical_bytes
from assay.lifecycle.released_as import released_as
from assay.lifecycle.telling import publish


def running(**release: Any) -> World:
    world = World(make_charter("canary", control_share=0.1, **release))
    version = world.register()
    world.sign(version)
    world.release(version)
    return world


def known(world: World, environment: str = "test", model: str | None = None) -> ReleasedAs | None:
    return released_as(world.ports.ledger, world.ports.desired, environment, model)


def test_it_is_the_charter_that_the_release_went_forward_with() -> None:
    world = running()
    found = known(world)
    assert found == ReleasedAs("bank", "test", settings_of(world.charter))


def test_what_gateways_are_told_is_the_same_by_either(monkeypatch: pytest.MonkeyPatch) -> None:
    world = running()
    whose = known(world)
    assert whose is not None
    before = world.ports.desired.read()
    publish(world.ports.ledger, world.ports.desired, whose)
    assert world.ports.desired.read() == before


def test_the_ledger_knows_where_gateways_were_told_nothing() -> None:
    world = running()
    world.ports.desired.publish(b"torn", 99)
    assert known(world) == ReleasedAs("bank", "test", settings_of(world.charter))
    assert known(world, "production") is None
    entry = next(iter(world.ports.ledger.events("release:bank@test")))
    world.ports.ledger.append("release:bike@test", entry.type, entry.content, 0)
    assert known(world) is None, "of two models nobody knows which one is meant"
    assert known(world, model="bank") == ReleasedAs("bank", "test", settings_of(world.charter))
    assert known(world, model="boat") is None, "nothing was released by that name"


def test_it_is_none_where_gateways_were_told_of_another_model_than_the_one_meant() -> None:
    world = running()
    assert known(world, model="bank") is not None
    entry = next(iter(world.ports.ledger.events("release:bank@test")))
    world.ports.ledger.append("release:bike@test", entry.type, entry.content, 0)
    assert known(world, model="bike") is None


def test_an_entry_of_before_takes_the_settings_that_gateways_have() -> None:
    world = running()
    entry = next(iter(world.ports.ledger.events("release:bank@test")))
    document = json.loads(entry.content)
    settings = document.pop("settings")
    old = World(world.charter)
    old.ports.ledger.append("release:bank@test", entry.type, canonical_bytes(document), 0)
    assert known(old) is None, "neither the ledger nor gateways know"
    publish(old.ports.ledger, old.ports.desired, old.charter)
    found = known(old)
    assert found is not None
    assert found.settings == {**settings, "baseline": ""}
    raw = old.ports.desired.read()
    assert raw is not None
    assert Desired.read(raw).control_share == found.settings["control_share"] == 0.1
