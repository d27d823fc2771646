"""The ledger in one SQLite file, with its head in a second file beside it.

An entry is acknowledged after two things are on disk: the entry (WAL, `synchronous=FULL`) and
the head that names it. Every change of either happens under SQLite's own write lock, so that any
number of threads and processes may append. A writer that is killed in between leaves a head that
lags; the next one checks the entries behind it and moves the head on. A head that is ahead, or
names another entry, is a broken ledger, and nothing is written to it any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from assay.adapters.head_file import HeadFile
from assay.adapters.ledger_rows import PAGE, event_of, paged
from assay.adapters.sqlite_connections import SqliteConnections
from assay.adapters.sqlite_ledger_format import CURRENT, bring_up_to_date, stored_format
from assay.errors import LedgerBroken, LedgerConflict, StoreError
from assay.evidence.chain import EMPTY, Head, first_break, holds
from assay.evidence.entry import check_entry
from assay.evidence.event import Event, chained

__all__ = ["SqliteLedger", "open_ledger"]

_ENTRIES = "SELECT seq, subject, subject_revision, type, bytes, previous, digest FROM ledger"


def open_ledger(path: Path, patience: float = 10.0) -> SqliteLedger:
    """Open the ledger at a path, or make an empty one; its head lies beside it as `*.head`.

    `patience` is how many seconds to wait for another writer. Raises StoreError where the file is
    damaged, locked, or no ledger, and LedgerBroken where the entries are gone and the head is not.
    """
    if not path.parent.is_dir():
        raise StoreError(f"There is no directory {path.parent} to keep the ledger {path.name} in.")
    ledger = SqliteLedger(SqliteConnections(path, patience), HeadFile(path.with_suffix(".head")))
    try:
        ledger.prepare()
    except BaseException:
        ledger.close()
        raise
    return ledger


class SqliteLedger:
    """Appends to, reads and verifies a ledger in SQLite; `close` it when done."""

    def __init__(self, database: SqliteConnections, head: HeadFile) -> None:
        self._database = database
        self._head = head

    def prepare(self) -> None:
        """Make the table where there is none, and migrate an older format."""
        path = str(self._database.path)
        with self._database.reading() as connection:
            stored = stored_format(connection, path)
        if stored == CURRENT:
            return
        with self._database.writing() as connection:
            stored = stored_format(connection, path)  # another process may have been faster
            if stored is None:
                self._start()
            bring_up_to_date(connection, path, stored)

    def append(self, subject: str, type_: str, content: bytes, expected: int | None) -> Event:
        """Write one entry durably, or raise LedgerConflict where the subject is not at `expected`.

        Raises ValueError where the entry is malformed, LedgerBroken where the end of the ledger
        does not hold, StoreError where the disk fails. After a StoreError the entry may be there
        or not: read the subject again.
        """
        check_entry(subject, type_, content)
        with self._database.writing() as connection:
            last = self._checked_end(connection)
            revision = _revision(connection, subject)
            if expected is not None and expected != revision:
                raise LedgerConflict(subject, expected, revision)
            event = chained(last.seq + 1, subject, revision + 1, type_, content, last.digest)
            connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?)", _row(event))
        self._acknowledge(event)
        return event

    def events(self, subject: str | None = None, after: int = 0) -> Iterator[Event]:
        """Yield entries in order, those of one subject or all; unknown subjects have none."""

        def page(after: int) -> list[Event]:
            with self._database.reading() as connection:
                return _entries_after(connection, subject, after)

        return paged(page, after)

    def revision(self, subject: str) -> int:
        """Return a subject's newest revision; 0 where it has no entry."""
        with self._database.reading() as connection:
            return _revision(connection, subject)

    def verify(self) -> int:
        """Count the entries, or raise LedgerBroken naming the first that does not hold.

        The database's own check runs as well: an index that lost an entry would hide it from
        those who ask for one subject.
        """
        head = self._head.read()  # first: entries written meanwhile may lie behind it
        with self._database.reading() as connection:
            count = _checked_chain(connection, head)
            (finding,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if finding != "ok":
            raise LedgerBroken(
                f"The chain of {count} entries holds, but the database around it was changed or "
                f"damaged: {finding}. Restore it from a backup."
            )
        return count

    def close(self) -> None:
        """Close the connections; a second call does nothing."""
        self._database.close()

    def _acknowledge(self, event: Event) -> None:
        """Move the head on to the last entry there is, this one or a later one."""
        try:
            with self._database.writing() as connection:
                self._head.write(self._checked_end(connection))
        except StoreError as error:
            raise StoreError(
                f"{error} Entry {event.seq} on {event.subject} may stand in the ledger although "
                "it was not acknowledged: look before you repeat the command."
            ) from error

    def _start(self) -> None:
        """Write the head of an empty ledger, unless a head tells of entries that are gone."""
        head = self._head.read()
        if head is not None and head != EMPTY:
            raise LedgerBroken(
                f"The ledger {self._database.path} is gone or empty, but its head "
                f"{self._head.path} names entry {head.seq} as the last: all entries were removed. "
                "Restore the database from a backup."
            )
        self._head.write(EMPTY)

    def _checked_end(self, connection: sqlite3.Connection) -> Head:
        """Return the last entry as a head, after checking that the head in the file leads to it."""
        head = self._head.read()
        if head is None:
            raise LedgerBroken(
                first_break(_all_entries(connection), None) or "The head is missing."
            )
        rows = connection.execute(f"{_ENTRIES} WHERE seq >= ? ORDER BY seq", (head.seq,))
        last = EMPTY if head.seq == 0 else None
        for event in map(event_of, rows):
            begins = last is None and (event.seq, event.digest) == (head.seq, head.digest)
            follows = last is not None and (event.seq - 1, event.previous) == (
                last.seq,
                last.digest,
            )
            if not (holds(event) and (begins or follows)):
                last = None
                break
            last = Head(event.seq, event.digest)
        if last is None:
            broken = first_break(_all_entries(connection), head)
            raise LedgerBroken(broken or "The end of the ledger does not hold.")
        return last


def _checked_chain(connection: sqlite3.Connection, head: Head | None) -> int:
    """Count the entries, or raise LedgerBroken where the chain or the reading of it breaks."""
    count = 0

    def counted() -> Iterator[Event]:
        nonlocal count
        for event in _all_entries(connection):
            count += 1
            yield event

    try:
        broken = first_break(counted(), head)
    except sqlite3.DatabaseError as error:
        raise LedgerBroken(
            f"Entry {count + 1} cannot be read: the database is damaged there ({error}). "
            "Restore it from a backup."
        ) from error
    if broken is not None:
        raise LedgerBroken(broken)
    return count


def _entries_after(connection: sqlite3.Connection, subject: str | None, after: int) -> list[Event]:
    """Return the entries after one, those of one subject or all, a page at most."""
    of, given = ("", ()) if subject is None else ("AND subject = ? ", (subject,))
    rows = connection.execute(
        f"{_ENTRIES} WHERE seq > ? {of}ORDER BY seq LIMIT {PAGE}", (after, *given)
    )
    return list(map(event_of, rows))


def _all_entries(connection: sqlite3.Connection) -> Iterator[Event]:
    """Yield every entry in order, within one transaction."""
    yield from map(event_of, connection.execute(f"{_ENTRIES} ORDER BY seq"))


def _revision(connection: sqlite3.Connection, subject: str) -> int:
    """Return a subject's newest revision; 0 where it has no entry."""
    newest = "SELECT max(subject_revision) FROM ledger WHERE subject = ?"
    (found,) = connection.execute(newest, (subject,)).fetchone()
    return found or 0


def _row(event: Event) -> tuple[object, ...]:
    place = event.seq, event.subject, event.revision, event.type
    return (*place, event.content, event.previous, event.digest)
