"""Keys of a workspace that asks for none."""

from __future__ import annotations

from collections.abc import Sequence

from assay.ports.keys import Key

__all__ = ["MemoryKeys"]


class MemoryKeys:
    """Keys in memory; None were ever made until one is added.

    >>> MemoryKeys().read() is None
    True
    """

    def __init__(self) -> None:
        self._keys: dict[str, Key] | None = None

    def read(self) -> Sequence[Key] | None:
        """Return every key that holds; None where none was ever made."""
        return None if self._keys is None else list(self._keys.values())

    def add(self, key: Key) -> None:
        """Keep a key."""
        self._keys = {**(self._keys or {}), key.id: key}

    def revoke(self, id_: str) -> bool:
        """Take a key away; False where there is none of that id."""
        return self._keys is not None and self._keys.pop(id_, None) is not None
