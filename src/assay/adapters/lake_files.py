"""Which segments of captures are in the log, and which have gone over into the lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["LakeFile", "lake_files", "place_of", "segments"]


@dataclass(frozen=True)
class LakeFile:
    """One Parquet file; `number` grows with each that is made, `stem` is its segment's name."""

    path: Path
    number: int
    stem: str


def segments(folder: Path) -> list[Path]:
    """Return the segments in a folder, oldest first; there may be none, and no folder."""
    return sorted(folder.glob("[!.]*.log"))


def lake_files(folder: Path) -> dict[str, LakeFile]:
    """Return the files of a folder's lake by their segments' names."""
    found = {}
    for path in (folder / "lake").glob("day=*/[!.]*.parquet"):
        number, _, stem = path.stem.partition("-")
        found[stem] = LakeFile(path, int(number), stem)
    return found


def place_of(folder: Path, stem: str, number: int) -> Path:
    """Return where a segment goes to: under the day (UTC) on which it was begun.

    >>> place_of(Path("captures"), "01772366400000000000-7-ab", 3).parts[1:]
    ('lake', 'day=2026-03-01', '00000003-01772366400000000000-7-ab.parquet')
    """
    begun = datetime.fromtimestamp(int(stem.partition("-")[0]) / 1e9, UTC)
    return folder / "lake" / f"day={begun:%Y-%m-%d}" / f"{number:08d}-{stem}.parquet"
