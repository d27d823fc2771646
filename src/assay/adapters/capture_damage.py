"""Damaged parts of captures: where they are, what is lost by them, and how reading goes on.

A damaged part of a log is set aside by a copy of the file as it was found, under `damaged/`, and by
a record of as many bytes in its place, which says how many predictions are lost: so every
position that a reader has in the log still holds, and `assay monitor` raises an alert. A file of
the lake goes to `damaged/` whole, and a log of its own says so. Nothing is deleted. A file that the
machine does not let us read, or that another format made, is not damaged, and stays.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from assay.adapters.capture_groups import MAGIC, Bytes, damaged_until, framed, group_end
from assay.adapters.capture_lines import part_of, record_line
from assay.adapters.capture_segment import is_closed, sync_folder
from assay.adapters.lake_file import ODD_ROWS, read_lake_file
from assay.adapters.lake_files import lake_files, segments
from assay.adapters.lake_rotation import rotation_held
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part

__all__ = ["Damage", "damages", "set_aside"]

_HEAD = struct.Struct(">II")
_ODD = (AttributeError, LookupError, TypeError, ValueError)
_SHOWN = 10


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
    return [one for path in _files(folder) for one in _look(path, folder)]


def set_aside(folder: Path, model: str) -> list[Damage]:
    """Set every damaged part of a model's captures aside, so that all others read; return them.

    It may be stopped at any point and begun again: each file is changed in one step. StoreError
    at the end, with each file that could not be done: a gateway still writes it, it cannot be read,
    or the disk fails.
    """
    done: list[Damage] = []
    left: list[StoreError] = []
    with rotation_held(folder):
        for path in _files(folder):
            try:
                done += _aside(folder, path, model)
            except StoreError as error:
                left.append(error)
            except OSError as error:
                left.append(StoreError(f"{path} cannot be set aside: {error}. Mend the disk."))
    if left:
        raise StoreError(_told(folder, done, left)) from left[0]
    return done


def _told(folder: Path, done: Sequence[Damage], left: Sequence[StoreError]) -> str:
    files = "1 file" if len(left) == 1 else f"{len(left)} files"
    more = f" And {len(left) - _SHOWN} more." if len(left) > _SHOWN else ""
    parts = "; ".join(map(str, done[:_SHOWN])) + ("; …" if len(done) > _SHOWN else "")
    return (
        f"{files} of the captures under {folder} cannot be set aside, and stay as they are. "
        f"{' '.join(map(str, left[:_SHOWN]))}{more} Then repeat the command. "
        f"{f'Set aside ({len(done)} in all): {parts}.' if done else 'Nothing was set aside.'}"
    )


def _files(folder: Path) -> list[Path]:
    """Return what readers read: logs, then files of the lake."""
    lake = lake_files(folder)
    logs = [path for path in segments(folder) if path.stem not in lake]
    return logs + [file.path for file in sorted(lake.values(), key=lambda file: file.number)]


def _look(path: Path, folder: Path) -> Iterator[Damage]:
    return _in_log(path) if path.suffix == ".log" else _in_lake(path, folder)


def _aside(folder: Path, path: Path, model: str) -> list[Damage]:
    if path.suffix == ".log":
        return _mend(path, model)
    found = list(_in_lake(path, folder))
    for one in found:
        _move(folder, path, one, model)
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
        _validate(path)
        for _ in read_lake_file(path):
            pass
    except FileNotFoundError:
        return  # it was set aside since
    except pl.exceptions.PanicException as error:  # not of its values: of threads, or of ours
        raise _unread(path, error) from error
    except (StoreError, *ODD_ROWS) as error:
        if not path.is_file() or not _is_damage(error):
            raise
        name = str(path.relative_to(folder))
        yield Damage(name, 0, path.stat().st_size, *_size_of(path))


def _validate(path: Path) -> None:
    """Raise where text is none, or a value none of its column's type: Polars panics at them."""
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(use_threads=False):
                batch.validate(full=True)
                _texts(batch.schema)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise _unread(path, error) from error


def _texts(schema: pa.Schema) -> list[str]:
    """Return the names in a schema, and what is told there; ValueError where one is no text."""
    told = [pair for one in (schema, *schema) for pair in (one.metadata or {}).items()]
    return [*schema.names, *(text.decode() for pair in told for text in pair)]


def _unread(path: Path, error: BaseException) -> StoreError:
    return StoreError(f"The captures in {path} cannot be read: {error}.")


def _is_damage(error: Exception) -> bool:
    """Return whether an error is of what a file holds, not of the machine or another format.

    Arrow raises OSError for odd content too; the system's own have a number.
    """
    if not isinstance(error, StoreError):
        return True
    cause = error.__cause__
    if isinstance(cause, OSError):
        return cause.errno is None
    odd = isinstance(cause, (pa.ArrowException, *ODD_ROWS))
    return odd and not isinstance(cause, MemoryError)


def _size_of(path: Path) -> tuple[int, int]:
    """Return a file's groups and rows as its footer says; 1 each where that does not read."""
    try:
        told = pq.read_metadata(path)
    except (*_ODD, pa.ArrowException):
        return 1, 1
    except OSError as error:
        if error.errno is None:
            return 1, 1
        raise _unread(path, error) from error
    return told.num_row_groups, told.num_rows


def _mend(path: Path, model: str) -> list[Damage]:
    """Put what says how much is lost in the place of each damaged part of a log; return them."""
    if next(_in_log(path), None) is None:
        return []
    if not is_closed(path):
        raise StoreError(
            f"{path} is damaged, and a gateway still writes it. Stop the gateway, or wait until it "
            "closes the log."
        )
    parts = list(_in_log(path))  # anew: its writer may have finished a group since
    if not parts:
        return []
    raw = bytearray(path.read_bytes())
    for one, at in zip(parts, _times(path, parts), strict=True):
        raw[one.start : one.end] = _filler(one, at, model)
    kept = _place_aside(path)
    os.link(path, kept)
    sync_folder(kept.parent)
    _write(path, raw)
    return parts


def _write(path: Path, raw: bytes | bytearray) -> None:
    """Write a log in one step."""
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
    """Return a group of as many bytes as the damaged part has; in few it says less."""
    lost = _lost(damage, at, model)
    short = {key: value for key, value in lost.items() if key not in ("since", "why")}
    for record in (lost, short):
        line = record_line(record).rstrip(b"\n")
        room = damage.end - damage.start - _HEAD.size - 1 - len(line)
        if room >= 0:
            return framed(line + b" " * room + b"\n")
    raise StoreError(
        f"{damage} are too few bytes to say in their place what is lost. Move the file out of "
        "the captures folder."
    )


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
    """Move a file of the lake away once a log of its own says what is lost.

    That log's name comes of the file's, so that whoever begins again says it no second time.
    """
    stem = path.stem.partition("-")[2]
    number = blake2b(stem.encode(), digest_size=4).hexdigest()
    said = folder / f"{stem.partition('-')[0]}-0-{number}.log"
    if not said.exists() and said.stem not in lake_files(folder):
        _write(said, MAGIC + framed(record_line(_lost(damage, _begun(stem), model))))
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
