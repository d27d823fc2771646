"""Predictions from Parquet and CSV files that somebody else writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import polars as pl

from assay.adapters.log_frame import LogFrame
from assay.adapters.polars_tables import PolarsTables
from assay.errors import DataError
from assay.ports.predictions import NO_FAILURES, Batch, empty_served

__all__ = ["FilePredictions"]

_ENDINGS = {"parquet": (".parquet", ".pq"), "csv": (".csv",)}


class FilePredictions:
    """A file, a pattern or a folder under `root`, read file by file as they come or change.

    A file that changed is read again, whole: rows that were there keep their ids and count once.
    """

    def __init__(
        self, root: Path, path: str, frame: LogFrame, kind: Literal["parquet", "csv"] | None = None
    ) -> None:
        self._root, self._path, self._frame, self._kind = root, path, frame, kind

    def after(self, position: str) -> Batch:
        """Return the rows of the first file, by name, that is new or has changed."""
        seen: dict[str, list[int]] = json.loads(position or "{}")
        now = {self._name(one): one for one in self._files()}
        kept = {name: stamp for name, stamp in seen.items() if name in now}
        fresh = [name for name, file in sorted(now.items()) if kept.get(name) != _stamp(file)]
        if not fresh:
            place = json.dumps(kept, sort_keys=True)
            return Batch(empty_served(), NO_FAILURES, place, files=frozenset(now))
        name = fresh[0]
        kept[name] = _stamp(now[name])
        table = PolarsTables().read(now[name])
        rows = self._frame.rows(table, name)
        return Batch(
            rows,
            NO_FAILURES,
            json.dumps(kept, sort_keys=True),
            self._frame.outcomes(table, rows),
            more=len(fresh) > 1,
            file=name,
            files=frozenset(now),
        )

    def newest(self) -> tuple[str, pl.DataFrame] | None:
        """Return the last file by name and its table; None where there are no files so far."""
        files = {self._name(one): one for one in self._files()}
        if not files:
            return None
        name = max(files)
        return name, PolarsTables().read(files[name])

    def _files(self) -> list[Path]:
        place = self._root / self._path
        endings = _ENDINGS[self._kind] if self._kind else (*_ENDINGS["parquet"], *_ENDINGS["csv"])
        if place.is_dir():
            return [one for one in place.rglob("*") if one.suffix.lower() in endings]
        if place.is_file():
            return [place]
        start = Path(place.anchor) if Path(self._path).is_absolute() else self._root
        found = [one for one in start.glob(str(place.relative_to(start))) if one.is_file()]
        if not found:
            pattern = any(letter in self._path for letter in "*?[")
            wrong = "No file matches the pattern" if pattern else "There is no prediction log at"
            raise DataError(
                f"{wrong} {place}. Check `monitoring.source.path` in the charter, which is read "
                "from the charter's own folder, and that the log is written there."
            )
        return found

    def _name(self, file: Path) -> str:
        return str(file.relative_to(self._root)) if file.is_relative_to(self._root) else str(file)


def _stamp(file: Path) -> list[int]:
    told = file.stat()
    return [told.st_size, told.st_mtime_ns]
