"""Outcomes in a folder of Parquet files, one for each delivery.

Format 1: `<number>-<digest>.parquet` with the columns `id` (text) and `outcome` (text or
float64). The number grows by one with each delivery and is the revision of its rows; the digest
is that of the rows. To change the format, write the new
files beside the old with another ending and teach `read` both.

What gateways were told lies in `inbox/` until it is read: it becomes a delivery, whose footer says
up to where the inbox was taken in (`assay.inbox`) and how many outcomes could not be read, by the
reason (`assay.refused`). So a delivery and its place in the inbox appear in one step: killed at any
point, nothing is taken in twice or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import polars as pl

from assay.adapters.outcome_inbox_files import clear_inbox, next_of_inbox, untouched
from assay.errors import StoreError
from assay.ports.outcome_inbox import Happened
from assay.ports.outcomes import says_nothing_new

__all__ = ["ParquetOutcomes", "Sift"]

Sift = Callable[[Sequence[tuple[str, Happened]]], tuple[pl.DataFrame, Mapping[str, int]]]
"""Tells outcomes that can be read from those that cannot: see `assay.lifecycle.inbox_outcomes`."""

_INBOX, _REFUSED = "assay.inbox", "assay.refused"


class ParquetOutcomes:
    """Deliveries of outcomes in one folder; it needs no server.

    The inbox of gateways is taken in with each reading where `sift` says how it reads; without it
    it stays.

    >>> import tempfile
    >>> store = ParquetOutcomes(Path(tempfile.mkdtemp()))
    >>> delivery = pl.DataFrame({"id": ["a", "b"], "outcome": ["yes", "no"]})
    >>> store.add(delivery), store.add(delivery), store.read().height
    (True, False, 2)
    """

    def __init__(self, folder: Path, sift: Sift | None = None) -> None:
        self._folder = folder
        self._sift = sift
        self._placed: tuple[str, dict[str, int]] = ("", {})

    def add(self, delivery: pl.DataFrame) -> bool:
        """Keep a delivery that says something new; the file appears whole or not at all."""
        rows = delivery.select("id", "outcome")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._take_inbox()
                return self._add(rows)
        except OSError as error:
            raise StoreError(
                f"The outcomes could not be written to {self._folder}: {error}. "
                "Nothing was taken in; mend the disk and hand them in again."
            ) from error

    def read(self, after: int = 0) -> pl.DataFrame:
        """Return every row of the deliveries after a revision, oldest delivery first."""
        self._look_into_inbox()
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

    def refused(self) -> dict[str, int]:
        """Count the outcomes told to gateways that could not be read, by the reason."""
        found: Counter[str] = Counter()
        for file in self._files():
            found.update(msgspec.json.decode(_told(file).get(_REFUSED, "{}"), type=dict[str, int]))
        return dict(found)

    def _look_into_inbox(self) -> None:
        inbox = self._folder / "inbox"
        if self._sift is None or not inbox.is_dir():
            return
        try:
            if untouched(inbox, self._place()):
                return
            with (self._folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._take_inbox()
        except OSError as error:
            raise StoreError(
                f"The outcomes that gateways were told cannot be taken in from {inbox}: {error}. "
                "They stay there; mend the disk."
            ) from error

    def _take_inbox(self) -> None:
        """Make a delivery of what each segment has, then remove those that are at their end."""
        inbox = self._folder / "inbox"
        if self._sift is None or not inbox.is_dir():
            return
        while (part := next_of_inbox(inbox, self._place())) is not None:
            rows, refused = self._sift(part.told)
            rows = rows.unique("id", keep="last", maintain_order=True)
            files = self._files()
            if says_nothing_new(rows, (pl.read_parquet(file) for file in reversed(files))):
                rows = rows.clear()  # the place in the inbox is news all the same
            told = {_INBOX: msgspec.json.encode(part.position).decode()}
            if refused:
                told[_REFUSED] = msgspec.json.encode(refused).decode()
            self._write(rows, files, told)
        clear_inbox(inbox, self._place())

    def _place(self) -> Mapping[str, int]:
        """Return up to where the inbox was taken in, by the newest delivery that says so."""
        for file in reversed(self._files()):
            if file.name == self._placed[0]:
                break
            told = _told(file).get(_INBOX)
            if told is not None:
                self._placed = (file.name, msgspec.json.decode(told, type=dict[str, int]))
                break
        return self._placed[1]

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*-*.parquet"))

    def _add(self, rows: pl.DataFrame) -> bool:
        files = self._files()
        if says_nothing_new(rows, (pl.read_parquet(file) for file in reversed(files))):
            return False
        self._write(rows, files, {})
        return True

    def _write(self, rows: pl.DataFrame, files: Sequence[Path], told: dict[str, str]) -> None:
        number = 1 + max((_number(file) for file in files), default=0)
        digest = _digest(rows)
        unfinished = self._folder / f".{digest}.{os.getpid()}"
        try:
            rows.write_parquet(unfinished, metadata=told)
            _sync(unfinished)
            unfinished.rename(self._folder / f"{number:08d}-{digest}.parquet")
            _sync(self._folder)
        finally:
            unfinished.unlink(missing_ok=True)


def _told(file: Path) -> dict[str, str]:
    return pl.read_parquet_metadata(file)


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
