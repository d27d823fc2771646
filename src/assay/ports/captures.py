"""Where served predictions are written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

__all__ = ["CaptureLog"]

Record = Mapping[str, Any]
"""One served prediction.

Keys: id, at (UTC, ISO 8601), model, version, bundle, arm, entity, inputs (column -> value), score,
probability, decision, expected_value, explored (bool), propensity (of the decision taken, on its
arm), revision (of the desired state that answered), weight (the challenger's share under it, of
those not in the control) and control_share (the chance of being in the control; records of earlier
gateways lack it, and had none).
"""


class CaptureLog(Protocol):
    """An append log of predictions."""

    def append(self, records: Sequence[Record]) -> Future[None]:
        """Take records in; the future is done when they are on disk, and fails with StoreError."""
        ...

    def read(self) -> Iterator[Record]:
        """Yield every whole record in order of writing; a torn last group is left out."""
        ...

    def close(self) -> None:
        """Write what is left and stop; a second call does nothing."""
        ...
