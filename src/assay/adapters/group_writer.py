"""Parts written to append logs by a thread of its own: many together, each group fsynced once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from assay.adapters.capture_groups import framed
from assay.adapters.capture_segment import Segment
from assay.errors import StoreError

__all__ = ["GroupWriter", "Lost", "done_at_once"]

_PENDING_LIMIT = 64 * 2**20
_GROUP_LIMIT = 4 * 2**20

T = TypeVar("T")
U_contra = TypeVar("U_contra", contravariant=True)


class Lost(Protocol[U_contra]):
    """Keeps count of what could not be written, and says so in the log when it can be."""

    def count(self, parts: Sequence[U_contra], why: str) -> None:
        """Count parts that are lost."""
        ...

    def lines(self) -> list[bytes]:
        """Return what is to be written down first, now that something can be."""
        ...

    def written(self) -> None:
        """Forget what `lines` returned last: it is on disk."""
        ...


class GroupWriter(Generic[T]):
    """Takes parts in at the cost of a list's append, and writes them on a thread of its own.

    The thread takes everything that waits, encodes it by `line`, writes it and fsyncs once; then
    the future of all that was written together is done. `interval` (seconds) is how long it gathers
    what nobody waits for. A file is created with the first part, closed when it is `segment_bytes`
    long or `segment_seconds` old, and never gone on with after a failure.
    """

    def __init__(
        self, folder: Path, interval: float, line: Callable[[T], bytes], lost: Lost[T] | None = None
    ) -> None:
        self._folder = folder
        self._interval = interval
        self._line = line
        self._lost = lost
        self._wake = threading.Condition(threading.Lock())
        self._group: _Group[T] = _Group()
        self._pending = 0
        self._closed = False
        self._segment: Segment | None = None
        self._thread: threading.Thread | None = None
        self._segment_bytes, self._segment_seconds = 64.0 * 2**20, 3600.0

    def cut(self, segment_bytes: float, segment_seconds: float) -> None:
        """Set when a file is closed and the next one begun."""
        with self._wake:
            self._segment_bytes, self._segment_seconds = segment_bytes, segment_seconds
            self._wake.notify()

    def take(self, parts: Sequence[T], size: int, *, soon: bool) -> Future[None]:
        """Take parts in that are about `size` bytes; `soon` where somebody waits for them.

        The future fails with StoreError where they cannot be written, or too much waits already.
        """
        with self._wake:
            if self._closed:
                return _failed("The capture log is closed: open a new one.")
            if self._pending and self._pending + size > _PENDING_LIMIT:
                return self._refused(parts)
            self._pending += size
            group = self._group
            wake = not group.parts or (soon and not group.soon)
            group.parts.extend(parts)
            group.size += size
            if wake:
                group.soon = soon
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="captures", daemon=True)
                    self._thread.start()
                self._wake.notify()
            return group.future

    def close(self) -> None:
        """Write what is left and stop; a second call does nothing."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        self._close_segment()

    def _refused(self, parts: Sequence[T]) -> Future[None]:
        why = (
            f"{self._pending // 2**20} MiB wait for the disk under "
            f"{self._folder}: it is too slow or stuck. Send less, or mend the disk."
        )
        if self._lost is not None:
            self._lost.count(parts, why)
        return _failed(why)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._something, timeout=self._left())
                group = self._group
                if group.parts and not group.soon and self._interval:
                    self._wake.wait_for(self._hurried, timeout=self._interval)
                if not group.parts and self._closed:
                    return
                self._group = _Group()
            if group.parts:
                self._commit(group)
            if self._left() == 0:
                self._close_segment()

    def _something(self) -> bool:
        return bool(self._group.parts) or self._closed

    def _hurried(self) -> bool:
        return self._group.soon or self._closed

    def _left(self) -> float | None:
        """Seconds until the segment is to be closed; None where there is none."""
        if self._segment is None:
            return None
        if self._segment.size >= self._segment_bytes:
            return 0
        return max(0.0, self._segment.begun + self._segment_seconds - time.monotonic())

    def _commit(self, group: _Group[T]) -> None:
        error: StoreError | None = None
        try:
            self._write(group)
        except OSError as cause:
            error = StoreError(
                f"Nothing can be written under {self._folder}: {cause}. Free space or mend the "
                "disk; what was handed in with this was not recorded."
            )
            error.__cause__ = cause
        except Exception as cause:  # noqa: BLE001 - whatever one group holds, the next are written
            error = StoreError(
                f"What was handed in cannot be written under {self._folder}: "
                f"{type(cause).__name__}: {cause}. It was not recorded."
            )
            error.__cause__ = cause
        with self._wake:
            self._pending -= group.size
            if error is not None and self._lost is not None:
                self._lost.count(group.parts, str(error))
        if error is None:
            group.future.set_result(None)
        else:
            group.future.set_exception(error)

    def _write(self, group: _Group[T]) -> None:
        """Write a group, in pieces where it is large, behind what is to be said of earlier ones."""
        with self._wake:
            piece = [] if self._lost is None else self._lost.lines()
        size = 0
        for part in group.parts:
            line = self._line(part)
            if size and size + len(line) > _GROUP_LIMIT:
                self._write_piece(piece)
                piece, size = [], 0
            piece.append(line)
            size += len(line)
        self._write_piece(piece)
        if self._lost is not None:
            with self._wake:
                self._lost.written()

    def _write_piece(self, lines: list[bytes]) -> None:
        if self._segment is None:
            self._segment = Segment(self._folder)
        try:
            self._segment.add(framed(b"".join(lines)))
        except OSError:
            # After a failed write or fsync the kernel's pages say nothing about the disk (Rebello
            # et al. 2020, "Can applications recover from fsync failures?"): never go on with
            # this file. Its torn last group is left out by every reader.
            self._segment.abandon()
            self._segment = None
            raise

    def _close_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None


class _Group(Generic[T]):
    """What waits to be written together."""

    __slots__ = ("future", "parts", "size", "soon")

    def __init__(self) -> None:
        self.parts: list[T] = []
        self.size = 0
        self.soon = False
        self.future: Future[None] = Future()
        # A future that runs cannot be cancelled: a caller that goes away leaves its records.
        self.future.set_running_or_notify_cancel()


def done_at_once() -> Future[None]:
    """Return a future for nothing to do."""
    future: Future[None] = Future()
    future.set_result(None)
    return future


def _failed(why: str) -> Future[None]:
    future: Future[None] = Future()
    future.set_exception(StoreError(why))
    return future
