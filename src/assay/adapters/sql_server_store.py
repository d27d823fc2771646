"""A server's tables, in SQLite or in PostgreSQL."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy import (
    Table as SqlTable,
)
from sqlalchemy.exc import DBAPIError

from assay.adapters.ledger_address import address_of
from assay.adapters.postgres_engine import postgres_engine, postgres_world
from assay.adapters.sqlite_engine import sqlite_engine, world_error
from assay.errors import InputError, StoreError
from assay.ports.server_store import Followed, Row, Seen, Table, Token, Told

__all__ = ["FORMAT", "SERVER_FILE", "SqlServerStore", "open_server_store", "server_store_of"]

FORMAT = 1
SERVER_FILE = "server.sqlite"

_TABLES = MetaData()
_TOKENS = SqlTable(
    "server_token",
    _TABLES,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("made_at", Text, nullable=False),
)
_AGENTS = SqlTable(
    "server_agent",
    _TABLES,
    Column("agent", Text, primary_key=True),
    Column("environment", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("health", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Text, nullable=False),
)
_FLEET = SqlTable(
    "server_fleet",
    _TABLES,
    Column("environment", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("changed", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("document", LargeBinary),
)
_NUMBERS = SqlTable(
    "server_number",
    _TABLES,
    Column("name", Text, primary_key=True),
    Column("number", Integer, nullable=False),
)

_ACKNOWLEDGE = text(
    "INSERT INTO server_agent (agent, environment, labels, revision, health, note, at) "
    "VALUES (:agent, :environment, :labels, :revision, :health, :note, :at) "
    "ON CONFLICT (agent) DO UPDATE SET environment = excluded.environment, "
    "labels = excluded.labels, revision = excluded.revision, health = excluded.health, "
    "note = excluded.note, at = excluded.at WHERE excluded.at >= server_agent.at"
)

_LOCK = 0x41535342
"""One makes the tables, the others wait."""

World = Callable[[], AbstractContextManager[None]]


def open_server_store(place: Path | str, patience: float = 10.0) -> SqlServerStore:
    """Open a server's tables, or make them: in a file at a path, or at a database's address.

    Raises StoreError where they cannot be used or are of a newer format.
    """
    if isinstance(place, Path):
        engine = sqlite_engine(place, patience)
        world: World = lambda: _sqlite_world(engine)  # noqa: E731 - bound to the engine
    else:
        engine = postgres_engine(place, patience)
        world = lambda: postgres_world(engine)  # noqa: E731
    store = SqlServerStore(engine, world)
    try:
        store.prepare()
    except BaseException:
        store.close()
        raise
    return store


def server_store_of(state: Path, database: str | None) -> SqlServerStore:
    """Open a server's tables: in a database, or where the ledger of its first workspace is."""
    database = database or address_of(state)
    if database is not None:
        return open_server_store(database)
    try:
        state.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"The directory {state} cannot be made: {error}.") from error
    return open_server_store(state / SERVER_FILE)


