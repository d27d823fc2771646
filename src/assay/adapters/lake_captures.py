"""Captures in logs and in the lake as one: written to the log, read from both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import msgspec

from assay.adapters.capture_groups import read_groups
from assay.adapters.lake_file import end_of, read_lake_file
from assay.adapters.lake_files import LakeFile, lake_files, segments
from assay.adapters.log_captures import LogCaptures
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part, Read, Record, is_answer, records_of

__all__ = ["LakeCaptures"]

_ROWS = 65_536
_LAKE = "@lake"


class LakeCaptures:
    """An append log in a folder whose closed segments go over into Parquet under `lake/`.

    A segment is in the log or in the lake, and is read once, wherever it is by now. A position is
    the number of the last file of the lake that was read whole, and the byte to go on from in each
    segment that is not among those; positions of a log without a lake are read as well.
    """

    def __init__(self, folder: Path, interval: float = 0.0) -> None:
        self._folder = folder
        self._log = LogCaptures(folder, interval)

    def append(self, records: Sequence[Record]) -> Future[None]:
        """Take records in, as `LogCaptures` does."""
        return self._log.append(records)

    def add(self, batches: Sequence[CaptureBatch], *, soon: bool = True) -> Future[None]:
        """Take batches in, as `LogCaptures` does."""
        return self._log.add(batches, soon=soon)

    def read(self) -> Iterator[Record]:
        """Yield every whole answered prediction, oldest segment first."""
        return (record for record in self._records() if is_answer(record))

    def shadows(self) -> Iterator[Record]:
        """Yield the predictions that answered nobody."""
        return (record for record in self._records() if record.get("shadow"))

    def read_after(self, position: str) -> Read:
        """Return what is whole since a position, about as much as fits into memory well."""
        reading = _Reading(msgspec.json.decode(position or "{}"))
        logs = segments(self._folder)  # before the lake: what goes over meanwhile is in both
        lake = self._listed(reading.lake)
        for file in sorted(lake.values(), key=lambda one: one.number):
            if file.number > reading.lake and not reading.full:
                reading.take_file(file)
        for path in logs:
            if path.stem not in lake and not reading.full:
                reading.take_segment(path)
        return Read(reading.parts, reading.position(), reading.full)

    def close(self) -> None:
        """Write what is left and stop; a second call does nothing."""
        self._log.close()

    def _listed(self, last: int) -> dict[str, LakeFile]:
        """Return the files of the lake, none of those after `last` left out.

        Folders are listed one after the other, so that a file may come into one that was listed
        and the next file into one that was not yet: a listing with a gap is made again, and what
        was there when the gap was seen is in the second one. What is missing in both is gone.
        """
        lake = lake_files(self._folder)
        numbers = {file.number for file in lake.values()}
        if not numbers or numbers.issuperset(range(last + 1, max(numbers) + 1)):
            return lake
        newest = max(numbers)
        again = lake_files(self._folder)
        return {stem: file for stem, file in again.items() if file.number <= newest}

    def _records(self) -> Iterator[Record]:
        names = [path.stem for path in segments(self._folder)]
        lake = lake_files(self._folder)
        for stem in sorted({*names, *lake}):
            for part in self._parts_of(stem, lake.get(stem)):
                yield from records_of([part])

    def _parts_of(self, stem: str, file: LakeFile | None) -> Iterator[Part]:
        if file is None:
            try:
                yield from (part for part, _ in read_groups(self._folder / f"{stem}.log"))
            except FileNotFoundError:  # it went over into the lake since
                file = lake_files(self._folder).get(stem)
        if file is not None:
            yield from (part for part, _ in read_lake_file(file.path))


class _Reading:
    """What was read after a position, and the position that this makes."""

    def __init__(self, begin: dict[str, int]) -> None:
        self.lake = begin.pop(_LAKE, 0)
        self.parts: list[Part] = []
        self._at = begin
        self._rows = 0
        self.full = False

    def take_file(self, file: LakeFile) -> None:
        """Read on in a file of the lake; once it is read whole its segment needs no place."""
        name = f"{file.stem}.log"
        begin = self._at.get(name, 0)
        if begin < end_of(file.path):
            self._take(name, read_lake_file(file.path, begin))
        if not self.full:
            self.lake = file.number
            self._at.pop(name, None)

    def take_segment(self, path: Path) -> None:
        """Read on in a segment; one that has gone over into the lake since is read there next."""
        try:
            self._take(path.name, read_groups(path, self._at.get(path.name, 0)))
        except FileNotFoundError:
            self.full = True

    def position(self) -> str:
        """Return where reading is to go on."""
        return msgspec.json.encode({_LAKE: self.lake, **dict(sorted(self._at.items()))}).decode()

    def _take(self, name: str, parts: Iterator[tuple[Part, int]]) -> None:
        """Take parts until there are enough, whole groups of them."""
        for part, after in parts:
            if self._rows >= _ROWS and after != self._at.get(name):
                self.full = True
                return
            self.parts.append(part)
            self._rows += part.n if isinstance(part, CaptureBatch) else 1
            self._at[name] = after
