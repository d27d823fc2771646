"""The desired state kept in memory: for tests and simulations."""

from __future__ import annotations

__all__ = ["MemoryDesired"]


class MemoryDesired:
    """One document in a variable.

    >>> store = MemoryDesired()
    >>> store.publish(b"new", 2), store.publish(b"old", 1), store.read()
    (True, False, b'new')
    """

    def __init__(self) -> None:
        self._newest: tuple[int, bytes] | None = None

    def publish(self, document: bytes, revision: int) -> bool:
        """Replace the document unless a newer one is there."""
        if self._newest is not None and self._newest[0] > revision:
            return False
        self._newest = (revision, document)
        return True

    def read(self) -> bytes | None:
        """Return the document as last published."""
        return None if self._newest is None else self._newest[1]
