"""Profiles of one model in one SQLite file.

Format 1 (`PRAGMA user_version`): `profiles` (window_number, arm, version, bundle, profile, reading)
and `notes` (name, content). The bytes say their own format; profiles are zstd-compressed by their
writer or not at all. The file holds nothing that cannot be read anew from the log and the outcomes:
a file of another format is therefore refused with the advice to remove it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from assay.errors import StoreError
from assay.ports.profiles import WindowKey

__all__ = ["SqliteProfiles"]

FORMAT = 1
_KEY = "window_number, arm, version, bundle"
_MAKE = f"""
CREATE TABLE profiles (
    window_number INTEGER, arm TEXT, version INTEGER, bundle TEXT,
    profile BLOB NOT NULL, reading BLOB NOT NULL, PRIMARY KEY ({_KEY})
) WITHOUT ROWID;
CREATE TABLE notes (name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {FORMAT};
"""


class SqliteProfiles:
    """Profiles that outlive the process; the file is made with the first one.

    >>> import tempfile
    >>> SqliteProfiles(Path(tempfile.mkdtemp()) / "profiles.sqlite").readings()
    {}
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def readings(self) -> Mapping[WindowKey, bytes]:
        """Return each profile's reading."""
        if not self._path.exists():
            return {}
        with self._open() as database:
            rows = database.execute(f"SELECT {_KEY}, reading FROM profiles ORDER BY {_KEY}")  # noqa: S608 - names of our own
            return {WindowKey(*row[:4]): row[4] for row in rows}

    def profile(self, key: WindowKey) -> bytes | None:
        """Return a profile."""
        return self._one(
            f"SELECT profile FROM profiles WHERE ({_KEY}) = (?, ?, ?, ?)",  # noqa: S608
            (key.window, key.arm, key.version, key.bundle),
        )

    def put(self, readings: Mapping[WindowKey, tuple[bytes, bytes]]) -> None:
        """Keep profiles and readings in one transaction."""
        rows = [(*_row(key), *content) for key, content in readings.items()]
        with self._open() as database:
            database.executemany("REPLACE INTO profiles VALUES (?, ?, ?, ?, ?, ?)", rows)

    def drop(self, keys: Collection[WindowKey]) -> None:
        """Forget windows."""
        rows = [_row(key) for key in keys]
        with self._open() as database:
            database.executemany(
                f"DELETE FROM profiles WHERE ({_KEY}) = (?, ?, ?, ?)",  # noqa: S608
                rows,
            )

    def note(self, name: str) -> bytes | None:
        """Return a note."""
        return self._one("SELECT content FROM notes WHERE name = ?", (name,))

    def write_note(self, name: str, content: bytes) -> None:
        """Note something."""
        with self._open() as database:
            database.execute("REPLACE INTO notes VALUES (?, ?)", (name, content))

    def _one(self, query: str, values: tuple[object, ...]) -> bytes | None:
        if not self._path.exists():
            return None
        with self._open() as database:
            found = database.execute(query, values).fetchone()
        return None if found is None else bytes(found[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=30)
            try:
                self._check(database)
                with database:
                    yield database
            finally:
                database.close()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The profiles in {self._path} cannot be used: {error}. Mend the disk, or remove "
                f"the folder {self._path.parent}: everything in it is made anew from the log."
            ) from error

    def _check(self, database: sqlite3.Connection) -> None:
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found == 0:
            database.executescript(_MAKE)
        elif found != FORMAT:
            raise StoreError(
                f"The profiles in {self._path} have format {found}; this version of Assay reads "
                f"format {FORMAT}. Remove the folder {self._path.parent}: everything in it is made "
                "anew from the log."
            )


def _row(key: WindowKey) -> tuple[int, str, int, str]:
    return key.window, key.arm, key.version, key.bundle
