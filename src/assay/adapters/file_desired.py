"""The desired state in a file that is replaced whole, so that a reader never sees half of it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from assay.errors import StoreError

__all__ = ["FileDesired"]


class _Revision(msgspec.Struct):
    revision: int


class FileDesired:
    """One JSON document with a field `revision`, at a path.

    A lock beside the file keeps a slow writer from putting an older revision over a newer one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def publish(self, document: bytes, revision: int) -> bool:
        """Replace the document durably; False, and nothing done, where a newer one is there."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked():
                if self._revision() > revision:
                    return False
                self._replace(document)
        except OSError as error:
            raise StoreError(
                f"The desired state {self._path} cannot be written: {error}. "
                "Gateways go on with what they have; mend the disk and repeat the command."
            ) from error
        return True

    def read(self) -> bytes | None:
        """Return the document as last published; None where there is none."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(
                f"The desired state {self._path} cannot be read: {error}. Mend the disk."
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._path.with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _revision(self) -> int:
        """Return the revision that lies there; -1 where there is none to be read."""
        raw = self.read()
        if raw is None:
            return -1
        try:
            return msgspec.json.decode(raw, type=_Revision).revision
        except msgspec.DecodeError:
            return -1

    def _replace(self, document: bytes) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
