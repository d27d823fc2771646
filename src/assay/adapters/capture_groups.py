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
from pathlib import Path
from typing import BinaryIO

from assay.adapters.capture_lines import part_of
from assay.errors import StoreError
from assay.ports.captures import Part

__all__ = ["MAGIC", "VERSION", "framed", "read_groups"]

VERSION = 2
MAGIC = b"ASSAYCAP" + bytes([VERSION])
_READ = tuple(b"ASSAYCAP" + bytes([version]) for version in (1, 2))
_HEAD = struct.Struct(">II")


def framed(lines: bytes) -> bytes:
    r"""Return a group: the lines behind their length and checksum.

    >>> framed(b"{}\n").hex()
    '00000003dda1b0067b7d0a'
    """
    return _HEAD.pack(len(lines), zlib.crc32(lines)) + lines


def read_groups(path: Path, begin: int = 0) -> Iterator[tuple[Part, int]]:
    """Yield the parts of one file in order, each with the byte after its group.

    A torn last group is left out. `begin` is such a byte to go on from. Raises StoreError where a
    group before the last does not match its checksum, where the file is of another format, or
    cannot be read; FileNotFoundError where it is gone.
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


def _groups(file: BinaryIO, end: int, path: Path) -> Iterator[tuple[Part, int]]:
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
            yield part_of(line), at
