"""Up to where a segment of captures was read, and whether it still is what was read."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.adapters.lake_file import end_of

__all__ = ["Place", "place_of", "still_there"]

_TAIL = 256


@dataclass(frozen=True)
class Place:
    """A segment in the log or in the lake, read up to the byte `end` of the segment.

    `file` is what tells it from another file in its place: of the log its number on the disk and
    the checksum of the last bytes that were read, of the lake its number, size and time.
    """

    kind: Literal["log", "lake"]
    end: int
    file: tuple[int, ...]


def place_of(path: Path, end: int) -> Place:
    """Return the place up to which a file of the log or the lake was read."""
    if path.suffix == ".log":
        return Place("log", end, _log(path, end))
    return Place("lake", end, _lake(path))


def still_there(place: Place, log: Path | None, lake: Path | None) -> bool:
    """Whether what was read up to a place is what would be read again.

    A segment may have gone over from the log into the lake since; its file may be gone.
    """
    try:
        if lake is None:
            return log is not None and place.kind == "log" and place.file == _log(log, place.end)
        return place.file == _lake(lake) if place.kind == "lake" else end_of(lake) >= place.end
    except FileNotFoundError:
        return False


def _log(path: Path, end: int) -> tuple[int, ...]:
    begin = max(end - _TAIL, 0)
    with path.open("rb") as file:
        file.seek(begin)
        tail = file.read(end - begin)
    return (path.stat().st_ino, len(tail), zlib.crc32(tail))


def _lake(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return (found.st_ino, found.st_size, found.st_mtime_ns)
