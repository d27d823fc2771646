"""Captures kept in memory: for tests and simulations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import msgspec

from assay.errors import StoreError
from assay.ports.captures import Read, Record, is_failure

__all__ = ["MemoryCaptures"]


class MemoryCaptures:
    """Records in a list, encoded as a disk would hold them.

    >>> log = MemoryCaptures()
    >>> log.append([{"id": "a/0"}]).result()
    >>> list(log.read())
    [{'id': 'a/0'}]
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._closed = False

    def append(self, records: Sequence[Record]) -> Future[None]:
        """Take records in; done at once."""
        lines = [msgspec.json.encode(record) for record in records]
        future: Future[None] = Future()
        if self._closed:
            future.set_exception(StoreError("The capture log is closed: open a new one."))
        else:
            self._lines.extend(lines)
            future.set_result(None)
        return future

    def read(self) -> Iterator[Record]:
        """Yield every prediction in order of writing."""
        records = (msgspec.json.decode(line) for line in tuple(self._lines))
        yield from (record for record in records if not is_failure(record))

    def read_after(self, position: str) -> Read:
        """Return records since a position, which is the number of records before it."""
        lines = self._lines[int(position or 0) :]
        return Read([msgspec.json.decode(line) for line in lines], str(len(self._lines)))

    def close(self) -> None:
        """Take nothing more in."""
        self._closed = True
