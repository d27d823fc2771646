"""Captures in append logs: one file for each writing process, groups of parts, each fsynced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import msgspec

from assay.adapters.capture_groups import read_groups
from assay.adapters.capture_lines import batch_line
from assay.adapters.group_writer import GroupWriter, done_at_once
from assay.adapters.lost_captures import Encoded, LostCaptures
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part, Read, Record, is_answer, records_of

__all__ = ["LogCaptures", "Protect"]

Protect = Callable[[CaptureBatch], CaptureBatch]
"""What is done to a batch before it is written: see `assay.deploy.protected_columns`."""

_CELL = 16  # bytes that a value takes in a line, about


class LogCaptures:
    """An append log of predictions in a folder.

    A thread of its own writes (see `GroupWriter`): `interval` (seconds) is how long it gathers what
    nobody waits for. Opening a log to read it writes nothing. What is in segments is read here;
    those that are closed go over into the lake, and `LakeCaptures` reads both.
    """

    def __init__(self, folder: Path, interval: float = 0.0) -> None:
        self._folder = folder
        self._lost = LostCaptures()
        self._writer: GroupWriter[CaptureBatch | Encoded] = GroupWriter(
            folder, interval, self._line, self._lost
        )
        self._protect: Protect | None = None

    @property
    def lost(self) -> int:
        """Predictions that could not be written since this log was opened."""
        return self._lost.total

    def govern(self, protect: Protect | None, segment_bytes: float, segment_seconds: float) -> None:
        """Set what is done to batches before they are written, and when a file is closed.

        It holds for whatever is not written yet: call it before the first prediction is handed in.
        """
        self._protect = protect
        self._writer.cut(segment_bytes, segment_seconds)

    def append(self, records: Sequence[Record]) -> Future[None]:
        """Take records in; the future is done when they are on disk, and fails with StoreError.

        They are encoded at once: TypeError where JSON has no form for a value. Nothing is done
        about protected columns, so predictions with inputs go through `add`.
        """
        encoded = Encoded.of(records)
        size = len(encoded.lines)
        return self._writer.take([encoded], size, soon=False) if size else done_at_once()

    def add(self, batches: Sequence[CaptureBatch], *, soon: bool = True) -> Future[None]:
        """Take batches in; the future, shared with those written together, is done on disk."""
        cells = 0
        for batch in batches:
            cells += batch.n * (len(batch.each) + len(batch.inputs))
        if not cells:
            return done_at_once()
        return self._writer.take(batches, cells * _CELL, soon=soon)

    def read(self) -> Iterator[Record]:
        """Yield every whole answered prediction of every segment, oldest segment first."""
        return (record for record in self._records() if is_answer(record))

    def shadows(self) -> Iterator[Record]:
        """Yield the predictions that answered nobody."""
        return (record for record in self._records() if record.get("shadow"))

    def read_after(self, position: str) -> Read:
        """Return what is whole since a position: the byte in each file at which to go on."""
        begin: dict[str, int] = msgspec.json.decode(position or "{}")
        reached: dict[str, int] = {}
        parts: list[Part] = []
        for path in self._segments():
            end = begin.get(path.name, 0)
            for part, after in read_groups(path, end):
                parts.append(part)
                end = after
            reached[path.name] = end
        return Read(parts, msgspec.json.encode(reached).decode())

    def close(self) -> None:
        """Write what is left and stop; a second call does nothing."""
        self._writer.close()

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("[!.]*.log"))

    def _records(self) -> Iterator[Record]:
        for path in self._segments():
            yield from records_of([part for part, _ in read_groups(path)])

    def _line(self, part: CaptureBatch | Encoded) -> bytes:
        if isinstance(part, Encoded):
            return part.lines
        return batch_line(part if self._protect is None else self._protect(part))