class SqlServerStore:
    """Keeps tokens, agents and the fleet's revision; `close` it when done."""

    def __init__(self, engine: Engine, world: World) -> None:
        self._engine = engine
        self._world = world
        weakref.finalize(self, engine.dispose)

    def prepare(self) -> None:
        """Make the tables where there are none."""
        with self._writing() as connection:
            if self._engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            _TABLES.create_all(connection)
            stored = _number(connection, "format")
            if stored is None:
                start = [{"name": "format", "number": FORMAT}, {"name": "fleet", "number": 0}]
                connection.execute(insert(_NUMBERS), start)
            elif stored != FORMAT:
                raise StoreError(
                    f"The server's tables have format {stored}, and this version of Assay knows "
                    f"{FORMAT}: use the newer version that wrote them."
                )

    def add_token(self, token: Token) -> None:
        """Keep a token; InputError where there is one of its name."""
        row = {**vars(token), "scopes": " ".join(token.scopes), "made_at": _time(token.made_at)}
        with self._writing() as connection:
            named = select(_TOKENS.c.name).where(_TOKENS.c.name == token.name)
            if connection.execute(named).first() is not None:
                raise InputError(
                    f"There is a token named {token.name!r} already. Remove it first, or take "
                    "another name."
                )
            connection.execute(insert(_TOKENS).values(row))

    def remove_token(self, name: str) -> bool:
        """Let a token open nothing any more; False where there is none of that name."""
        with self._writing() as connection:
            found = connection.execute(delete(_TOKENS).where(_TOKENS.c.name == name))
        return bool(found.rowcount)

    def tokens(self) -> tuple[Token, ...]:
        """Return every token, by name."""
        with self._reading() as connection:
            rows = connection.execute(select(_TOKENS).order_by(_TOKENS.c.name)).all()
        return tuple(
            Token(name, digest, tuple(scopes.split()), person, datetime.fromisoformat(at))
            for name, digest, scopes, person, at in rows
        )

    def acknowledge(self, seen: Sequence[Seen]) -> None:
        """Keep what agents told, in one durable transaction; of one agent the latest stays."""
        rows = [{**vars(one.told), "at": _time(one.at)} for one in seen]
        rows.sort(key=lambda row: str(row["agent"]))  # one order of locks for all servers
        if rows:
            with self._writing() as connection:
                connection.execute(_ACKNOWLEDGE, rows)

    def agents(self) -> tuple[Seen, ...]:
        """Return what each agent told last, by name."""
        with self._reading() as connection:
            rows = connection.execute(select(_AGENTS).order_by(_AGENTS.c.agent)).all()
        return tuple(
            Seen(
                Told(agent, environment, labels, revision, health, note),
                datetime.fromisoformat(at),
            )
            for agent, environment, labels, revision, health, note, at in rows
        )

    def forget_agent(self, agent: str) -> bool:
        """Remove an agent that is no more; False where it is not known."""
        with self._writing() as connection:
            found = connection.execute(delete(_AGENTS).where(_AGENTS.c.agent == agent))
        return bool(found.rowcount)

    def fleet_revision(self) -> int:
        """Return the fleet's revision; 0 where nothing was ever followed."""
        with self._reading() as connection:
            return _number(connection, "fleet") or 0

    def fleet(self) -> Table:
        """Return every row, those of models that are gone too."""
        with self._writing() as connection:  # the number and the rows of one moment
            return _table(connection)

    def follow(
        self, found: Mapping[tuple[str, str], Followed], gone: Sequence[tuple[str, str]] = ()
    ) -> Table:
        """Take in what was found of (environment, model), and return the table after it."""
        with self._writing() as connection:
            # Whoever holds the number is the only one who changes the rows.
            same = update(_NUMBERS).where(_NUMBERS.c.name == "fleet")
            connection.execute(same.values(number=_NUMBERS.c.number))
            before = _table(connection)
            there = {(row.environment, row.model): row for row in before.rows}
            news = [
                Row(*place, before.revision + 1, one.revision, one.document)
                for place, one in found.items()
                if _differs(there.get(place), one)
            ]
            for place in gone:
                row = there.get(place)
                if row is not None and row.document is not None:
                    news.append(Row(*place, before.revision + 1, row.revision, None))
            if not news:
                return before
            places = [{"of": row.environment, "named": row.model} for row in news]
            connection.execute(
                text("DELETE FROM server_fleet WHERE environment = :of AND model = :named"), places
            )
            connection.execute(insert(_FLEET), [vars(row) for row in news])
            connection.execute(same.values(number=before.revision + 1))
            return _table(connection)

    def close(self) -> None:
        """Close the connections; a second call does nothing."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._world(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        writer = self._engine.execution_options(begin="IMMEDIATE")
        with self._world(), writer.begin() as connection:
            yield connection


def _differs(row: Row | None, found: Followed) -> bool:
    if row is None:
        return True
    newer = found.revision >= row.revision
    return newer and found.document != row.document


def _table(connection: Connection) -> Table:
    rows = connection.execute(select(_FLEET).order_by(_FLEET.c.environment, _FLEET.c.model))
    return Table(_number(connection, "fleet") or 0, tuple(Row(*row) for row in rows))


def _number(connection: Connection, name: str) -> int | None:
    query = select(_NUMBERS.c.number).where(_NUMBERS.c.name == name)
    found = connection.execute(query).scalar()
    return None if found is None else int(found)


def _time(at: datetime) -> str:
    """Return a time as text whose order is that of the times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


@contextmanager
def _sqlite_world(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise world_error(str(engine.url.database), error) from error
