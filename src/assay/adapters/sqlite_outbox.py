"""Receipts of messages in one SQLite file, and a lock file beside it.

Each receipt is on disk when `record` returns (WAL, `synchronous=FULL`). To change the format:
raise `_FORMAT`, and bring older files up to date in `_prepare`. A lost file costs no alert: open
ones are then sent again, under the same ids.
"""

from __future__ import annotations

import fcntl
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from assay.adapters.sqlite_engine import sqlite_engine, world_error
from assay.errors import StoreError
from assay.ports.outbox import ChannelState, Receipt

__all__ = ["SqliteOutbox"]

_FORMAT = 1
_TABLES = MetaData()
_RECEIPTS = Table(
    "receipts",
    _TABLES,
    Column("channel", Text, primary_key=True),
    Column("message", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", Text, nullable=False),
    Column("due", Text),
    Column("error", Text, nullable=False),
)
_CHANNELS = Table(
    "channels",
    _TABLES,
    Column("channel", Text, primary_key=True),
    Column("since", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("due", Text),
)


class SqliteOutbox:
    """Keeps receipts at a path; the file is made when something is first written or read."""

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        self._path = path
        self._patience = patience

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Give True to one process at a time, False to others.

        The operating system holds the lock for the process, and drops it where that is killed.
        """
        try:
            lock = self._path.with_suffix(".lock").open("a")
        except OSError as error:
            raise StoreError(
                f"The outbox {self._path} cannot be locked: {error}. See that its folder can be "
                "written; nothing was sent."
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def receipts(self, channel: str) -> Mapping[str, Receipt]:
        """Return the receipts of a channel by message id; none where it is not known."""
        query = select(_RECEIPTS).where(_RECEIPTS.c.channel == channel)
        with self._connected() as connection:
            return {
                row.message: Receipt(
                    row.status, row.attempts, _moment(row.at), _or_none(row.due), row.error
                )
                for row in connection.execute(query)
            }

    def record(self, channel: str, message: str, receipt: Receipt) -> None:
        """Replace a message's receipt durably; StoreError where that fails."""
        self._replace(
            _RECEIPTS,
            channel=channel,
            message=message,
            status=receipt.status,
            attempts=receipt.attempts,
            at=receipt.at.isoformat(),
            due=None if receipt.due is None else receipt.due.isoformat(),
            error=receipt.error,
        )

    def channel(self, channel: str) -> ChannelState | None:
        """Return how a channel stands; None where it was never used."""
        query = select(_CHANNELS).where(_CHANNELS.c.channel == channel)
        with self._connected() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return ChannelState(row.since, row.failures, _or_none(row.due))

    def keep(self, channel: str, state: ChannelState) -> None:
        """Replace how a channel stands, durably; StoreError where that fails."""
        self._replace(
            _CHANNELS,
            channel=channel,
            since=state.since,
            failures=state.failures,
            due=None if state.due is None else state.due.isoformat(),
        )

    def _replace(self, table: Table, **values: Any) -> None:
        with self._connected("IMMEDIATE") as connection:
            connection.execute(insert(table).prefix_with("OR REPLACE").values(values))

    @contextmanager
    def _connected(self, begin: str = "DEFERRED") -> Iterator[Connection]:
        try:
            engine = self._engine.execution_options(begin=begin)
            with engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise world_error(str(self._path), error) from error

    @cached_property
    def _engine(self) -> Engine:
        engine = sqlite_engine(self._path, self._patience)
        weakref.finalize(self, engine.dispose)
        with engine.execution_options(begin="IMMEDIATE").begin() as connection:
            self._prepare(connection)
        return engine

    def _prepare(self, connection: Connection) -> None:
        stored = connection.execute(text("PRAGMA user_version")).scalar()
        if stored not in (0, _FORMAT):
            raise StoreError(
                f"{self._path} is an outbox in format {stored}, and this version of Assay knows "
                f"format {_FORMAT}: use the newer version that wrote it."
            )
        _TABLES.create_all(connection)
        connection.execute(text(f"PRAGMA user_version = {_FORMAT}"))


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _or_none(written: str | None) -> datetime | None:
    return None if written is None else _moment(written)
