"""Where a gateway puts down what it is told really happened."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

__all__ = ["Happened", "OutcomeInbox"]

Happened = str | float | bool
"""What really happened: a label, or an amount."""


class OutcomeInbox(Protocol):
    """Takes outcomes in by prediction id; whoever joins them to predictions reads them later.

    An id may come twice and before its prediction is known here: that is for the reader to mend.
    """

    def append(self, model: str, outcomes: Sequence[tuple[str, Happened]]) -> Future[None]:
        """Take outcomes in; the future is done when they are on disk, or fails with StoreError."""
        ...

    def close(self) -> None:
        """Write what is left and stop; a second call does nothing."""
        ...
