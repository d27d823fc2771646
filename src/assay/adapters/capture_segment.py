"""One file of a capture log while it is written, and whether somebody writes it still."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from pathlib import Path

from assay.adapters.capture_groups import MAGIC

__all__ = ["Segment", "is_closed", "sync_folder"]


class Segment:
    """A new file, open for appending; OSError where it cannot be made or written.

    Its writer holds the file's lock for as long as it lives: whoever gets the lock knows that
    nothing will be added, also where the writer was killed. The file has its name only once it is
    locked and begun.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            sync_folder(folder.parent)
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}.log"
        self.path = folder / name
        self.size = len(MAGIC)
        self.begun = time.monotonic()
        hidden = folder / f".{name}"
        self._handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_all(self._handle, MAGIC)
            hidden.rename(self.path)
            sync_folder(folder)
        except OSError:
            hidden.unlink(missing_ok=True)
            self.abandon()
            raise

    def add(self, group: bytes) -> None:
        """Append one group and see it to the disk."""
        _write_all(self._handle, group)
        os.fsync(self._handle)
        self.size += len(group)

    def abandon(self) -> None:
        """Close after a failure; a file without one whole group goes away."""
        self.close()
        if self.size == len(MAGIC):
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file, and let go of its lock."""
        os.close(self._handle)


def is_closed(path: Path) -> bool:
    """Return whether nobody writes a segment any more; False where there is none.

    >>> is_closed(Path("/nowhere"))
    False
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def sync_folder(folder: Path) -> None:
    """Make a new file's name durable: fsync of the file alone does not.

    >>> sync_folder(Path("."))
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_all(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
