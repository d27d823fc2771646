"""Captures on the disk of an edge, until a connection takes them to a server."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import struct
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Spool", "flush", "sent_to"]

MAGIC = b"ASSAYCAP\x02"
"""The capture file of format 2: after it groups, each `length crc32 lines` (4 bytes big-endian)."""

_UNWANTED = (400, 409, 413, 422)
"""What a server answers to a file that it will never take."""


class Spool:
    """Appends groups to a file of its own, each on the disk before `add` returns.

    A file is closed after so many bytes or seconds. Its writer holds the file's lock, so that
    `flush` in any process tells open files from closed ones, also where the writer was killed.
    """

    def __init__(self, folder: Path, most_bytes: float, most_seconds: float) -> None:
        self._folder, self._most = folder, (most_bytes, most_seconds)
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._size = self._begun = 0.0

    def add(self, batch: Mapping[str, Any]) -> None:
        """Write one batch; OSError where the disk will not have it."""
        lines = json.dumps(batch, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        group = struct.pack(">II", len(lines), zlib.crc32(lines)) + lines
        with self._lock:
            if time.monotonic() - self._begun > self._most[1]:
                self._close()
            try:
                _write(self._open() if self._handle is None else self._handle, group)
            except OSError:
                # After a failed write or fsync nothing is known of the file: begin another one.
                self._close()
                raise
            self._size += len(group)
            if self._size > self._most[0]:
                self._close()

    def close(self) -> None:
        """Close the file, so that it can be sent; the next batch begins another one."""
        with self._lock:
            self._close()

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}.log"
        hidden = self._folder / f".{name}"
        self._handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._size, self._begun = 0.0, time.monotonic()
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write(self._handle, MAGIC)
            hidden.rename(self._folder / name)
        except OSError:
            hidden.unlink(missing_ok=True)
            raise
        return self._handle

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def flush(folder: Path, send: Callable[[str, bytes], None]) -> int:
    """Send every closed file, oldest first, and remove it once it is taken; return how many.

    `send` raises OSError where nobody takes a file: it stays, and so do those after it. One that
    the server looked at and does not want is put aside (`.refused`). A file that was taken and
    not removed (a crash between) is sent again under the same name.
    """
    count = 0
    for path in sorted(folder.glob("*.log")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            content = file.read()
        try:
            if len(content) > len(MAGIC):
                send(path.name, content)
                count += 1
        except urllib.error.HTTPError as error:
            if error.code not in _UNWANTED:
                raise
            path.rename(path.with_suffix(".refused"))
        else:
            path.unlink()
    return count


def sent_to(url: str, about: Mapping[str, Any], token: str) -> Callable[[str, bytes], None]:
    """Return what sends a file to a server: `POST /api/v1/models/{model}/captures/{name}`.

    OSError where the server does not answer, or does not say that it took the file: whoever else
    answers (a network's page for logging in) has not.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no address of a server: it begins with http:// or https://")
    path = f"{url.rstrip('/')}/api/v1/models/{about['model']}/captures"
    query = urllib.parse.urlencode({"environment": about["environment"]})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}

    def send(name: str, content: bytes) -> None:
        request = urllib.request.Request(f"{path}/{name}?{query}", content, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - looked at above
            told = answer.read(10_000)
        try:
            taken = json.loads(told)["name"] == name
        except (ValueError, TypeError, KeyError):
            taken = False
        if not taken:
            raise OSError(f"{url} did not say that it took {name}: {told[:60]!r}")

    return send


def _write(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
    os.fsync(handle)
