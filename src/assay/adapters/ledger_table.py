"""The ledger as a table: its columns, how an entry becomes a row, how rows are read in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from assay.adapters.ledger_rows import PAGE, event_of
from assay.evidence.event import Event

__all__ = ["LEDGER", "all_entries", "entries_after", "revision_of", "values_of"]

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


def entries_after(connection: Connection, subject: str | None, after: int) -> list[Event]:
    """Return the entries after one, those of one subject or all, a page at most."""
    query = select(LEDGER).where(LEDGER.c.seq > after).order_by(LEDGER.c.seq).limit(PAGE)
    if subject is not None:
        query = query.where(LEDGER.c.subject == subject)
    return list(map(event_of, connection.execute(query)))


def all_entries(connection: Connection) -> Iterator[Event]:
    """Yield every entry in order, within one transaction."""
    rows = connection.execute(
        select(LEDGER).order_by(LEDGER.c.seq), execution_options={"yield_per": PAGE}
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
