"""Damaged parts of captures: where they are, what is lost by them, and how reading goes on.

A damaged part of a log is set aside by a copy of the file as it was found, under `damaged/`, and by
a record of as many bytes in its place, which says how many predictions are lost: so every
position that a reader has in the log still holds, and `assay monitor` raises an alert. A file of
the lake goes to `damaged/` whole, and a log of its own says so. Nothing is deleted.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from assay.adapters.capture_groups import MAGIC, Bytes, damaged_until, framed, group_end
from assay.adapters.capture_lines import part_of, record_line
from assay.adapters.capture_segment import is_closed, sync_folder
from assay.adapters.lake_file import read_lake_file
from assay.adapters.lake_files import lake_files, segments
from assay.adapters.lake_rotation import rotation_held
from assay.adapters.log_captures import LogCaptures
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part

__all__ = ["Damage", "damages", "set_aside"]

_HEAD = struct.Struct(">II")
_ODD = (AttributeError, KeyError, TypeError, ValueError)


@dataclass(frozen=True)
class Damage:
    """A part of a file that does not read: bytes `start` to `end`, all of a file of the lake.

    `groups` is the least number of groups in it, and `predictions` the least number of answers, as
    far as what is left of it tells.
    """

    file: str
    start: int
    end: int
    groups: int
    predictions: int

    def __str__(self) -> str:
        groups = "1 group" if self.groups == 1 else f"{self.groups} groups"
        return (
            f"{self.file}, bytes {self.start:,} to {self.end:,}: {groups} with at least "
            f"{self.predictions:,} predictions"
        )


def damages(folder: Path) -> list[Damage]:
    """Return every damaged part of the captures in a folder, logs first.

    StoreError where the disk does not read, or a file is no capture file at all.
    """
    lake = lake_files(folder)
    logs = (path for path in segments(folder) if path.stem not in lake)
    found = [one for path in logs for one in _in_log(path)]
    files = sorted(lake.values(), key=lambda file: file.number)
    return found + [one for file in files for one in _in_lake(file.path, folder)]


def set_aside(folder: Path, model: str) -> list[Damage]:
    """Set every damaged part of a model's captures aside, so that all others read; return them.

    It may be stopped at any point and begun again: a log is changed in one step. StoreError
    where a gateway still writes a damaged log, or the disk fails.
    """
    with rotation_held(folder):
        found = damages(folder)
        try:
            for name in dict.fromkeys(one.file for one in found):
                parts = [one for one in found if one.file == name]
                if name.endswith(".log"):
                    _mend(folder / name, parts, model)
                else:
                    _move(folder, folder / name, parts[0], model)
        except OSError as error:
            raise StoreError(
                f"Damaged captures under {folder} cannot be set aside: {error}. What was not yet "
                "is as it was; mend the disk and repeat the command."
            ) from error
    return found


def _in_log(path: Path) -> Iterator[Damage]:
    try:
        if path.stat().st_size <= len(MAGIC):
            return
        with path.open("rb") as file, closing(mmap(file.fileno(), 0, access=ACCESS_READ)) as raw:
            if raw[: len(MAGIC) - 1] != MAGIC[:-1]:
                raise StoreError(
                    f"{path} is no capture file: it begins with {raw[: len(MAGIC)]!r}. Move it out "
                    "of the captures folder."
                )
            yield from _damaged(path.name, raw)
    except FileNotFoundError:
        return  # it went over into the lake since
    except OSError as error:
        raise StoreError(f"The capture file {path} cannot be read: {error}.") from error


def _damaged(name: str, raw: Bytes) -> Iterator[Damage]:
    at = len(MAGIC)
    while at < len(raw):
        end = group_end(raw, at)
        if end is None:
            end = damaged_until(raw, at)
            if end is None:
                return  # a torn last group, which nobody was told of
            yield Damage(name, at, end, _groups(raw, at, end), _predictions(raw[at:end]))
        at = end


def _groups(raw: Bytes, start: int, end: int) -> int:
    """Count the groups of a damaged part where their lengths lead to its end; 1 elsewhere."""
    count = 0
    while end - start >= _HEAD.size:
        length, _ = _HEAD.unpack_from(raw, start)
        start, count = start + _HEAD.size + length, count + 1
    return count if start == end else 1


def _predictions(raw: bytes) -> int:
    """Count the predictions in those lines that still read."""
    count = 0
    for line in raw.split(b"\n"):
        try:
            part = part_of(line[line.index(b"{") :])
        except (*_ODD, msgspec.DecodeError):
            continue
        count += part.n if isinstance(part, CaptureBatch) else 1
    return max(1, count)


def _in_lake(path: Path, folder: Path) -> Iterator[Damage]:
    try:
        for _ in read_lake_file(path):
            pass
    except (*_ODD, StoreError, pa.ArrowException, msgspec.DecodeError):
        try:
            told = pq.read_metadata(path)
            groups, rows = told.num_row_groups, told.num_rows
        except (OSError, pa.ArrowException):
            groups, rows = 1, 1
        name = str(path.relative_to(folder))
        yield Damage(name, 0, path.stat().st_size, groups, rows)


def _mend(path: Path, parts: list[Damage], model: str) -> None:
    """Put what says how much is lost in the place of each damaged part of a log."""
    if not is_closed(path):
        raise StoreError(
            f"{path} is damaged, and a gateway still writes it. Stop the gateway, or wait until it "
            "closes the log, and repeat the command."
        )
    raw = bytearray(path.read_bytes())
    for one, at in zip(parts, _times(path, parts), strict=True):
        raw[one.start : one.end] = _filler(one, at, model)
    kept = _place_aside(path)
    os.link(path, kept)
    sync_folder(kept.parent)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.log")
    try:
        with unfinished.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _filler(damage: Damage, at: str, model: str) -> bytes:
    """Return a group of as many bytes as the damaged part has."""
    line = record_line(_lost(damage, at, model)).rstrip(b"\n")
    room = damage.end - damage.start - _HEAD.size - 1 - len(line)
    if room < 0:
        raise StoreError(
            f"{damage} are too few bytes to say in their place what is lost. Move the file out of "
            "the captures folder."
        )
    return framed(line + b" " * room + b"\n")


def _lost(damage: Damage, at: str, model: str) -> dict[str, Any]:
    """Return the record of predictions that are lost, as a writer leaves one (`LostCaptures`)."""
    lost = {"model": model, "failed": True, "capture_lost": damage.predictions}
    return {"at": at, **lost, "why": "damaged, set aside", "since": at}


def _times(path: Path, parts: Sequence[Damage]) -> Iterator[str]:
    """Yield about when each damaged part was written: with the group before it, or the file."""
    known, at = _begun(path.name), len(MAGIC)
    raw = path.read_bytes()
    for one in parts:
        while at < one.start and (end := group_end(raw, at)) is not None:
            known, at = _at(part_of(raw[at + _HEAD.size : end].splitlines()[-1])) or known, end
        yield known
        at = one.end


def _at(part: Part) -> str | None:
    if not isinstance(part, CaptureBatch):
        return part.get("at")
    found: str | None = part.shared.get("at") or next(iter(part.each.get("at", ())), None)
    return found


def _begun(name: str) -> str:
    """Return when a segment was begun, as its name says."""
    return datetime.fromtimestamp(int(name.partition("-")[0]) / 1e9, UTC).isoformat()


def _move(folder: Path, path: Path, damage: Damage, model: str) -> None:
    log = LogCaptures(folder)
    log.append([_lost(damage, _begun(path.name.partition("-")[2]), model)]).result()
    log.close()
    kept = _place_aside(path, folder)
    path.rename(kept)
    sync_folder(kept.parent)
    sync_folder(path.parent)


def _place_aside(path: Path, folder: Path | None = None) -> Path:
    """Return where a file's damaged state is kept; what lies there already stays."""
    aside = (folder or path.parent) / "damaged"
    if not aside.is_dir():
        aside.mkdir()
        sync_folder(aside.parent)
    place, count = aside / path.name, 1
    while place.exists():
        if place.samefile(path):  # a run before this one was stopped here
            place.unlink()
            break
        place, count = aside / f"{path.stem}.{count}{path.suffix}", count + 1
    return place
