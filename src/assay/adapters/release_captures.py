"""What decisions on releases read of captures, kept beside them: each part is decoded once.

Format 1 (`PRAGMA user_version`), one SQLite file: `frames` (stem, number, content) are the rows of
each segment in order, cut to the keys and inputs that are read (`release_rows.py`); `places` (stem,
place) say up to where each segment was read (`segment_place.py`); `told` (one row) names the
inputs. All of it is made anew from the captures where the file is missing, damaged, of another
format or of other inputs, and where a segment is not what it was: gone, cut, or another file. Rows
and their place are written in one transaction, so that a reader that was killed has kept what its
places say. What is read is what `LakeCaptures` reads, in the same order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import msgspec

from assay.adapters.capture_groups import read_groups
from assay.adapters.file_lock import locked
from assay.adapters.lake_file import end_of, read_lake_file
from assay.adapters.lake_files import lake_files, segments
from assay.adapters.release_rows import (
    KIND,
    Columns,
    Slim,
    packed,
    sealed,
    slim_columns,
    slim_records,
    unpacked,
    unsealed,
)
from assay.adapters.segment_place import Place, place_of, still_there
from assay.errors import StoreError
from assay.ports.captures import Part

__all__ = ["ReleaseCaptures"]

_FORMAT = 1
_MAKE = f"""
CREATE TABLE frames (stem TEXT, number INTEGER, content BLOB NOT NULL, PRIMARY KEY (stem, number));
CREATE TABLE places (stem TEXT PRIMARY KEY, place BLOB NOT NULL);
CREATE TABLE told (inputs BLOB NOT NULL);
PRAGMA user_version = {_FORMAT};
"""
_FRAME = 4096
"""Rows of a frame that is whole: a smaller last one is written anew with what comes to it."""

_NOWHERE = ":memory:"


class _ChangedError(ValueError):
    """What is kept is not of these captures."""


class ReleaseCaptures:
    """Reads a folder of captures for decisions on releases; `path` is where it keeps what it read.

    Readers take turns. Where nothing can be kept, everything is read each time.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder = folder
        self._path = path

    def read(self, inputs: Collection[str]) -> Slim:
        """Return answers, copies in shadow and failures as records, with some of their inputs.

        They have the keys that decisions read, None where a capture has no such key. Raises
        StoreError where captures are damaged.
        """
        wanted = sorted(inputs)
        with ExitStack() as held:
            try:
                held.enter_context(locked(self._path.with_suffix(".lock")))
            except StoreError:  # nothing can be written there
                return self._kept_in(_NOWHERE, wanted)
            found = self._tried(wanted) or self._tried(wanted)
        return found or self._kept_in(_NOWHERE, wanted)

    def _tried(self, inputs: Sequence[str]) -> Slim | None:
        """Read with what is kept; None where that is of no use, and it is removed then."""
        try:
            return self._kept_in(str(self._path), inputs)
        except (ValueError, sqlite3.DatabaseError):
            with suppress(OSError):
                self._path.unlink()
            return None

    def _kept_in(self, file: str, inputs: Sequence[str]) -> Slim:
        with closing(sqlite3.connect(file)) as database:
            _prepare(database, inputs)
            logs = {path.stem: path for path in segments(self._folder)}
            lake = {stem: one.path for stem, one in lake_files(self._folder).items()}
            places = _places(database)
            for stem, place in places.items():
                if not self._holds(stem, place, logs.get(stem), lake.get(stem)):
                    raise _ChangedError(stem)
            sources = {**logs, **lake}  # a segment that goes over is in both for a moment
            columns = (
                one
                for stem in sorted(sources)
                for one in self._frames(database, stem, sources[stem], places.get(stem), inputs)
            )
            return slim_records(columns, inputs)

    def _holds(self, stem: str, place: Place, log: Path | None, lake: Path | None) -> bool:
        """Whether a segment is what was read; it may go over into the lake at this very moment."""
        if still_there(place, log, lake):
            return True
        return lake is None and still_there(place, None, self._in_lake(stem))

    def _in_lake(self, stem: str) -> Path | None:
        found = lake_files(self._folder).get(stem)
        return None if found is None else found.path

    def _frames(
        self,
        database: sqlite3.Connection,
        stem: str,
        source: Path,
        place: Place | None,
        inputs: Sequence[str],
    ) -> Iterator[Columns]:
        """Yield a segment's rows: those kept, and those that are new, which are kept first."""
        kept = [
            unpacked(content)
            for (content,) in database.execute(
                "SELECT content FROM frames WHERE stem = ? ORDER BY number", (stem,)
            )
        ]
        found = self._fresh(source, place, inputs)
        if found is not None:
            fresh, reached = found
            if kept and _rows(kept[-1]) < _FRAME:
                last = kept.pop()
                fresh = {name: [*last[name], *values] for name, values in fresh.items()}
            with database:
                if _rows(fresh):
                    row = (stem, len(kept), packed(fresh))
                    database.execute("REPLACE INTO frames VALUES (?, ?, ?)", row)
                told = (stem, sealed(msgspec.json.encode(reached)))
                database.execute("REPLACE INTO places VALUES (?, ?)", told)
            kept.append(fresh)
        yield from kept

    def _fresh(
        self, source: Path, place: Place | None, inputs: Sequence[str]
    ) -> tuple[Columns, Place] | None:
        """Return the rows after a place, and the place after them; None where nothing is new."""
        if place is not None and place.kind == "lake":
            return None  # a file of the lake does not grow
        begin = 0 if place is None else place.end
        try:
            reading = _Reading(source, begin)
            columns = slim_columns(reading.parts(), inputs)
            if reading.end == begin and source.suffix == ".log":
                return None
            return columns, place_of(source, reading.end)
        except FileNotFoundError:
            moved = self._in_lake(source.stem)
            if moved is None or source == moved:
                raise _ChangedError(source.stem) from None
            return self._fresh(moved, place, inputs)


class _Reading:
    """Parts of a segment from a byte on, and up to where they were read."""

    def __init__(self, source: Path, begin: int) -> None:
        self._source = source
        self.end = begin

    def parts(self) -> Iterator[Part]:
        """Yield whole parts."""
        in_lake = self._source.suffix != ".log"
        if in_lake and end_of(self._source) <= self.end:
            return
        read = read_lake_file if in_lake else read_groups
        for part, after in read(self._source, self.end):
            self.end = after
            yield part


def _prepare(database: sqlite3.Connection, inputs: Sequence[str]) -> None:
    """Make the tables where there are none; _ChangedError where they are of something else."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    wanted = msgspec.json.encode(inputs)
    if version == 0:
        database.executescript(_MAKE)
        with database:
            database.execute("INSERT INTO told VALUES (?)", (wanted,))
    elif version != _FORMAT or database.execute("SELECT inputs FROM told").fetchall() != [
        (wanted,)
    ]:
        raise _ChangedError(str(version))


def _places(database: sqlite3.Connection) -> dict[str, Place]:
    rows = database.execute("SELECT stem, place FROM places")
    return {stem: msgspec.json.decode(unsealed(place), type=Place) for stem, place in rows}


def _rows(columns: Columns) -> int:
    return len(columns[KIND])
