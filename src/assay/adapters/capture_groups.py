r"""The capture file: groups of records, each with its length and checksum in front.

    file   = magic group*
    magic  = b"ASSAYCAP" version            version: one byte, now 2
    group  = length crc32 lines             length, crc32: 4 bytes each, big-endian
    lines  = JSON part "\n" ...             `length` bytes, whose CRC-32 is `crc32`
    part   = record | batch                 a batch (`CaptureBatch.document`) has the key "each"

Version 1 has records alone, and is read. To change the format raise `VERSION` and teach
`read_groups` every version. One process writes a file, one group at a time, each on disk before
the next begins: only a file's last group can be torn.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path
from typing import BinaryIO

from assay.adapters.capture_lines import part_of
from assay.errors import StoreError
from assay.ports.captures import Part

__all__ = [
    "MAGIC",
    "VERSION",
    "damaged_until",
    "framed",
    "group_end",
    "read_groups",
]

VERSION = 2
MAGIC = b"ASSAYCAP" + bytes([VERSION])
_READ = tuple(b"ASSAYCAP" + bytes([version]) for version in (1, 2))
_HEAD = struct.Struct(">II")
_BEGINS = b'{"'
"""What the lines of each group begin with."""

Bytes = bytes | mmap


def framed(lines: bytes) -> bytes:
    r"""Return a group: the lines behind their length and checksum.

    >>> framed(b"{}\n").hex()
    '00000003dda1b0067b7d0a'
    """
    return _HEAD.pack(len(lines), zlib.crc32(lines)) + lines


def read_groups(path: Path, begin: int = 0) -> Iterator[tuple[Part, int]]:
    """Yield the parts of one file in order, each with the byte after its group.

    A torn last group is left out. `begin` is such a byte to go on from. Raises StoreError where a
    group before the last is damaged (its length or lines do not match its checksum), where the file
    is of another format, or cannot be read; FileNotFoundError where it is gone.
    """
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            magic = file.read(len(MAGIC))
            if magic in _READ:
                file.seek(max(begin, len(MAGIC)))
                yield from _groups(file, end, path)
            elif not any(one.startswith(magic) for one in _READ):
                raise StoreError(
                    f"{path} is no capture file of a format up to {VERSION}: it begins with "
                    f"{magic!r}. Move it out of the captures folder, or read it with the Assay "
                    "that wrote it."
                )
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(
            f"The capture file {path} cannot be read: {error}. Check the disk."
        ) from error


def group_end(raw: Bytes, at: int) -> int | None:
    r"""Return the byte after the whole group that begins at a byte; None where none does.

    >>> group_end(framed(b"{}\n") + b"torn", 0), group_end(framed(b"{}\n"), 3)
    (11, None)
    """
    if len(raw) - at < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack_from(raw, at)
    start = at + _HEAD.size
    end: int = start + length
    if length == 0 or end > len(raw) or zlib.crc32(memoryview(raw)[start:end]) != checksum:
        return None
    return end


def damaged_until(raw: Bytes, at: int) -> int | None:
    """Return where damage ends that begins at a byte; None where the rest is a torn last group.

    A writer leaves nothing behind a group that it did not finish: where a whole group follows, or
    bytes that are no part of this one, the file was changed since.
    """
    place = at
    while (place := raw.find(_BEGINS, place + 1)) >= 0:
        if place - _HEAD.size > at and group_end(raw, place - _HEAD.size) is not None:
            return place - _HEAD.size
    if len(raw) - at >= _HEAD.size:
        length, _ = _HEAD.unpack_from(raw, at)
        if 0 < length < len(raw) - at - _HEAD.size:
            return len(raw)
    return None


def _groups(file: BinaryIO, end: int, path: Path) -> Iterator[tuple[Part, int]]:
    at = file.tell()
    while end - at >= _HEAD.size:
        length, checksum = _HEAD.unpack(file.read(_HEAD.size))
        start, at = at, at + _HEAD.size + length
        lines = file.read(length) if 0 < length <= end - start - _HEAD.size else b""
        if not lines or zlib.crc32(lines) != checksum:
            file.seek(start)
            if damaged_until(file.read(end - start), 0) is not None:
                raise StoreError(
                    f"The capture file {path} was changed: the group at byte {start} does not "
                    "match its checksum. Restore the file from a copy; without one `assay captures "
                    "verify` says what is lost, and how to go on."
                )
            return
        for line in lines.splitlines():
            yield part_of(line), at
