"""A ledger in memory: for tests, and for trying things out."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from assay.errors import LedgerBroken, LedgerConflict
from assay.evidence.chain import EMPTY, Head, first_break
from assay.evidence.entry import check_entry
from assay.evidence.event import Event, chained

__all__ = ["MemoryLedger"]


class MemoryLedger:
    """Keeps entries in a list; nothing outlives the process."""

    def __init__(self) -> None:
        self.entries: list[Event] = []
        self.head = EMPTY
        self._lock = threading.Lock()

    def append(self, subject: str, type_: str, content: bytes, expected: int | None) -> Event:
        """Write one entry, or raise LedgerConflict where the subject is not at `expected`."""
        check_entry(subject, type_, content)
        with self._lock:
            revision = self.revision(subject)
            if expected is not None and expected != revision:
                raise LedgerConflict(subject, expected, revision)
            seq, previous = self.head.seq + 1, self.head.digest
            event = chained(seq, subject, revision + 1, type_, content, previous)
            self.entries.append(event)
            self.head = Head(event.seq, event.digest)
            return event

    def events(self, subject: str | None = None, after: int = 0) -> Iterator[Event]:
        """Yield entries in order, those of one subject or all."""
        for event in tuple(self.entries):
            if event.seq > after and subject in {None, event.subject}:
                yield event

    def revision(self, subject: str) -> int:
        """Return a subject's newest revision; 0 where it has no entry."""
        return max((e.revision for e in self.entries if e.subject == subject), default=0)

    def verify(self) -> int:
        """Count the entries, or raise LedgerBroken naming the first that does not hold."""
        with self._lock:
            broken = first_break(self.entries, self.head)
            if broken is not None:
                raise LedgerBroken(broken)
            return len(self.entries)
