"""A release is flipped once the gateways that a server hears have it, and not before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from assay.adapters.sql_server_store import server_store_of
from assay.cli import main
from assay.deploy.desired import Arm, Desired
from assay.evidence.release_state import Live, ReleaseState, ReleaseStep
from assay.lifecycle.fleet_waits import Awaited, awaited
from assay.ports.server_store import Followed, Row, Seen, Table, Told
from assay.server import release_routes
from assay.server.control import Call
from assay.server.reconciling import Reconciling
from assay.workspace import Workspace

NOW = datetime.now(UTC)
GREEN = Live(2, f"{2:064d}")


def state(revision: int = 4) -> ReleaseState:
    began = ReleaseStep("started", 2, 0.0, "", NOW, "blue_green", revision)
    blue = Live(1, f"{1:064d}")
    return ReleaseState("bank", revision, blue, GREEN, strategy="blue_green", history=(began,))


def row(changed: int, revision: int, model: str = "bank", environment: str = "production") -> Row:
    desired = Desired(revision, model, (Arm("champion", 1, f"{1:064d}", 1.0),))
    return Row(environment, model, changed, revision, msgspec.json.encode(desired))


def agent(
    revision: int, health: str = "ok", minutes: float = 0.0, environment: str = "production"
) -> Seen:
    told = Told(f"a{revision}{health}", environment, "", revision, health, "")
    return Seen(told, NOW - timedelta(minutes=minutes))


def reconciling(agents: list[Seen], rows: tuple[Row, ...] | None) -> Reconciling:
    estate: Any = SimpleNamespace(models=())
    store: Any = SimpleNamespace(agents=lambda: agents)
    found = Reconciling(estate, store, SimpleNamespace())
    if rows is not None:
        found.news(Table(9, rows))
    return found


@pytest.mark.parametrize(
    ("agents", "rows", "told"),
    [
        ([agent(7)], (row(7, 4),), ""),
        ([agent(7)], None, "a server has told agent"),  # before the first news
        ([agent(7)], (), "a server has told agent"),
        ([agent(7)], (row(7, 4, model="other"),), "a server has told agent"),
        ([agent(7)], (row(7, 4, environment="test"),), "a server has told agent"),
        (
            [agent(6)],
            (row(6, 3),),
            "a server has told agent",
        ),  # what was told is of before the release
        ([agent(6)], (row(7, 4),), "agent a6ok, last heard 0 s ago."),
        ([agent(7), agent(6, minutes=1)], (row(7, 4),), "agent a6ok, last heard 60 s ago."),
        ([agent(7), agent(7, "failed")], (row(7, 4),), "which failed: no reason given."),
        ([agent(6, minutes=4)], (row(7, 4),), ""),  # nobody was heard of lately
        ([agent(7), agent(1, minutes=4)], (row(7, 4),), ""),  # one that is gone
        ([agent(7), agent(1, environment="test")], (row(7, 4),), ""),
        ([], (row(7, 4),), ""),  # gateways on a file
        ([agent(7)], (row(7, 4), row(8, 9, model="other")), ""),
    ],
)
def test_green_is_loaded_where_everybody_heard_of_has_it(
    agents: list[Seen], rows: tuple[Row, ...] | None, told: str
) -> None:
    table = Table(9, rows or ())
    waits = str(awaited(state(), table, agents, NOW))
    assert bool(waits) == bool(told)
    assert told in waits


def test_who_was_silent_is_waited_for_by_a_server_that_began_to_listen_just_now() -> None:
    gone, table = [agent(6, minutes=4)], Table(9, (row(7, 4),))
    assert awaited(state(), table, gone, NOW, NOW - timedelta(minutes=3)) == Awaited((), NOW)
    young = awaited(state(), table, gone, NOW, NOW - timedelta(minutes=1))
    assert str(young) == "It waits for agent a6ok, last heard 240 s ago."
    assert reconciling(gone, (row(7, 4),)).waits(state()).startswith("It waits for agent a6ok")


def test_a_command_beside_a_server_waits_for_the_same_gateways(campaign: Path) -> None:
    workspace = Workspace(campaign)
    assert not workspace.awaited(state()).agents, "nobody hears gateways"
    store = server_store_of(campaign / ".assay", None)
    assert not workspace.awaited(state()).agents, "nobody was heard"
    store.acknowledge([Seen(agent(1).told, datetime.now(UTC) - timedelta(seconds=40))])
    told = str(workspace.awaited(state()))
    assert told.startswith("It waits until a server has told agent a1ok, last heard 4")
    assert not workspace.awaited(replace(state(), challenger=None)).agents, "nothing runs"
    store.follow({("production", "bank"): Followed(4, row(1, 4).document or b"")})
    store.acknowledge([Seen(agent(0).told, datetime.now(UTC))])
    assert str(workspace.awaited(state())).startswith("It waits for agent a0ok, last heard 0 s ago")
    store.close()


def test_many_are_named_in_short_and_all_of_them_to_machines() -> None:
    several = tuple(agent(number) for number in range(5))
    found = awaited(state(), Table(9, (row(7, 4),)), several, NOW)
    assert str(found).endswith("a2ok, last heard 0 s ago; and 2 more.")
    assert found.names == ("a0ok", "a1ok", "a2ok", "a3ok", "a4ok")


def test_a_start_and_the_status_name_who_is_waited_for(
    signed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charter = (signed / "charter.yaml").read_text()
    (signed / "charter.yaml").write_text(
        re.sub(r"release: .*", "release: {strategy: blue_green}", charter)
    )
    workspace = Workspace(signed)
    workspace.sign("Ana Costa", "product_manager")
    workspace.sign("Rui Matos", "risk_officer")
    with closing(server_store_of(signed / ".assay", None)) as store:
        told = replace(agent(1).told, agent="lisbon")
        store.acknowledge([Seen(told, datetime.now(UTC)), agent(2, environment="test")])
        with pytest.raises(SystemExit):
            main(["release", str(signed)])
        started = capsys.readouterr().out
        assert "It waits until a server has told agent lisbon, last heard " in started
        store.follow({("production", "campaign"): Followed(1, b"{}")})
        store.acknowledge([Seen(replace(told, revision=0), datetime.now(UTC))])
        for command in ("status", "release"):
            action = ["pause"] if command == "release" else []
            with pytest.raises(SystemExit):
                main([command, str(signed), *action])
            out = capsys.readouterr().out
            assert ("It waits for agent lisbon" in out) == (command == "status")
        with pytest.raises(SystemExit):
            main(["status", str(signed), "--json"])
        assert json.loads(capsys.readouterr().out)["awaits"] == ["lisbon"]


@pytest.mark.parametrize("asked", [release_routes.decide, release_routes.reconcile])
def test_whoever_asks_a_server_waits_for_its_gateways(asked: Callable[..., Any]) -> None:
    given: list[object] = []

    class Workspace:
        def decide(self, *, waits: object) -> None:
            given.append(waits)

        def reconcile(self, *, waits: object) -> SimpleNamespace:
            given.append(waits)
            return SimpleNamespace(step=None, state=state())

        def release_state(self) -> ReleaseState:
            return state()

    known = reconciling([], None)

    class Alone:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    estate = SimpleNamespace(alone=lambda _: Alone(), workspace=lambda *_: Workspace())
    control: Any = SimpleNamespace(estate=estate, reconciling=known)
    asked("bank", Call(control, SimpleNamespace()), "production")  # type: ignore[arg-type]
    assert given == [known.waits]
