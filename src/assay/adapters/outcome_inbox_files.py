"""The inbox of outcomes as whoever takes it in reads it: a segment at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.adapters.capture_groups import read_groups
from assay.adapters.capture_segment import is_closed
from assay.adapters.lake_files import segments
from assay.ports.capture_batch import CaptureBatch
from assay.ports.outcome_inbox import Happened

__all__ = ["InboxPart", "clear_inbox", "next_of_inbox", "untouched"]


@dataclass(frozen=True)
class InboxPart:
    """What one segment has beyond a position, and the position after it."""

    told: Sequence[tuple[str, Happened]]
    position: Mapping[str, int]


def untouched(folder: Path, position: Mapping[str, int]) -> bool:
    """Return whether a folder has nothing to read and nothing to remove; one look at its names."""
    return all(
        path.stat().st_size <= position.get(path.name, 0) and not is_closed(path)
        for path in segments(folder)
    )


def next_of_inbox(folder: Path, position: Mapping[str, int]) -> InboxPart | None:
    """Return what the oldest segment with news has; None where none has any."""
    there = segments(folder)
    for path in there:
        begin = position.get(path.name, 0)
        told: list[tuple[str, Happened]] = []
        end = begin
        for part, after in read_groups(path, begin):
            if not isinstance(part, CaptureBatch):
                told += [(id_, outcome) for id_, outcome in part["outcomes"]]
            end = after
        if end > begin:
            names = {one.name for one in there}
            kept = {name: at for name, at in position.items() if name in names}
            return InboxPart(told, {**kept, path.name: end})
    return None


def clear_inbox(folder: Path, position: Mapping[str, int]) -> None:
    """Remove segments that nobody writes any more and that a position is at the end of."""
    for path in segments(folder):
        # In this order: what was added before the writer left is seen.
        if is_closed(path) and next(read_groups(path, position.get(path.name, 0)), None) is None:
            path.unlink()
