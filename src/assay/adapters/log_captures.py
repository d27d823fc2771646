"""Captures in append logs: one file for each writing process, groups of records, each fsynced."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import msgspec

from assay.adapters.capture_groups import MAGIC, framed, read_groups
from assay.errors import StoreError
from assay.ports.captures import Read, Record, is_failure

__all__ = ["LogCaptures"]

_PENDING_LIMIT = 64 * 2**20
_GROUP_LIMIT = 4 * 2**20

_Waiting = list[tuple[bytes, "Future[None]"]]


class LogCaptures:
    """An append log of predictions in a folder.

    A thread takes everything that waits, writes it as one group and fsyncs once; then the
    futures of the group are done. `interval` (seconds) is how long it gathers before it writes:
    0 where answers wait for the disk, some milliseconds where they do not. The file is created
    with the first record, so that opening a log to read it writes nothing.
    """

    def __init__(self, folder: Path, interval: float = 0.0) -> None:
        self._folder = folder
        self._interval = interval
        self._wake = threading.Condition()
        self._waiting: _Waiting = []
        self._pending = 0
        self._closed = False
        self._file: _File | None = None
        self._thread: threading.Thread | None = None

    def append(self, records: Sequence[Record]) -> Future[None]:
        """Take records in; the future is done when they are on disk, and fails with StoreError."""
        lines = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        future: Future[None] = Future()
        # A future that runs cannot be cancelled: a caller that goes away leaves its records.
        future.set_running_or_notify_cancel()
        with self._wake:
            refusal = self._refusal(len(lines))
            if refusal is not None:
                future.set_exception(StoreError(refusal))
            elif not lines:
                future.set_result(None)
            else:
                self._enqueue(lines, future)
        return future

    def read(self) -> Iterator[Record]:
        """Yield every whole prediction of every file in the folder, oldest file first."""
        for path in sorted(self._folder.glob("*.log")):
            yield from (record for record, _ in read_groups(path) if not is_failure(record))

    def read_after(self, position: str) -> Read:
        """Return whole records since a position: the byte in each file at which to go on."""
        begin: dict[str, int] = msgspec.json.decode(position or "{}")
        reached, records = {}, []
        for path in sorted(self._folder.glob("*.log")):
            end = begin.get(path.name, 0)
            for record, after in read_groups(path, end):
                records.append(record)
                end = after
            reached[path.name] = end
        return Read(records, msgspec.json.encode(reached).decode())

    def close(self) -> None:
        """Write what is left and stop; a second call does nothing."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _refusal(self, size: int) -> str | None:
        if self._closed:
            return "The capture log is closed: open a new one."
        if self._pending and self._pending + size > _PENDING_LIMIT:
            return (
                f"{self._pending // 2**20} MiB of captures wait for the disk under "
                f"{self._folder}: it is too slow or stuck. Send less, or mend the disk."
            )
        return None

    def _enqueue(self, lines: bytes, future: Future[None]) -> None:
        self._waiting.append((lines, future))
        self._pending += len(lines)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="captures", daemon=True)
            self._thread.start()
        self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: bool(self._waiting) or self._closed)
                if not self._waiting:
                    return
                if self._interval and not self._closed:
                    self._wake.wait_for(lambda: self._closed, timeout=self._interval)
                group = self._take()
            self._commit(group)

    def _take(self) -> _Waiting:
        size = count = 0
        for lines, _ in self._waiting:
            if count and size + len(lines) > _GROUP_LIMIT:
                break
            size, count = size + len(lines), count + 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    def _commit(self, group: _Waiting) -> None:
        error: StoreError | None = None
        try:
            self._write(framed(b"".join(lines for lines, _ in group)))
        except OSError as cause:
            error = StoreError(
                f"Captures cannot be written under {self._folder}: {cause}. "
                "Free space or mend the disk; the predictions in question were not recorded."
            )
            error.__cause__ = cause
        with self._wake:
            self._pending -= sum(len(lines) for lines, _ in group)
        for _, future in group:
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    def _write(self, group: bytes) -> None:
        if self._file is None:
            self._file = _File(self._folder)
        try:
            self._file.add(group)
        except OSError:
            # After a failed write or fsync the kernel's pages say nothing about the disk (Rebello
            # et al. 2020, "Can applications recover from fsync failures?"): never go on with
            # this file. Its torn last group is left out by every reader.
            self._file.abandon()
            self._file = None
            raise


class _File:
    """One new file, open for appending."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            _sync_folder(folder.parent)
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}.log"
        self._path = folder / name
        self._handle = os.open(
            self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644
        )
        self._groups = 0
        try:
            _write_all(self._handle, MAGIC)
            _sync_folder(folder)
        except OSError:
            self.abandon()
            raise

    def add(self, group: bytes) -> None:
        """Append one group and see it to the disk."""
        _write_all(self._handle, group)
        os.fsync(self._handle)
        self._groups += 1

    def abandon(self) -> None:
        """Close after a failure; a file without one whole group goes away."""
        self.close()
        if not self._groups:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def _write_all(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable: fsync of the file alone does not."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
