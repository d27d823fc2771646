"""Connections to one SQLite file, opened so that what was written stays, and what errors mean."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import StoreError

__all__ = ["SqliteConnections", "make_durable", "world_error_said"]

_IDLE = 4


class SqliteConnections:
    """One connection for each use at a time, kept open for the next use; any thread may ask.

    Commits are on disk when they return (WAL, `synchronous=FULL`). `patience` is how many seconds
    to wait for a lock. Every error of SQLite becomes a StoreError that says what to do.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self.path = path
        self._patience = patience
        self._idle: deque[_Owned] = deque()
        # SQLite's connections are to be closed by hand; who forgets is helped here.
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in a transaction that sees the file as it is now."""
        with self._transaction("DEFERRED") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that alone may write from its first read on; commit at the end."""
        with self._transaction("IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close what is not in use; a later use opens anew."""
        _close_all(self._idle)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            owned = self._taken()
            connection = owned[1]
            try:
                connection.execute(f"BEGIN {begin}")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.close()  # what it had begun is rolled back with it
                raise
        except sqlite3.Error as error:
            raise world_error_said(str(self.path), str(error)) from error
        self._idle.append(owned)
        while len(self._idle) > _IDLE:
            _close_one(self._idle)

    def _taken(self) -> _Owned:
        while True:
            try:
                owned = self._idle.pop()
            except IndexError:
                return self._opened()
            if owned[0] == os.getpid():
                return owned
            _LEFT.append(owned[1])

    def _opened(self) -> _Owned:
        connection = sqlite3.connect(
            self.path, timeout=self._patience, isolation_level=None, check_same_thread=False
        )
        try:
            make_durable(connection)
        except BaseException:
            connection.close()
            raise
        return os.getpid(), connection


_Owned = tuple[int, sqlite3.Connection]
"""A connection, and the process that opened it."""

_LEFT: list[sqlite3.Connection] = []
"""Connections that came over a fork: SQLite's must be neither used nor closed on its other side."""


def make_durable(connection: sqlite3.Connection) -> None:
    """Have commits on disk when they return, and read whatever bytes lie there."""
    # A byte changed on disk may not be UTF-8 any more; the reader is to see it, not to fail on it.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.execute("PRAGMA journal_mode=WAL").close()
    connection.execute("PRAGMA synchronous=FULL").close()
    connection.execute("PRAGMA cell_size_check=ON").close()


def world_error_said(path: str, said: str) -> StoreError:
    """Say in one paragraph what SQLite's words mean and what to do.

    >>> print(world_error_said("ledger.sqlite", "database is locked"))
    The database ledger.sqlite is locked by another process (database is locked). Wait for it to
    end, then repeat the command.
    """
    if "locked" in said or "busy" in said:
        means, mend = "is locked by another process", "Wait for it to end, then repeat the command"
    elif "not a database" in said or "malformed" in said:
        means, mend = "is damaged or no SQLite file", "Restore it and its head from a backup"
    elif "full" in said:
        means, mend = "cannot grow: the disk is full", "Make room, then repeat the command"
    else:
        means, mend = "cannot be used", "See that the file can be read and written"
    return StoreError(f"The database {path} {means} ({said}). {mend}.")


def _close_all(idle: deque[_Owned]) -> None:
    while idle:
        _close_one(idle)


def _close_one(idle: deque[_Owned]) -> None:
    try:
        pid, connection = idle.popleft()
    except IndexError:  # another thread was faster
        return
    if pid == os.getpid():
        connection.close()
    else:
        _LEFT.append(connection)
