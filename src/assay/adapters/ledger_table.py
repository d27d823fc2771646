"""The ledger as a table: its columns, how an entry becomes a row, how rows are read in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from assay.evidence.event import Event

__all__ = ["LEDGER", "all_entries", "event_of", "paged", "revision_of", "values_of"]

LEDGER = Table(
    "ledger",
    MetaData(),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("subject_revision", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    UniqueConstraint("subject", "subject_revision", name="one_entry_a_revision"),
)

_PAGE = 500
"""Entries read at once: a slow reader holds no transaction open between pages."""


def paged(
    reading: Callable[[], AbstractContextManager[Connection]], subject: str | None, after: int
) -> Iterator[Event]:
    """Yield entries in order, those of one subject or all, in pages of a transaction each."""
    query = select(LEDGER).order_by(LEDGER.c.seq).limit(_PAGE)
    if subject is not None:
        query = query.where(LEDGER.c.subject == subject)
    while True:
        with reading() as connection:
            page = [event_of(row) for row in connection.execute(query.where(LEDGER.c.seq > after))]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].seq


def all_entries(connection: Connection) -> Iterator[Event]:
    """Yield every entry in order, within one transaction."""
    rows = connection.execute(
        select(LEDGER).order_by(LEDGER.c.seq), execution_options={"yield_per": _PAGE}
    )
    yield from map(event_of, rows)


def revision_of(connection: Connection, subject: str) -> int:
    """Return a subject's newest revision; 0 where it has no entry."""
    newest = select(func.max(LEDGER.c.subject_revision)).where(LEDGER.c.subject == subject)
    return connection.execute(newest).scalar() or 0


def values_of(event: Event) -> dict[str, Any]:
    """Return an entry as a row."""
    return {
        "seq": event.seq,
        "subject": event.subject,
        "subject_revision": event.revision,
        "type": event.type,
        "bytes": event.content,
        "previous": event.previous,
        "digest": event.digest,
    }


def event_of(row: Row[Any]) -> Event:
    """Read a row as it lies, whatever was put there: the chain's check judges it."""
    seq, subject, revision, type_, content, previous, digest = tuple(row)
    return Event(
        seq=seq,
        subject=str(subject),
        revision=revision,
        type=str(type_),
        content=content if isinstance(content, bytes) else str(content).encode(),
        previous=str(previous),
        digest=str(digest),
    )
