"""Secrets that are made once, however many processes begin together."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from assay.adapters.capture_segment import sync_folder

__all__ = ["make_secret"]


def make_secret(path: Path, content: bytes) -> None:
    """Make a file whole and durable, its owner's alone, where there is none: the first one holds.

    Raises OSError where it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return  # another process was first: its secret holds
        sync_folder(path.parent)
    finally:
        unfinished.unlink()
