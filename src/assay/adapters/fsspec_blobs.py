"""Blobs as files named by their digest, on any file system that fsspec knows."""

from __future__ import annotations

import os
import re
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import StoreError
from assay.evidence.digest import digest_bytes

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["FsspecBlobs", "blob_on_disk"]


class FsspecBlobs:
    """Keeps bytes under `root/ab/cdef...`; a name appears when all of its bytes are on disk.

    `fs` is a ready file system: `fsspec.filesystem("file")`, or one of an object store; `root` is
    an absolute path in it.
    """

    def __init__(self, fs: AbstractFileSystem, root: str) -> None:
        self._fs = fs
        self._root = root.rstrip("/")
        # Only files on this machine can be forced to disk; an object store does it by itself.
        self._local = "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)

    def put(self, content: bytes) -> str:
        """Keep the bytes durably and return their SHA-256; a damaged copy is written anew."""
        digest = digest_bytes(content)
        path = self._path(digest)
        try:
            if not self._whole(path, digest):
                self._write(path, content)
        except OSError as error:
            raise StoreError(
                f"The blob {path} cannot be written: {error}. Make room or mend the store, then "
                "repeat the command."
            ) from error
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes; raise StoreError where missing or changed."""
        path = self._path(digest)
        try:
            content: bytes = self._fs.cat_file(path)
        except FileNotFoundError as error:
            raise StoreError(f"There is no blob {path}: restore it from a backup.") from error
        except OSError as error:
            raise StoreError(f"The blob {path} cannot be read: {error}.") from error
        if digest_bytes(content) != digest:
            raise StoreError(
                f"The blob {path} was changed: its {len(content)} bytes do not give its digest. "
                "Restore it from a backup."
            )
        return content

    def has(self, digest: str) -> bool:
        """Whether a file of that name is there; `get` tells whether it is whole."""
        try:
            return bool(self._fs.isfile(self._path(digest)))
        except OSError as error:
            raise StoreError(f"The blobs in {self._root} cannot be listed: {error}.") from error

    def empty(self) -> bool:
        """Whether nothing was ever kept."""
        return not (self._fs.isdir(self._root) and self._fs.ls(self._root, detail=False))

    def _path(self, digest: str) -> str:
        # A digest may come from a file that somebody else wrote: it must not name another path.
        if re.fullmatch(r"[0-9a-f]{64}", digest) is None:
            raise StoreError(
                f"{digest!r} names no blob: a SHA-256 has 64 hexadecimal digits, in lower case."
            )
        return f"{self._root}/{digest[:2]}/{digest[2:]}"

    def _whole(self, path: str, digest: str) -> bool:
        return bool(self._fs.isfile(path)) and digest_bytes(self._fs.cat_file(path)) == digest

    def _write(self, path: str, content: bytes) -> None:
        folder = path.rpartition("/")[0]
        if not self._local:
            self._fs.makedirs(folder, exist_ok=True)
            self._fs.pipe_file(path, content)
            return
        new_folder = not self._fs.isdir(folder)
        self._fs.makedirs(folder, exist_ok=True)
        fresh = f"{folder}/{uuid.uuid4().hex}.new"
        try:
            with self._fs.open(fresh, "wb") as file:
                file.write(content)
                _sync(file)
            self._fs.mv(fresh, path)
        except BaseException:
            with suppress(OSError):
                self._fs.rm_file(fresh)
            raise
        _sync_directory(folder)
        if new_folder:
            _sync_directory(self._root)
            _sync_directory(self._root.rpartition("/")[0] or "/")


def blob_on_disk(root: Path, digest: str) -> bytes:
    """Return what `FsspecBlobs` keeps under `root` on this machine, without loading fsspec.

    Raises StoreError where it is missing or was changed.
    """
    return FsspecBlobs(_Disk(), str(root.resolve())).get(digest)


class _Disk:
    """What reading a blob asks of a file system."""

    protocol = "file"

    @staticmethod
    def cat_file(path: str) -> bytes:
        return Path(path).read_bytes()


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
