r"""The capture file: groups of records, each with its length and checksum in front.

    file   = magic group*
    magic  = b"ASSAYCAP" version            version: one byte, now 1
    group  = length crc32 lines             length, crc32: 4 bytes each, big-endian
    lines  = JSON record "\n" ...           `length` bytes, whose CRC-32 is `crc32`

To change the format raise `VERSION` and teach `read_groups` both. One process writes a file, one
group at a time, each on disk before the next begins: only a file's last group can be torn.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from assay.errors import StoreError
from assay.ports.captures import Record

__all__ = ["MAGIC", "VERSION", "framed", "read_groups"]

VERSION = 1
MAGIC = b"ASSAYCAP" + bytes([VERSION])
_HEAD = struct.Struct(">II")


def framed(lines: bytes) -> bytes:
    r"""Return a group: the lines behind their length and checksum.

    >>> framed(b"{}\n").hex()
    '00000003dda1b0067b7d0a'
    """
    return _HEAD.pack(len(lines), zlib.crc32(lines)) + lines


def read_groups(path: Path, begin: int = 0) -> Iterator[tuple[Record, int]]:
    """Yield the records of one file in order, each with the byte after its group.

    A torn last group is left out. `begin` is such a byte to go on from. Raises StoreError where a
    group before the last does not match its checksum, where the file is of another format, or
    cannot be read.
    """
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            magic = file.read(len(MAGIC))
            if magic == MAGIC:
                file.seek(max(begin, len(MAGIC)))
                yield from _groups(file, end, path)
            elif not MAGIC.startswith(magic):
                raise StoreError(
                    f"{path} is no capture file of format {VERSION}: it begins with {magic!r}. "
                    "Move it out of the captures folder, or read it with the Assay that wrote it."
                )
    except OSError as error:
        raise StoreError(
            f"The capture file {path} cannot be read: {error}. Check the disk."
        ) from error


def _groups(file: BinaryIO, end: int, path: Path) -> Iterator[tuple[Record, int]]:
    at = file.tell()
    while end - at >= _HEAD.size:
        length, checksum = _HEAD.unpack(file.read(_HEAD.size))
        start, at = at, at + _HEAD.size + length
        if length == 0 or at > end:
            return
        lines = file.read(length)
        if zlib.crc32(lines) != checksum:
            if at < end:
                raise StoreError(
                    f"The capture file {path} was changed: the group at byte {start} does not "
                    "match its checksum. Restore the file from a copy."
                )
            return
        for line in lines.splitlines():
            yield msgspec.json.decode(line), at
