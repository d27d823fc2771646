"""Blobs of a server kept on this machine's disk, by their digest."""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from assay.adapters.whole_file import write_whole
from assay.errors import ServiceError, StoreError
from assay.evidence.digest import digest_bytes

__all__ = ["CachedBlobs"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_QUIET = 10.0


class CachedBlobs:
    """Fetches what is missing, checks its digest, and keeps it until room is needed.

    `most` is the size of the folder in bytes: what was used longest ago goes first. The first
    download after ten quiet seconds waits up to `spread` seconds, drawn anew each time, so that
    gateways that learn of one change do not all ask at once. A file that was damaged is fetched
    again.
    """

    def __init__(
        self,
        folder: Path,
        fetch: Callable[[str], bytes],
        most: int,
        *,
        spread: float = 0.0,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._folder = folder
        self._fetch = fetch
        self._most = most
        self._spread = spread
        self._sleep = sleep
        self._fetched = float("-inf")
        self._alone = threading.Lock()
        self._draw = random.Random()  # noqa: S311 - to spread gateways out, not to keep a secret

    def put(self, content: bytes) -> str:
        """Keep bytes under their digest."""
        digest = digest_bytes(content)
        write_whole(self._folder / digest, content)
        self._make_room(digest)
        return digest

    def get(self, digest: str) -> bytes:
        """Return bytes; StoreError where they are neither here nor to be had from the server."""
        found = self._kept(digest)
        if found is not None:
            return found
        with self._alone:
            found = self._kept(digest)
            return self._fetched_now(digest) if found is None else found

    def has(self, digest: str) -> bool:
        """Whether a file of that name is here."""
        return self._path(digest).is_file()

    def empty(self) -> bool:
        """Whether nothing is here."""
        return not self._folder.is_dir() or not any(self._folder.iterdir())

    def _kept(self, digest: str) -> bytes | None:
        path = self._path(digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"The blob {path} cannot be read: {error}.") from error
        if digest_bytes(content) != digest:
            return None
        with suppress(OSError):  # another worker removed it, or the disk can only be read
            os.utime(path)
        return content

    def _fetched_now(self, digest: str) -> bytes:
        now = time.monotonic()
        if now > self._fetched + _QUIET:
            self._sleep(self._draw.uniform(0.0, self._spread))
        try:
            content = self._fetch(digest)
        except ServiceError as error:
            raise StoreError(
                f"The blob {digest} is not here, and not to be had: {error}"
            ) from error
        finally:
            self._fetched = time.monotonic()
        if digest_bytes(content) != digest:
            raise StoreError(
                f"The server sent {len(content)} bytes for the blob {digest} that do not give this "
                "digest. They are not used; restore the server's store from a backup."
            )
        self.put(content)
        return content

    def _make_room(self, newest: str) -> None:
        """Remove what was used longest ago, but never what came in last."""
        found = []
        for path in self._folder.glob("[!.]*"):
            with suppress(FileNotFoundError):
                one = path.stat()
                found.append((one.st_mtime_ns, one.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._most:
                return
            if path.name != newest:
                path.unlink(missing_ok=True)
                total -= size

    def _path(self, digest: str) -> Path:
        # A digest comes from what somebody else wrote: it must not name another path.
        if _DIGEST.fullmatch(digest) is None:
            raise StoreError(f"{digest[:100]!r} names no blob: a SHA-256 has 64 digits.")
        return self._folder / digest
