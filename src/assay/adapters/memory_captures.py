"""Captures kept in memory: for tests and simulations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from assay.adapters.capture_lines import batch_line, part_of, record_line
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Read, Record, is_answer, records_of

__all__ = ["MemoryCaptures"]


class MemoryCaptures:
    """Parts in a list, encoded as a disk would hold them.

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
        return self._take([record_line(record) for record in records])

    def add(self, batches: Sequence[CaptureBatch], *, soon: bool = True) -> Future[None]:  # noqa: ARG002 - at once, always
        """Take batches in; done at once."""
        return self._take([batch_line(batch) for batch in batches if batch.n])

    def read(self) -> Iterator[Record]:
        """Yield every answered prediction in order of writing."""
        return (record for record in self._records() if is_answer(record))

    def shadows(self) -> Iterator[Record]:
        """Yield the predictions that answered nobody."""
        return (record for record in self._records() if record.get("shadow"))

    def read_after(self, position: str) -> Read:
        """Return parts since a position, which is the number of parts before it."""
        lines = self._lines[int(position or 0) :]
        return Read([part_of(line) for line in lines], str(len(self._lines)))

    def close(self) -> None:
        """Take nothing more in."""
        self._closed = True

    def _records(self) -> Iterator[Record]:
        return records_of([part_of(line) for line in self._lines])

    def _take(self, lines: list[bytes]) -> Future[None]:
        future: Future[None] = Future()
        if self._closed:
            future.set_exception(StoreError("The capture log is closed: open a new one."))
        else:
            self._lines.extend(lines)
            future.set_result(None)
        return future
