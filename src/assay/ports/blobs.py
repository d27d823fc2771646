"""Where bytes are kept by their digest."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Blobs"]


class Blobs(Protocol):
    """Content-addressed bytes."""

    def put(self, content: bytes) -> str:
        """Keep the bytes durably and return their SHA-256; bytes already there are kept once."""
        ...

    def get(self, digest: str) -> bytes:
        """Return the bytes; raise StoreError where missing or changed."""
        ...

    def has(self, digest: str) -> bool:
        """Whether the bytes are there."""
        ...

    def empty(self) -> bool:
        """Whether nothing was ever kept."""
        ...
