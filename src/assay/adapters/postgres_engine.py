"""How Assay speaks to PostgreSQL so that what was written stays, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from assay.errors import InputError, MissingLibrary, StoreError

__all__ = ["postgres_engine", "postgres_world"]


def postgres_engine(url: str, patience: float = 10.0) -> Engine:
    """Return an engine whose commits are on disk when they return (`synchronous_commit`).

    `patience` is how many seconds to wait for a lock that another writer holds. Raises InputError
    where the address is none of PostgreSQL, MissingLibrary where its driver is not installed.

    >>> postgres_engine("mysql://here/db")
    Traceback (most recent call last):
    ...
    assay.errors.InputError: The database's address begins with `postgresql://`; given: 'mysql'.
    """
    place = _parsed(url)
    try:
        engine = create_engine(
            place,
            pool_pre_ping=True,
            pool_size=10,
            connect_args={"connect_timeout": 5, "application_name": "assay"},
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise MissingLibrary("psycopg", "postgres") from error

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute("SET synchronous_commit TO on")
        connection.execute(f"SET lock_timeout TO {int(patience * 1000)}")
        connection.autocommit = False

    return engine


@contextmanager
def postgres_world(engine: Engine) -> Iterator[None]:
    """Turn a database error into one paragraph that says what it means and what to do."""
    try:
        yield
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        place = engine.url.render_as_string(hide_password=True)
        if "lock timeout" in said:
            means, mend = "is locked by another process", "Wait for it, then repeat the command"
        elif error.connection_invalidated or "connect" in said:
            means, mend = "does not answer", "See that it runs and that the address is right"
        else:
            means, mend = "cannot be used", "See what it says, and mend that"
        raise StoreError(f"The database {place} {means} ({said}). {mend}.") from error


def _parsed(url: str) -> URL:
    try:
        place = make_url(url)
    except ArgumentError as error:
        raise InputError(
            "This is no address of a database. Give one such as "
            "`postgresql://user@host:5432/assay`."
        ) from error
    if place.get_backend_name() != "postgresql":
        raise InputError(
            f"The database's address begins with `postgresql://`; given: {place.drivername!r}."
        )
    return place.set(drivername="postgresql+psycopg")
