"""An entry as a row of the ledger's table, and how rows are read in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from assay.evidence.event import Event

__all__ = ["PAGE", "event_of", "paged"]

PAGE = 500
"""Entries read at once: a slow reader holds no transaction open between pages."""


def paged(page: Callable[[int], Sequence[Event]], after: int) -> Iterator[Event]:
    """Yield entries in order; `page` gives those after an entry, `PAGE` at most.

    >>> list(paged(lambda after: [], 0))
    []
    """
    while True:
        found = page(after)
        yield from found
        if len(found) < PAGE:
            return
        after = found[-1].seq


def event_of(row: Sequence[Any]) -> Event:
    """Read a row as it lies, whatever was put there: the chain's check judges it."""
    seq, subject, revision, type_, content, previous, digest = row
    return Event(
        seq=seq,
        subject=str(subject),
        revision=revision,
        type=str(type_),
        content=content if isinstance(content, bytes) else str(content).encode(),
        previous=str(previous),
        digest=str(digest),
    )
