"""How Assay opens a SQLite file so that what was written stays, and what SQLite's errors mean."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

from assay.adapters.sqlite_connections import make_durable, world_error_said
from assay.errors import StoreError

__all__ = ["sqlite_engine", "world_error"]


def sqlite_engine(path: Path, patience: float) -> Engine:
    """Return an engine whose commits are on disk when they return (WAL, `synchronous=FULL`).

    A transaction starts with `BEGIN IMMEDIATE` under the execution option `begin="IMMEDIATE"`:
    it then has the write lock from its first read on. `patience` is in seconds.
    """
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"timeout": patience})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "checkout", _refuse_another_process)
    event.listen(engine, "begin", _begin)
    return engine


def world_error(path: str, error: DBAPIError) -> StoreError:
    """Say in one paragraph what a database error means and what to do."""
    return world_error_said(path, str(error.orig))


def _prepare(connection: sqlite3.Connection, record: Any) -> None:
    # The driver must not start transactions by itself: `_begin` does.
    connection.isolation_level = None
    make_durable(connection)
    record.info["pid"] = os.getpid()


def _refuse_another_process(_connection: sqlite3.Connection, record: Any, proxy: Any) -> None:
    """Drop a connection that came over a fork: SQLite's must not be used on both sides of it."""
    if record.info["pid"] != os.getpid():
        record.dbapi_connection = proxy.dbapi_connection = None
        raise DisconnectionError(f"This connection belongs to process {record.info['pid']}.")


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
