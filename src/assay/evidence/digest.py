"""Canonical bytes and their SHA-256: how everything in Assay is named and checked."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["canonical_bytes", "digest_bytes", "digest_of"]


def canonical_bytes(document: Any) -> bytes:
    """Return a JSON document as bytes that depend on its content only.

    Numbers that are not finite are refused (ValueError): JSON has none.

    >>> canonical_bytes({"b": 1, "a": [1.5, None]})
    b'{"a":[1.5,null],"b":1}'
    """
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest_bytes(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def digest_of(document: Any) -> str:
    """Return the SHA-256 of a JSON document's canonical bytes."""
    return digest_bytes(canonical_bytes(document))
