"""What agents are told, and when: whole or what changed, by labels, in time."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.sql_server_store import SqlServerStore, open_server_store
from assay.deploy.desired import Arm, Desired
from assay.deploy.fleet_state import FleetState
from assay.errors import InputError, StoreError
from assay.ports.server_store import Row, Seen, Table, Told
from assay.server.acknowledging import Acknowledging
from assay.server.fleet import Fleet
from assay.server.following import Following
from assay.server.labels import read_labels
from assay.server.watch import read_watch

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def document(model: str, version: int) -> bytes:
    arms = (Arm("champion", version, f"{version:064x}", 1.0),)
    return msgspec.json.encode(Desired(version, model, arms))


def row(model: str, changed: int, version: int | None, environment: str = "production") -> Row:
    return Row(
        environment, model, changed, version or 0, (version and document(model, version)) or None
    )


def answered(fleet: Fleet, since: int, labels: Mapping[str, str] | None = None) -> FleetState:
    answer = asyncio.run(fleet.answer("production", since, labels or {}))
    state = FleetState.read(answer.plain)
    assert answer.revision == state.revision
    assert answer.packed is None or gzip.decompress(answer.packed) == answer.plain
    return state


def test_an_agent_hears_all_then_what_changed_then_what_is_gone() -> None:
    fleet = Fleet()
    fleet.take(Table(1, (row("a", 1, 1), row("b", 1, 1))))
    first = answered(fleet, 0)
    assert (first.full, sorted(first.models)) == (True, ["a", "b"])
    fleet.take(Table(2, (row("a", 2, 2), row("b", 1, 1))))
    second = answered(fleet, 1)
    assert (second.full, list(second.models)) == (False, ["a"])
    fleet.take(Table(3, (row("a", 2, 2), row("b", 3, None))))
    third = answered(fleet, 2)
    assert (third.full, dict(third.models), third.removed) == (False, {}, ("b",))
    whole = first.followed_by(second).followed_by(third)
    assert whole == answered(fleet, 0)
    assert answered(fleet, 3) == FleetState(3)


@pytest.mark.parametrize("since", [4, 10**15])
def test_a_revision_that_was_never_given_gets_everything(since: int) -> None:
    fleet = Fleet()
    fleet.take(Table(3, (row("a", 3, 1),)))
    assert answered(fleet, since) == answered(fleet, 0)


@given(
    changes=st.lists(
        st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(1, 9))),
        min_size=1,
        max_size=12,
    ),
    away=st.sets(st.integers(1, 12)),
)
def test_whatever_is_missed_is_caught_up(
    changes: list[tuple[str, int | None]], away: set[int]
) -> None:
    """An agent that asks at any of the revisions ends where one that asked at none does."""
    fleet, rows = Fleet(), {}
    had = FleetState(0, full=True)
    for revision, (model, version) in enumerate(changes, 1):
        rows[model] = row(model, revision, version)
        fleet.take(Table(revision, tuple(rows.values())))
        if revision not in away:
            had = had.followed_by(answered(fleet, had.revision))
    had = had.followed_by(answered(fleet, had.revision))
    assert had == answered(fleet, 0)


def test_labels_that_matter_decide_and_others_share_an_answer() -> None:
    asked: list[dict[str, str]] = []

    def variant(environment: str, model: str, labels: Mapping[str, str]) -> bytes | None:
        asked.append(dict(labels))
        return document(model, 2) if labels.get("region") == "north" else None

    fleet = Fleet(variant)
    fleet.take(Table(1, (row("a", 1, 1),)), {("production", "a"): {"region"}})

    async def both() -> list[int]:
        hosts = [{"region": "north", "host": f"h{n}"} for n in range(20)]
        hosts += [{"region": "south", "host": "x"}, {"host": "y"}]
        answers = [await fleet.answer("production", 0, labels) for labels in hosts]
        return [FleetState.read(one.plain).models["a"].revision for one in answers]

    assert asyncio.run(both()) == [2] * 20 + [1, 1]
    assert asked == [{"region": "north"}, {"region": "south"}]


def test_a_variant_that_fails_is_asked_again() -> None:
    calls: list[int] = []

    def variant(_environment: str, model: str, _labels: Mapping[str, str]) -> bytes | None:
        calls.append(1)
        if len(calls) == 1:
            raise StoreError("The disk is gone.")
        return document(model, 3)

    fleet = Fleet(variant)
    fleet.take(Table(1, (row("a", 1, 1),)), {("production", "a"): {"region"}})

    async def twice() -> int:
        with pytest.raises(StoreError, match="disk is gone"):
            await fleet.answer("production", 0, {"region": "n"})
        await asyncio.sleep(0)
        answer = await fleet.answer("production", 0, {"region": "n"})
        return FleetState.read(answer.plain).models["a"].revision

    assert asyncio.run(twice()) == 3


def test_a_change_wakes_those_of_its_environment_alone() -> None:
    async def waited() -> tuple[bool, bool, int]:
        fleet = Fleet()
        fleet.take(Table(1, (row("a", 1, 1), row("a", 1, 1, "test"))))
        here, there = (
            asyncio.ensure_future(fleet.changed(name, 5.0)) for name in ("production", "test")
        )
        await asyncio.sleep(0)
        assert fleet.waiting == 2
        fleet.take(Table(2, (row("a", 2, 2), row("a", 1, 1, "test"))))
        await asyncio.sleep(0)
        done = here.done(), there.done(), fleet.revision("test")
        fleet.wake()
        await there
        assert fleet.waiting == 0
        return done

    assert asyncio.run(waited()) == (True, False, 1)


def test_waiting_ends_when_its_time_is_up() -> None:
    async def waited() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        await Fleet().changed("production", 0.05)
        return loop.time() - start

    assert 0.04 < asyncio.run(waited()) < 2.0


@pytest.mark.parametrize(
    "query",
    [
        "",
        "agent=",
        "agent=a%00",
        "agent=a&revision=-1",
        "agent=a&revision=%D9%A3",
        "agent=a&revision=" + "9" * 16,
        "agent=a&labels=region",
        "agent=a&labels=" + ",".join(f"l{n}=v" for n in range(33)),
        "agent=a&health=fine",
        "agent=a&note=%00",
        "agent=a&hold=nan",
        "agent=a&environment=a+b",
        "&".join(f"a{n}=1" for n in range(30)),
        "agent=é",
    ],
)
def test_a_query_that_does_not_read_is_refused(query: str) -> None:
    with pytest.raises(InputError):
        read_watch(query.encode())


def test_a_query_says_who_asks_and_how_it_is() -> None:
    asked = read_watch(
        b"agent=eu/gw-1&revision=7&environment=test&labels=b%3D2,a%3D1&health=failed&note=no+disk",
    )
    assert asked.told == Told("eu/gw-1", "test", "a=1,b=2", 7, "failed", "no disk")
    assert asked.hold is None
    assert read_labels(asked.told.labels) == {"a": "1", "b": "2"}


class _Store:
    """Notes the batches; fails the first so many."""

    def __init__(self, failing: int = 0) -> None:
        self.batches: list[tuple[Seen, ...]] = []
        self.failing = failing

    def agents(self) -> tuple[Seen, ...]:
        return (Seen(Told("old", "production", "", 1, "ok", ""), NOW),)

    def acknowledge(self, seen: tuple[Seen, ...]) -> None:
        if self.failing:
            self.failing -= 1
            raise StoreError("The disk is full.")
        self.batches.append(seen)


def agent(number: int, revision: int) -> Told:
    return Told(f"a{number}", "production", "", revision, "ok", "")


def test_what_agents_tell_is_written_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.server.acknowledging._AGAIN", 0.01)
    store: Any = _Store(failing=1)

    async def told() -> None:
        acknowledging = Acknowledging(store, gather=0.02)
        await acknowledging.start()
        assert acknowledging.take(agent(1, 1)) is None
        known = acknowledging.take(Told("old", "production", "", 1, "ok", ""))
        assert known is not None
        for number in range(50):
            acknowledging.take(agent(number, 1))
        await asyncio.sleep(0.02)
        assert acknowledging.take(agent(1, 2)) == agent(1, 1)
        await acknowledging.close()
        assert (acknowledging.written, acknowledging.transactions) == (51, len(store.batches))

    asyncio.run(told())
    last = {one.told.agent: one.told.revision for batch in store.batches for one in batch}
    assert last == {**{f"a{n}": 1 for n in range(50)}, "a1": 2, "old": 1}
    assert len(store.batches) <= 3


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = open_server_store(tmp_path / "server.sqlite")
    yield opened
    opened.close()


def publish(state: Path, version: int, environment: str = "production") -> Path:
    folder = state if environment == "production" else state / "environments" / environment
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / "desired.new"
    fresh.write_bytes(document(state.name, version))
    return fresh.replace(folder / "desired.json")


def test_whoever_writes_a_desired_state_gives_the_fleet_a_revision(
    tmp_path: Path, store: SqlServerStore
) -> None:
    states = [tmp_path / name for name in "abc"]
    following = Following(states, store)
    empty = following.look()
    assert empty is not None
    assert empty.revision == 0
    assert following.look() is None
    files = [publish(state, 1) for state in states]
    table = following.look()
    assert table is not None
    assert (table.revision, [one.model for one in table.rows]) == (1, ["a", "b", "c"])
    assert following.look() is None
    files[0].unlink()
    table = following.look()
    assert table is not None
    assert (table.revision, table.rows[0].document) == (2, None)


def test_a_new_environment_and_a_damaged_file(tmp_path: Path, store: SqlServerStore) -> None:
    state = tmp_path / "a"
    publish(state, 1)
    publish(state, 4, "test")
    following = Following([state], store)
    table = following.look()
    assert table is not None
    assert [(one.environment, one.revision) for one in table.rows] == [
        ("production", 1),
        ("test", 4),
    ]
    (state / "desired.json").write_bytes(b"{")
    assert following.look() is None  # the one before holds
    publish(state, 2)
    after = following.look()
    assert after is not None
    assert after.revision == table.revision + 1


def test_a_change_that_another_server_told_of_is_heard(
    tmp_path: Path, store: SqlServerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.server.following._ASK", 0.0)
    here, there = Following([tmp_path / "a"], store), Following([tmp_path / "b"], store)
    here.look()
    publish(tmp_path / "b", 1)
    there.look()
    table = here.look()
    assert table is not None
    assert [one.model for one in table.rows] == ["b"]
