"""Where served predictions are written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from assay.ports.capture_batch import CaptureBatch

__all__ = [
    "CaptureLog",
    "Failure",
    "Part",
    "Read",
    "Record",
    "failures_in",
    "is_answer",
    "is_failure",
    "records_of",
]

Record = Mapping[str, Any]
"""One served prediction.

Keys: id, at (UTC, ISO 8601), model, version, bundle, arm, entity, inputs (column -> value), score,
probability, decision, expected_value, explored (bool), propensity (of the decision taken, on its
arm), revision (of the desired state that answered), weight (the challenger's share under it, of
those not in the control), control_share (the chance of being in the control; records of earlier
gateways lack it, and had none) and latency_ms (from the request's body to its answer, without the
wait for the disk; earlier gateways did not measure it). Where there is something to say: flags
(what the door said of the row), and shadow (true where a copy was scored that answered nobody).
"""

Failure = Mapping[str, Any]
"""What was not answered or not recorded: at, model, and the key `failed`.

A request that was answered with an error has status and latency_ms, arm and version where they are
known. Predictions that were answered but could not be written have `capture_lost`, their number,
`since` (the first of them) and `why`, both left out where a damaged log has no room for them. They
stand in the log among the predictions, and readers of predictions do not see them.
"""

Part = CaptureBatch | Record
"""What lies in a log: predictions of many rows, or one record."""


@dataclass(frozen=True)
class Read:
    """Parts since a position, failures and shadows among them, and where reading is to go on.

    With `more` there is more to read at once: logs are read in pieces that fit into memory.

    >>> read = Read((CaptureBatch(2, {}, {"id": ["a/0", "a/1"]}), {"id": "b/0"}), "2")
    >>> [record["id"] for record in read.records]
    ['a/0', 'a/1', 'b/0']
    """

    parts: Sequence[Part]
    position: str
    more: bool = False

    @property
    def records(self) -> list[Record]:
        """Every part as records, in order."""
        return list(records_of(self.parts))


class CaptureLog(Protocol):
    """An append log of predictions."""

    def append(self, records: Sequence[Record]) -> Future[None]:
        """Take records in; the future is done when they are on disk, and fails with StoreError."""
        ...

    def add(self, batches: Sequence[CaptureBatch], *, soon: bool = True) -> Future[None]:
        """Take batches in, as `append`; the caller never changes their lists again.

        Those that are written together share one future. Where not `soon`, nobody waits for it,
        and a log may gather for some milliseconds before it writes.
        """
        ...

    def read(self) -> Iterator[Record]:
        """Yield every whole prediction that was answered, in order of writing.

        A torn last group is left out.
        """
        ...

    def shadows(self) -> Iterator[Record]:
        """Yield the predictions that answered nobody, in order of writing."""
        ...

    def read_after(self, position: str) -> Read:
        """Return what is whole, of every kind, written since a position; "" is the beginning."""
        ...

    def close(self) -> None:
        """Write what is left and stop; a second call does nothing."""
        ...


def records_of(parts: Sequence[Part]) -> Iterator[Record]:
    """Yield each row of each part.

    >>> list(records_of([CaptureBatch(1, {"arm": "champion"}, {"id": ["a/0"]})]))
    [{'arm': 'champion', 'id': 'a/0', 'inputs': {}}]
    """
    for part in parts:
        if isinstance(part, CaptureBatch):
            yield from part.records()
        else:
            yield part


def failures_in(log: CaptureLog) -> Iterator[Failure]:
    """Yield what was not answered or not recorded, in order of writing."""
    position, more = "", True
    while more:
        read = log.read_after(position)
        yield from (one for one in records_of(read.parts) if is_failure(one))
        position, more = read.position, read.more


def is_failure(record: Record) -> bool:
    """Return whether a record is of a request that failed, and of no prediction.

    >>> is_failure({"failed": True, "status": 400})
    True
    """
    return "failed" in record


def is_answer(record: Record) -> bool:
    """Return whether a record is of a prediction that answered somebody.

    >>> is_answer({"id": "a/0", "arm": "shadow", "shadow": True}), is_answer({"id": "a/0"})
    (False, True)
    """
    return "failed" not in record and not record.get("shadow")
