"""The ledger in PostgreSQL: one for all models and all servers.

Entry and head are written in one transaction that holds the head's row, so that any number of
servers may append and an acknowledged entry has its head. The database itself refuses to change
or remove entries. Who owns the database could take that away: a witness, the last head that this
machine has seen, is therefore kept in a file outside of it, and checked against the entries.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    update,
)

from assay.adapters.file_lock import locked
from assay.adapters.head_file import HeadFile
from assay.adapters.ledger_rows import event_of, paged
from assay.adapters.ledger_table import LEDGER, all_entries, entries_after, revision_of, values_of
from assay.adapters.postgres_engine import postgres_engine, postgres_world
from assay.adapters.postgres_migrations.migration import CURRENT, bring_up_to_date, stored_format
from assay.errors import LedgerBroken, LedgerConflict
from assay.evidence.chain import EMPTY, Head, first_break, holds
from assay.evidence.entry import check_entry
from assay.evidence.event import Event, chained

__all__ = ["PostgresLedger", "open_postgres_ledger"]

_HEAD = Table(
    "ledger_head",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("digest", Text, nullable=False),
)


def open_postgres_ledger(
    url: str, witness: Path | None = None, patience: float = 10.0
) -> PostgresLedger:
    """Open the ledger in a database, or make an empty one; `witness` is a file of this machine.

    Raises StoreError where the database does not answer, or has other tables of those names.
    """
    ledger = PostgresLedger(postgres_engine(url, patience), witness)
    try:
        ledger.prepare()
    except BaseException:
        ledger.close()
        raise
    return ledger


class PostgresLedger:
    """Appends to, reads and verifies a ledger in PostgreSQL; `close` it when done."""

    def __init__(self, engine: Engine, witness: Path | None = None) -> None:
        self._engine = engine
        self._witness = None if witness is None else HeadFile(witness)
        weakref.finalize(self, engine.dispose)

    def prepare(self) -> None:
        """Make the tables where there are none, and migrate an older format."""
        with self._transaction() as connection:
            if stored_format(connection) == CURRENT:
                return
        with self._transaction() as connection:
            bring_up_to_date(connection)

    def append(self, subject: str, type_: str, content: bytes, expected: int | None) -> Event:
        """Write one entry durably, or raise LedgerConflict where the subject is not at `expected`.

        Raises ValueError where the entry is malformed, LedgerBroken where the end of the ledger
        does not hold, StoreError where the database fails. After a StoreError the entry may be
        there or not: read the subject again.
        """
        check_entry(subject, type_, content)
        if "\0" in subject:
            raise ValueError(f"A subject holds no NUL character; given: {subject!r}.")
        with self._transaction() as connection:
            last = self._checked_end(connection)
            revision = revision_of(connection, subject)
            if expected is not None and expected != revision:
                raise LedgerConflict(subject, expected, revision)
            event = chained(last.seq + 1, subject, revision + 1, type_, content, last.digest)
            connection.execute(insert(LEDGER).values(values_of(event)))
            connection.execute(update(_HEAD).values(seq=event.seq, digest=event.digest))
        self._see(Head(event.seq, event.digest))
        return event

    def events(self, subject: str | None = None, after: int = 0) -> Iterator[Event]:
        """Yield entries in order, those of one subject or all; unknown subjects have none."""

        def page(after: int) -> list[Event]:
            with self._transaction() as connection:
                return entries_after(connection, subject, after)

        return paged(page, after)

    def revision(self, subject: str) -> int:
        """Return a subject's newest revision; 0 where it has no entry."""
        with self._transaction() as connection:
            return revision_of(connection, subject)

    def verify(self) -> int:
        """Count the entries, or raise LedgerBroken naming the first that does not hold."""
        seen = self._seen()  # first: entries written meanwhile may lie behind it
        with self._transaction("REPEATABLE READ") as connection:
            row = connection.execute(select(_HEAD.c.seq, _HEAD.c.digest)).first()
            head = None if row is None else Head(*row)
            broken = first_break(all_entries(connection), head)
            broken = broken or _unseen(connection, head, seen)
        if broken is not None:
            raise LedgerBroken(broken)
        return 0 if head is None else head.seq

    def close(self) -> None:
        """Close the connections; a second call does nothing."""
        self._engine.dispose()

    def _checked_end(self, connection: Connection) -> Head:
        """Take the head's row, so that nobody else appends, and check that it names the last."""
        row = connection.execute(select(_HEAD.c.seq, _HEAD.c.digest).with_for_update()).first()
        head = None if row is None else Head(*row)
        found = []
        if head is not None:
            newest = select(LEDGER).where(LEDGER.c.seq >= head.seq).order_by(LEDGER.c.seq)
            found = [event_of(one) for one in connection.execute(newest.limit(2))]
        if head == EMPTY and not found:
            return head
        named = [(one.seq, one.digest) for one in found]
        if head is None or named != [(head.seq, head.digest)] or not holds(found[0]):
            broken = first_break(all_entries(connection), head)
            broken = broken or _unseen(connection, head, self._seen())
            raise LedgerBroken(broken or "The end of the ledger does not hold.")
        return head

    def _seen(self) -> Head | None:
        return None if self._witness is None else self._witness.read()

    def _see(self, head: Head) -> None:
        """Move the witness on; one that lags is none the worse for it."""
        if self._witness is None:
            return
        path = self._witness.path
        with locked(path.with_name(path.name + ".lock")):
            seen = self._witness.read()
            if seen is None or seen.seq < head.seq:
                self._witness.write(head)

    @contextmanager
    def _transaction(self, isolation: str = "READ COMMITTED") -> Iterator[Connection]:
        # AUTOCOMMIT is never used: each transaction reads and writes as a whole.
        engine = self._engine.execution_options(isolation_level=isolation)
        with postgres_world(self._engine), engine.begin() as connection:
            yield connection


def _unseen(connection: Connection, head: Head | None, seen: Head | None) -> str | None:
    """Say how the entries contradict their head, or what this machine saw; None where not."""
    newest = select(LEDGER.c.seq).order_by(LEDGER.c.seq.desc()).limit(1)
    last = connection.execute(newest).scalar() or 0
    if head is not None and last != head.seq:
        return (
            f"Entry {last} was added behind the ledger's back: its head names entry {head.seq} as "
            "the last."
        )
    if seen is None or seen == EMPTY:
        return None
    same = select(LEDGER.c.digest).where(LEDGER.c.seq == seen.seq)
    if connection.execute(same).scalar() == seen.digest:
        return None
    return (
        f"Entry {seen.seq} is not the one that this machine saw: the ledger was cut or written "
        "anew, together with its head. Restore it from a backup."
    )
