"""Where it is said what gateways are to serve."""

from __future__ import annotations

from typing import Protocol

__all__ = ["DesiredStore"]


class DesiredStore(Protocol):
    """One document, replaced as a whole."""

    def publish(self, document: bytes, revision: int) -> bool:
        """Replace the document durably; False, and nothing done, where a newer one is there."""
        ...

    def read(self) -> bytes | None:
        """Return the document as last published, never half of one; None where there is none."""
        ...
