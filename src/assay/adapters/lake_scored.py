"""Captures of a table that is scored: each chunk straight into the lake, once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from assay.adapters.capture_segment import sync_folder
from assay.adapters.lake_file import write_lake_batches
from assay.adapters.lake_files import lake_files, place_of
from assay.adapters.lake_rotation import rotation_held
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch

__all__ = ["LakeScored"]


class LakeScored:
    """A `Keep` over a folder of captures.

    A chunk's file is called by the run, the moment it began (nanoseconds) and the chunk's number:
    one that is there already is left as it is, so that a run which was killed and goes on captures
    no row twice. `protect` is what is done to batches before they are written.
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        began: int,
        protect: Callable[[CaptureBatch], CaptureBatch] | None = None,
    ) -> None:
        self._folder, self._run, self._began, self._protect = folder, run, began, protect

    def __call__(self, number: int, batches: Sequence[CaptureBatch]) -> None:
        """Return when a chunk's captures are on disk; StoreError where they cannot be written."""
        stem = f"{self._began + number:020d}-{self._run}"
        try:
            if stem in lake_files(self._folder):
                return
            protect = self._protect
            safe = batches if protect is None else [protect(batch) for batch in batches]
            unfinished = self._folder / "lake" / f".{stem}.{os.getpid()}-{secrets.token_hex(4)}"
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            try:
                write_lake_batches(safe, unfinished)
                sync_folder(unfinished)  # an fsync: of a file as of a folder
                self._name(unfinished, stem)
            finally:
                unfinished.unlink(missing_ok=True)
        except (OSError, pa.ArrowException) as error:
            raise StoreError(
                f"Captures cannot be written under {self._folder / 'lake'}: {error}. What was "
                "scored so far is kept: mend the disk and repeat the command."
            ) from error

    def _name(self, unfinished: Path, stem: str) -> None:
        """Give a file its name and the next number; readers go on by numbers, so one at a time."""
        with rotation_held(self._folder):
            number = max((one.number for one in lake_files(self._folder).values()), default=0)
            path = place_of(self._folder, stem, number + 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.rename(path)
            for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
                sync_folder(folder)
