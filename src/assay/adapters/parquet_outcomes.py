"""Outcomes in a folder of Parquet files, one for each delivery.

Format 1: `<number>-<digest>.parquet` with the columns `id` (text) and `outcome` (text or
float64). The number grows by one with each delivery and is the revision of its rows; the digest
is that of the rows, so that a file handed in twice is known. To change the format, write the new
files beside the old with another ending and teach `read` both.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import polars as pl

from assay.errors import StoreError

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
        """Keep a delivery; the file appears whole or not at all."""
        rows = delivery.select("id", "outcome")
        digest = _digest(rows)
        files = self._files()
        if any(file.stem.endswith(digest) for file in files):
            return False
        number = 1 + max((int(file.name.split("-")[0]) for file in files), default=0)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = self._folder / f".{digest}.{os.getpid()}"
            rows.write_parquet(unfinished)
            with unfinished.open("rb") as written:
                os.fsync(written.fileno())
            self._publish(unfinished, number, digest)
        except OSError as error:
            raise StoreError(
                f"The outcomes could not be written to {self._folder}: {error}. "
                "Nothing was taken in; mend the disk and hand them in again."
            ) from error
        return True

    def read(self) -> pl.DataFrame:
        """Return every row of every delivery, oldest delivery first."""
        parts = [
            pl.read_parquet(file).with_columns(
                pl.lit(int(file.name.split("-")[0]), dtype=pl.Int64).alias("revision")
            )
            for file in self._files()
        ]
        if not parts:
            return pl.DataFrame(
                schema={"id": pl.String, "outcome": pl.String, "revision": pl.Int64}
            )
        return pl.concat(parts)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*-*.parquet"))

    def _publish(self, unfinished: Path, number: int, digest: str) -> None:
        """Give the file its name; a number that another process took meanwhile is passed over."""
        while True:
            taken = any(self._folder.glob(f"{number:08d}-*.parquet"))
            if not taken:
                break
            number += 1
        unfinished.rename(self._folder / f"{number:08d}-{digest}.parquet")
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _digest(rows: pl.DataFrame) -> str:
    lines = (f"{row!r}\n".encode() for row in rows.iter_rows())
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest()
