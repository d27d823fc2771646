"""Blobs in memory: for tests, and for trying things out."""

from __future__ import annotations

from assay.errors import StoreError
from assay.evidence.digest import digest_bytes

__all__ = ["MemoryBlobs"]


class MemoryBlobs:
    """Keeps bytes in a dictionary; nothing outlives the process."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        """Keep the bytes and return their SHA-256."""
        digest = digest_bytes(content)
        self.contents[digest] = bytes(content)
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes; raise StoreError where missing or changed."""
        if digest not in self.contents:
            raise StoreError(f"There is no blob {digest!r} in memory: put it there again.")
        content = self.contents[digest]
        if digest_bytes(content) != digest:
            raise StoreError(f"The blob {digest} in memory was changed: put it there again.")
        return content

    def has(self, digest: str) -> bool:
        """Whether the bytes are there."""
        return digest in self.contents

    def empty(self) -> bool:
        """Whether nothing was ever kept."""
        return not self.contents
