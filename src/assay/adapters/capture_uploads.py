"""Closed files of a capture log that another machine wrote, taken in as they are."""

from __future__ import annotations

import os
import re
from pathlib import Path

from assay.adapters.capture_groups import MAGIC, read_groups
from assay.adapters.capture_segment import sync_folder
from assay.adapters.capture_shape import demand_captures
from assay.adapters.lake_files import lake_files
from assay.adapters.lake_rotation import rotation_held
from assay.errors import InputError, StoreError

__all__ = ["take_segment"]

_NAME = re.compile(r"[0-9]{20}-[0-9]{1,10}-[0-9a-f]{8}\.log")


def take_segment(folder: Path, name: str, raw: bytes, model: str) -> bool:
    """Keep a closed file of a log durably; False where it was taken before.

    Its name is the one that its writer gave it, so that sending it again changes nothing. Raises
    InputError where the name or the content is none of a capture file's, where it speaks of another
    model, or where another file of that name was taken; StoreError where the disk fails.
    """
    if _NAME.fullmatch(name) is None:
        raise InputError(f"{name[:100]!r} is no name of a closed capture file. Send it as it was.")
    if len(raw) < len(MAGIC):  # it would hold the name against the file that belongs there
        raise InputError(f"{name} is no whole capture file: it has {len(raw)} bytes.")
    with rotation_held(folder):  # or a copy could come while the first one goes over
        return _take(folder, name, raw, model)


def _take(folder: Path, name: str, raw: bytes, model: str) -> bool:
    path = folder / name
    if path.stem in lake_files(folder):
        return False
    try:
        fresh = folder / f".{name}.{os.getpid()}"
        try:
            _write(fresh, raw)
            _check(fresh, name, model)
            if path.exists():
                return _same(path, raw)
            fresh.rename(path)
            sync_folder(folder)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The captures {name} cannot be kept: {error}. Make room, then send them again."
        ) from error
    return True


def _write(path: Path, raw: bytes) -> None:
    with path.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _check(path: Path, name: str, model: str) -> None:
    try:
        for part, _ in read_groups(path):
            demand_captures(part, model)
    except (AttributeError, KeyError, RecursionError, StoreError, TypeError, ValueError) as error:
        raise InputError(
            f"{name} is no whole capture file: {str(error).replace(str(path), name)}. Send the "
            "file as the gateway wrote it."
        ) from error


def _same(path: Path, raw: bytes) -> bool:
    if path.read_bytes() != raw:
        raise InputError(f"Another file named {path.name} was taken before. Nothing was changed.")
    return False
