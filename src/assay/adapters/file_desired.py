"""The desired state in a file that is replaced whole, so that a reader never sees half of it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from assay.errors import StoreError

__all__ = ["FileDesired", "Seal"]

_YOUNG = 100_000_000


class _Revision(msgspec.Struct):
    revision: int


class Seal(Protocol):
    """Signs what is published, and knows its own signature again."""

    def seal(self, document: bytes) -> bytes:
        """Return a document signed."""
        ...

    def opened(self, raw: bytes) -> bytes | None:
        """Return a document as it was before it was signed; None where it was not signed here."""
        ...


class FileDesired:
    """One JSON document with a field `revision`, at a path.

    With a `seal`, documents are signed as they are published and read as they were before that;
    what lies there and was not signed by it counts as nothing, whatever its revision.

    A lock beside the file keeps a slow writer from putting an older revision over a newer one.
    While the file is the same one, `read` gives the same bytes again without reading them anew;
    one that is younger than a tenth of a second is read each time, since a file system's clock may
    not tell it from the one that follows.
    """

    def __init__(self, path: Path, seal: Seal | None = None) -> None:
        self._path = path
        self._seal = seal
        self._opened: tuple[bytes, bytes | None] | None = None
        self._name = str(path)
        self._last: tuple[tuple[int, int, int], bytes] | None = None

    def publish(self, document: bytes, revision: int) -> bool:
        """Replace the document durably; False, and nothing done, where a newer one is there."""
        sealed = document if self._seal is None else self._seal.seal(document)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked():
                if self._revision() > revision:
                    return False
                self._replace(sealed)
        except OSError as error:
            raise StoreError(
                f"The desired state {self._path} cannot be written: {error}. "
                "Gateways go on with what they have; mend the disk and repeat the command."
            ) from error
        return True

    def read(self) -> bytes | None:
        """Return the document as last published; None where there is none."""
        raw = self._read()
        if raw is None or self._seal is None:
            return raw
        if self._opened is None or self._opened[0] is not raw:
            self._opened = raw, self._seal.opened(raw)
        return self._opened[1]

    def _read(self) -> bytes | None:
        last = self._last
        try:
            if last is not None:
                stamp = _stamp(os.stat(self._name))  # noqa: PTH116 - hundreds of times a second
                if stamp == last[0] and time.time_ns() - stamp[0] > _YOUNG:
                    return last[1]
            with self._path.open("rb") as file:
                self._last = (_stamp(os.fstat(file.fileno())), file.read())
        except FileNotFoundError:
            self._last = None
            return None
        except OSError as error:
            raise StoreError(
                f"The desired state {self._path} cannot be read: {error}. Mend the disk."
            ) from error
        return self._last[1]

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


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    """Return what differs between a file and the one that replaced it."""
    return (found.st_mtime_ns, found.st_size, found.st_ino)
