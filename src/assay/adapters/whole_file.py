"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from assay.errors import StoreError

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes, *, secret: bool = False) -> Path:
    """Write a file, replacing an older one in one step; StoreError where that fails.

    Only its owner may read a `secret` one, from its first byte on.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch(0o600 if secret else 0o666, exist_ok=False)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}. Nothing was changed.") from error
    finally:
        if unfinished.exists():
            unfinished.unlink()
    return path
