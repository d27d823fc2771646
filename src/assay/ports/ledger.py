"""Where decisions are written down for good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from assay.evidence.event import Event

__all__ = ["Ledger"]


class Ledger(Protocol):
    """One append-only, hash-chained log of events."""

    def append(self, subject: str, type_: str, content: bytes, expected: int | None) -> Event:
        """Write one entry durably, or raise LedgerConflict where the subject is not at `expected`.

        `expected` is the subject's revision as the caller knows it (0: none); None asks for none.
        """
        ...

    def events(self, subject: str | None = None, after: int = 0) -> Iterator[Event]:
        """Yield entries in order, those of one subject or all; unknown subjects have none."""
        ...

    def revision(self, subject: str) -> int:
        """Return a subject's newest revision; 0 where it has no entry."""
        ...

    def verify(self) -> int:
        """Count the entries, or raise LedgerBroken naming the first that does not hold."""
        ...
