"""What lies in a folder of captures, in logs and in the lake, and whether all of it reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from assay.adapters.capture_groups import read_groups
from assay.adapters.capture_segment import is_closed
from assay.adapters.lake_file import read_lake_file
from assay.adapters.lake_files import lake_files, segments
from assay.ports.captures import Record, is_answer, is_failure, records_of

__all__ = ["Kept", "Verified", "captures_kept", "verify_captures"]


@dataclass(frozen=True)
class Kept:
    """Segments that are written and that are closed, and the lake's files by day (UTC)."""

    written: int
    closed: int
    log_bytes: int
    files: int
    rows: int
    lake_bytes: int
    days: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Verified:
    """Records of every kind that were read, and how many predictions are known to be lost.

    `failures` are requests that were answered with an error.
    """

    answers: int
    shadows: int
    failures: int
    lost: int


def captures_kept(folder: Path) -> Kept:
    """Return what a folder holds; footers are read, and no rows."""
    lake = lake_files(folder)
    logs = [path for path in segments(folder) if path.stem not in lake]
    closed = sum(map(is_closed, logs))
    days: Counter[str] = Counter()
    for file in lake.values():
        day = file.path.parent.name.removeprefix("day=")
        days[day] += pq.read_metadata(file.path).num_rows
    return Kept(
        len(logs) - closed,
        closed,
        sum(path.stat().st_size for path in logs),
        len(lake),
        days.total(),
        sum(file.path.stat().st_size for file in lake.values()),
        dict(sorted(days.items())),
    )


def verify_captures(folder: Path) -> Verified:
    """Read every group and every row; StoreError names what is damaged."""
    counts: Counter[str] = Counter()
    lake = lake_files(folder)
    readers = [read_lake_file(file.path) for file in lake.values()]
    readers += [read_groups(path) for path in segments(folder) if path.stem not in lake]
    for reader in readers:
        for part, _ in reader:
            for record in records_of([part]):
                counts[_kind(record)] += record.get("capture_lost", 1)
    return Verified(counts["answer"], counts["shadow"], counts["failure"], counts["lost"])


def _kind(record: Record) -> str:
    if is_failure(record):
        return "lost" if "capture_lost" in record else "failure"
    return "answer" if is_answer(record) else "shadow"
