"""Where served predictions are written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["CaptureLog", "Failure", "Read", "Record", "is_failure"]

Record = Mapping[str, Any]
"""One served prediction.

Keys: id, at (UTC, ISO 8601), model, version, bundle, arm, entity, inputs (column -> value), score,
probability, decision, expected_value, explored (bool), propensity (of the decision taken, on its
arm), revision (of the desired state that answered), weight (the challenger's share under it, of
those not in the control), control_share (the chance of being in the control; records of earlier
gateways lack it, and had none) and latency_ms (from the request's body to its answer, without the
wait for the disk; earlier gateways did not measure it).
"""

Failure = Mapping[str, Any]
"""One request that was answered with an error: at, model, status, latency_ms, and the key `failed`.

It stands in the log among the predictions, and readers of predictions do not see it.
"""


@dataclass(frozen=True)
class Read:
    """Records since a position, failures among them, and where reading is to go on."""

    records: Sequence[Record]
    position: str


class CaptureLog(Protocol):
    """An append log of predictions."""

    def append(self, records: Sequence[Record]) -> Future[None]:
        """Take records in; the future is done when they are on disk, and fails with StoreError."""
        ...

    def read(self) -> Iterator[Record]:
        """Yield every whole prediction in order of writing; a torn last group is left out."""
        ...

    def read_after(self, position: str) -> Read:
        """Return whole records, failures too, written since a position; "" is the beginning."""
        ...

    def close(self) -> None:
        """Write what is left and stop; a second call does nothing."""
        ...


def is_failure(record: Record) -> bool:
    """Return whether a record is of a request that failed, and of no prediction.

    >>> is_failure({"failed": True, "status": 400})
    True
    """
    return "failed" in record
