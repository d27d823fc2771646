"""Closed segments of captures go over into Parquet, one at a time, whole or not at all.

A file is written under a hidden name, compared with its segment, seen to the disk, and
takes its name in one step; then the segment goes. Killed before that step the segment is what
counts, and the next run begins again; killed after it the file counts, for readers pass over a
segment that is in the lake, and the next run removes it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.adapters.capture_groups import read_groups
from assay.adapters.capture_segment import is_closed, sync_folder
from assay.adapters.file_lock import locked
from assay.adapters.lake_file import read_lake_file, write_lake_file
from assay.adapters.lake_files import lake_files, place_of, segments
from assay.adapters.lake_rows import joined, run_of
from assay.errors import StoreError
from assay.ports.captures import Part

__all__ = ["Rotated", "compare", "rotate", "rotation_held"]

_LEFT_BEHIND = 3600.0  # seconds after which an unfinished file is nobody's


_DAMAGED = (
    AttributeError,
    LookupError,
    OverflowError,
    StoreError,
    TypeError,
    ValueError,  # of which Arrow's own of odd values is one
)
"""What odd content of a segment raises, and no disk does."""


@dataclass(frozen=True)
class Rotated:
    """What went over into the lake: files, rows, and the bytes of segments that they were."""

    files: int = 0
    rows: int = 0
    log_bytes: int = 0


def rotate(folder: Path) -> Rotated:
    """Bring every closed segment of a folder into its lake; cheap where none is closed.

    One process does so at a time, others wait. Segments that are written, by whatever process,
    stay. One that is damaged stays too, and those behind it go over. Raises StoreError at the end
    where there was one, or where the lake cannot be written; every segment is still whole then.
    """
    if not any(map(is_closed, segments(folder))):
        return Rotated()
    with rotation_held(folder):
        try:
            _sweep(folder)
            return _rotate(folder)
        except (OSError, pa.ArrowException) as error:
            raise StoreError(
                f"Captures cannot go over into Parquet under {folder / 'lake'}: {error}. They stay "
                "in the log, and are read from there; free space or mend the disk."
            ) from error


def rotation_held(folder: Path) -> AbstractContextManager[None]:
    """Keep segments where they are for as long as this is held; the folder is made where missing.

    >>> import tempfile
    >>> with rotation_held(Path(tempfile.mkdtemp()) / "captures"):
    ...     print("nothing goes over")
    nothing goes over
    """
    return locked(folder / ".rotate")


def compare(segment: Path, file: Path) -> int:
    """Return how many rows both have; StoreError where a group does not read the same in both."""
    rows = 0
    both = zip_longest(_groups(read_groups(segment)), _groups(read_lake_file(file)))
    for wanted, found in both:
        if wanted is None or wanted != found:
            at = "its end" if wanted is None else f"byte {wanted[0]}"
            raise StoreError(
                f"The group of {segment} that ends at {at} reads otherwise from Parquet. The "
                "segment stays; tell whoever maintains Assay."
            )
        rows += len(wanted[1])
    return rows


def _groups(parts: Iterator[tuple[Part, int]]) -> Iterator[tuple[int, list[str], dict[str, Any]]]:
    """Yield each group: the byte after it, its rows' shapes, and its columns."""
    for after, some in groupby(parts, lambda one: one[1]):
        runs = [run_of(part) for part, _ in some]
        names = dict.fromkeys(name for run in runs for name in run.columns)
        shapes = [run.shape for run in runs for _ in range(run.n)]
        yield after, shapes, joined(runs, names)


def _rotate(folder: Path) -> Rotated:
    lake = lake_files(folder)
    number = max((one.number for one in lake.values()), default=0)
    files = rows = size = 0
    bad: list[str] = []
    for segment in filter(is_closed, segments(folder)):
        length = segment.stat().st_size
        if segment.stem not in lake:
            try:
                written = _bring(segment, place_of(folder, segment.stem, number + 1))
            except _DAMAGED as error:
                bad.append(f"{segment.name}: {error}")
                continue
            if written:
                number, files, rows, size = number + 1, files + 1, rows + written, size + length
        segment.unlink()
    sync_folder(folder)
    if bad:
        raise StoreError(
            f"{len(bad)} files of captures stay out of Parquet, all others went over. {bad[0]} "
            "Restore such a file from a copy; without one, `assay captures verify --set-aside` "
            f"lets go what is damaged, or move it out of {folder}."
        )
    return Rotated(files, rows, size)


def _bring(segment: Path, path: Path) -> int:
    """Make a segment's file, the same row by row; return its rows."""
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True)
        for one in (path.parent.parent, path.parent.parent.parent):
            sync_folder(one)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        rows = write_lake_file(segment, unfinished)
        if rows:
            compare(segment, unfinished)
            sync_folder(unfinished)  # an fsync: of a file as of a folder
            unfinished.rename(path)
            sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _sweep(folder: Path) -> None:
    """Remove what a killed process left unfinished."""
    before = time.time() - _LEFT_BEHIND
    left = [*folder.glob(".*.log"), *(folder / "lake").glob("day=*/.*")]
    for path in left:
        with suppress(FileNotFoundError):  # its writer gave it its name meanwhile
            if path.stat().st_mtime < before and is_closed(path):
                path.unlink()
