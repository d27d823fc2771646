"""The adapters that need no server: everything in one directory."""

from __future__ import annotations

from pathlib import Path

import fsspec

from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.adapters.log_captures import LogCaptures
from assay.adapters.parquet_outcomes import ParquetOutcomes
from assay.adapters.parquet_windows import ParquetWindows
from assay.adapters.polars_tables import PolarsTables
from assay.adapters.sqlite_ledger import open_ledger
from assay.adapters.sqlite_outbox import SqliteOutbox
from assay.adapters.sqlite_profiles import SqliteProfiles
from assay.adapters.system_clock import SystemClock
from assay.errors import StoreError
from assay.ports.ports import Ports

__all__ = ["embedded"]


def embedded(state: Path) -> Ports:
    """Open everything in a directory, which is made where it is missing.

    `ledger.sqlite` with `ledger.head`, `outbox.sqlite`, `blobs/`, `captures/`, `outcomes/` and
    `desired.json` lie in it; the gateway reads the last three by the same names. So does
    `monitor/`, which can be removed: it is made anew from captures and outcomes. Raises StoreError
    where it cannot be made or opened.
    """
    try:
        state.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"The directory {state} cannot be made: {error}.") from error
    return Ports(
        ledger=open_ledger(state / "ledger.sqlite"),
        blobs=FsspecBlobs(fsspec.filesystem("file"), str((state / "blobs").resolve())),
        captures=LogCaptures(state / "captures"),
        outcomes=ParquetOutcomes(state / "outcomes"),
        desired=FileDesired(state / "desired.json"),
        tables=PolarsTables(),
        clock=SystemClock(),
        outbox=SqliteOutbox(state / "outbox.sqlite"),
        windows=ParquetWindows(state / "monitor" / "windows"),
        profiles=SqliteProfiles(state / "monitor" / "profiles.sqlite"),
    )
