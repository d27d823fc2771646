"""Outcomes in a folder of Parquet files, one for each delivery.

Format 1: `<number>-<digest>.parquet` with the columns `id` (text) and `outcome` (text or
float64). The number grows by one with each delivery and is the revision of its rows; the digest
is that of the rows. To change the format, write the new
files beside the old with another ending and teach `read` both.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

import polars as pl

from assay.errors import StoreError
from assay.ports.outcomes import says_nothing_new

__all__ = ["ParquetOutcomes"]


class ParquetOutcomes:
    """Deliveries of outcomes in one folder; it needs no server.

    >>> import tempfile
    >>> store = ParquetOutcomes(Path(tempfile.mkdtemp()))
    >>> delivery = pl.DataFrame({"id": ["a", "b"], "outcome": ["yes", "no"]})
    >>> store.add(delivery), store.add(delivery), store.read().height
    (True, False, 2)
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, delivery: pl.DataFrame) -> bool:
        """Keep a delivery that says something new; the file appears whole or not at all."""
        rows = delivery.select("id", "outcome")
        digest = _digest(rows)
        unfinished = self._folder / f".{digest}.{os.getpid()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                return self._add(rows, digest, unfinished)
        except OSError as error:
            raise StoreError(
                f"The outcomes could not be written to {self._folder}: {error}. "
                "Nothing was taken in; mend the disk and hand them in again."
            ) from error

    def read(self, after: int = 0) -> pl.DataFrame:
        """Return every row of the deliveries after a revision, oldest delivery first."""
        parts = [
            pl.read_parquet(file).with_columns(
                pl.lit(_number(file), dtype=pl.Int64).alias("revision")
            )
            for file in self._files()
            if _number(file) > after
        ]
        if not parts:
            return pl.DataFrame(
                schema={"id": pl.String, "outcome": pl.String, "revision": pl.Int64}
            )
        return pl.concat(parts)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*-*.parquet"))

    def _add(self, rows: pl.DataFrame, digest: str, unfinished: Path) -> bool:
        files = self._files()
        if says_nothing_new(rows, (pl.read_parquet(file) for file in reversed(files))):
            return False
        number = 1 + max((_number(file) for file in files), default=0)
        try:
            rows.write_parquet(unfinished)
            _sync(unfinished)
            unfinished.rename(self._folder / f"{number:08d}-{digest}.parquet")
            _sync(self._folder)
        finally:
            unfinished.unlink(missing_ok=True)
        return True


def _number(file: Path) -> int:
    return int(file.name.split("-")[0])


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(rows: pl.DataFrame) -> str:
    lines = (f"{row!r}\n".encode() for row in rows.iter_rows())
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest()
