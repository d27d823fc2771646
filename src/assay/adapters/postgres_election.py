"""A lead among servers: whoever's connection holds an advisory lock of the database has it.

The lock goes with the connection: a server that dies, or that the database cannot reach any more,
has let go of it. A server that was cut off and does not know yet may still try to act: the
ledger's revisions then refuse it.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from assay.adapters.postgres_engine import postgres_engine
from assay.errors import StoreError

__all__ = ["PostgresElection"]

_KEY = "hashtext('assay leader'), hashtext(current_schema())"

_WATCH = (
    "SET tcp_keepalives_idle TO 5",
    "SET tcp_keepalives_interval TO 2",
    "SET tcp_keepalives_count TO 3",
)
"""The database lets go of a machine that vanished after some 11 seconds."""


class PostgresElection:
    """Asks for the lock on a connection of its own, and keeps that open while it leads."""

    def __init__(self, url: str) -> None:
        self._engine = postgres_engine(url)
        self._connection: Connection | None = None
        self._held = False

    def leads(self) -> bool:
        """Whether this process leads now; it takes the lead where nobody has it."""
        try:
            connection = self._connected()
            if self._held:
                connection.exec_driver_sql("SELECT 1")  # the lock goes with the connection
            else:
                asked = text(f"SELECT pg_try_advisory_lock({_KEY})")
                self._held = bool(connection.execute(asked).scalar())
        except DBAPIError as error:
            self._drop()
            said = " ".join(str(error.orig).split())
            raise StoreError(
                f"The database that says who leads does not answer ({said}). Nobody acts until it "
                "does; gateways serve on."
            ) from error
        return self._held

    def resign(self) -> None:
        """Let go of the lead; a second call does nothing."""
        self._drop()
        self._engine.dispose()

    def _connected(self) -> Connection:
        if self._connection is None:
            opened = self._engine.execution_options(isolation_level="AUTOCOMMIT").connect()
            for one in _WATCH:
                opened.exec_driver_sql(one)
            self._connection = opened
        return self._connection

    def _drop(self) -> None:
        connection, self._connection, self._held = self._connection, None, False
        if connection is not None:
            with suppress(DBAPIError):
                connection.invalidate()  # not back to the pool: the lock is to go with it
            connection.close()
