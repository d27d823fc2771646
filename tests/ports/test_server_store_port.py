"""One suite for a server's tables in SQLite and in PostgreSQL, and for who leads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.postgres import schema

from assay.adapters.file_election import FileElection
from assay.adapters.postgres_election import PostgresElection
from assay.adapters.sql_server_store import SqlServerStore, open_server_store
from assay.errors import InputError, StoreError
from assay.ports.election import Election
from assay.ports.server_store import Followed, Seen, Token, Told

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    if request.param == "sqlite":
        yield tmp_path / "server.sqlite"
        return
    with schema() as url:
        yield url


@pytest.fixture
def store(place: Path | str) -> Iterator[SqlServerStore]:
    with closing(open_server_store(place)) as store:
        yield store


def seen(agent: str, revision: int, at: datetime = AT, health: str = "ok") -> Seen:
    return Seen(Told(agent, "production", "region=north", revision, health, ""), at)


def test_tokens_come_back_and_go(store: SqlServerStore) -> None:
    token = Token("ops", "d" * 64, ("read", "sign"), "Ana Costa", AT)
    store.add_token(token)
    with pytest.raises(InputError, match="named 'ops' already"):
        store.add_token(token)
    assert store.tokens() == (token,)
    assert store.remove_token("ops")
    assert not store.remove_token("ops")
    assert store.tokens() == ()


def test_of_one_agent_the_latest_stays(store: SqlServerStore) -> None:
    store.acknowledge([seen("b", 1), seen("a", 10**15 - 1)])
    store.acknowledge([seen("a", 3, AT + timedelta(seconds=1), "failed")])
    store.acknowledge([seen("a", 2, AT)])  # written late by another server
    store.acknowledge([])
    assert [(one.told.agent, one.told.revision, one.told.health) for one in store.agents()] == [
        ("a", 3, "failed"),
        ("b", 1, "ok"),
    ]
    assert store.agents()[1] == seen("b", 1)
    assert store.forget_agent("a")
    assert not store.forget_agent("a")


def test_what_differs_gets_one_revision(store: SqlServerStore) -> None:
    one, two = ("production", "bank"), ("production", "bike")
    assert store.fleet_revision() == 0
    first = store.follow({one: Followed(1, b"a"), two: Followed(1, b"b")})
    assert (first.revision, [row.changed for row in first.rows]) == (1, [1, 1])
    assert store.follow({one: Followed(1, b"a")}) == first  # the same
    assert store.follow({one: Followed(0, b"old")}) == first  # older than what is there
    second = store.follow({one: Followed(2, b"c")})
    assert [(row.model, row.changed) for row in second.rows] == [("bank", 2), ("bike", 1)]
    third = store.follow({}, [two, ("production", "never")])
    assert [(row.model, row.changed, row.document) for row in third.rows] == [
        ("bank", 2, b"c"),
        ("bike", 3, None),
    ]
    assert store.fleet() == third
    assert store.follow({}, [two]) == third  # gone already


def test_servers_that_see_the_same_change_give_it_one_revision(place: Path | str) -> None:
    stores = [open_server_store(place) for _ in range(4)]
    found = {("production", f"m{n}"): Followed(1, b"x") for n in range(5)}
    threads = [threading.Thread(target=store.follow, args=(found,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = stores[0].fleet()
    assert (table.revision, len(table.rows)) == (1, 5)
    for store in stores:
        store.close()


def test_what_was_written_outlives_the_process(place: Path | str) -> None:
    for number in range(2):
        with closing(open_server_store(place)) as store:
            assert store.fleet_revision() == number
            store.follow({("test", "bank"): Followed(number, b"%d" % number)})


def test_a_newer_format_is_left_alone(place: Path | str, store: SqlServerStore) -> None:
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE server_number SET number = 9 WHERE name = 'format'"))
    with pytest.raises(StoreError, match="format 9"):
        open_server_store(place)


@pytest.fixture
def elections(place: Path | str) -> Iterator[tuple[Election, Election]]:
    one, other = (
        (FileElection(place.with_suffix(".lock")), FileElection(place.with_suffix(".lock")))
        if isinstance(place, Path)
        else (PostgresElection(place), PostgresElection(place))
    )
    yield one, other
    one.resign()
    other.resign()


def test_one_leads_until_it_lets_go(elections: tuple[Election, Election]) -> None:
    one, other = elections
    assert one.leads()
    assert not other.leads()
    assert one.leads()
    one.resign()
    assert other.leads()
    assert not one.leads()
    other.resign()
    other.resign()
    assert one.leads()


def test_a_leader_whose_connection_is_cut_leads_no_more() -> None:
    with schema() as url:
        one, other = PostgresElection(url), PostgresElection(url)
        assert one.leads()
        with closing(open_server_store(url)) as store, store._engine.begin() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
                    "AND objid = (hashtext(current_schema())::bigint & 4294967295)::oid"
                )
            )
        with pytest.raises(StoreError, match="Nobody acts until it does"):
            one.leads()
        assert other.leads()
        assert not one.leads()
        one.resign()
        other.resign()


def test_a_database_that_does_not_answer_says_so() -> None:
    election = PostgresElection("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreError, match="does not answer"):
        election.leads()
    election.resign()
