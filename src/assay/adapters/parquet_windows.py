"""Predictions by window in a folder: one Parquet file for each, and a list of them.

Format 1: `windows.json` holds {"format", "writes", "windows": [[number, file, n, first, last]]} and
is replaced in one step: it says which files count. A file is never changed; one that the list
does not name was left by a run that was cut short, or replaced, and is removed. To change the
format raise `FORMAT` and teach `_list` both.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from assay.adapters.whole_file import write_whole
from assay.errors import StoreError
from assay.ports.served_windows import Part

__all__ = ["ParquetWindows"]

FORMAT = 1
_LIST = "windows.json"
_LOCATED: Mapping[str, Any] = {"id": pl.String, "at": pl.Datetime("us"), "window": pl.Int64}


class ParquetWindows:
    """One model's predictions; who writes holds a lock of his own.

    >>> import tempfile
    >>> ParquetWindows(Path(tempfile.mkdtemp())).parts()
    {}
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: tuple[tuple[int, int] | None, tuple[int, dict[int, Part]]] | None = None

    def parts(self) -> Mapping[int, Part]:
        """Return what is known of each window, in order."""
        return self._read_list()[1]

    def read(self, window: int, columns: Collection[str] | None = None) -> pl.DataFrame:
        """Return a window's rows; StoreError where its file is gone or damaged."""
        path = self._folder / self.parts()[window].stamp
        try:
            rows = pl.read_parquet(path, memory_map=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreError(
                f"The predictions of window {window} cannot be read from {path}: {error}. Remove "
                f"the folder {self._folder.parent}: they are read anew from their log."
            ) from error
        return rows if columns is None else rows.select(n for n in rows.columns if n in columns)

    def replace(self, rows: Mapping[int, pl.DataFrame]) -> None:
        """Keep windows in place of what they had: files first, then the list that names them."""
        writes, parts = self._read_list()
        kept, gone = dict(parts), []
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for window, frame in rows.items():
                if window in kept:
                    gone.append(kept.pop(window).stamp)
                if frame.height:
                    writes += 1
                    name = f"{window}-{writes}.parquet"
                    frame.write_parquet(self._folder / name, compression_level=1)
                    kept[window] = Part(name, frame.height, frame["at"][0], frame["at"][-1])
        except OSError as error:
            raise StoreError(
                f"Predictions could not be kept in {self._folder}: {error}. Mend the disk and "
                "monitor again; nothing was lost."
            ) from error
        kept = dict(sorted(kept.items()))
        write_whole(self._folder / _LIST, _written(writes, kept))
        self._known = (_stamp(self._folder / _LIST), (writes, kept))
        for name in gone:
            (self._folder / name).unlink(missing_ok=True)

    def locate(self, ids: pl.Series) -> pl.DataFrame:
        """Return (id, at, window) of the ids that are kept; reads two columns of each window."""
        files = {str(self._folder / part.stamp): n for n, part in self.parts().items()}
        if not files or not len(ids):
            return pl.DataFrame(schema=_LOCATED)
        wanted = ids.alias("id").to_frame().lazy()
        # Each file by itself: what the log holds besides may change from window to window.
        parts = [
            pl.scan_parquet(file).select("id", "at", pl.lit(number, pl.Int64).alias("window"))
            for file, number in files.items()
        ]
        rows = pl.concat(parts).join(wanted, on="id", how="semi")
        return rows.collect(engine="streaming")

    def _read_list(self) -> tuple[int, dict[int, Part]]:
        """Return the list as it is now: another process may have replaced it since."""
        stamp = _stamp(self._folder / _LIST)
        if self._known is None or self._known[0] != stamp:
            self._known = (stamp, _list(self._folder / _LIST))
        return self._known[1]


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file is replaced."""
    try:
        told = path.stat()
    except FileNotFoundError:
        return None
    return told.st_ino, told.st_mtime_ns


def _written(writes: int, parts: Mapping[int, Part]) -> bytes:
    windows = [
        [number, one.stamp, one.n, one.first.isoformat(), one.last.isoformat()]
        for number, one in parts.items()
    ]
    return json.dumps({"format": FORMAT, "writes": writes, "windows": windows}).encode()


def _list(path: Path) -> tuple[int, dict[int, Part]]:
    if not path.exists():
        return 0, {}
    try:
        return _understood(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} does not say which windows there are ({error}). Remove the folder "
            f"{path.parent.parent}: predictions are read anew from their log."
        ) from error


def _understood(document: Mapping[str, Any]) -> tuple[int, dict[int, Part]]:
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']!r}")
    return document["writes"], {
        number: Part(name, n, datetime.fromisoformat(first), datetime.fromisoformat(last))
        for number, name, n, first, last in document["windows"]
    }
