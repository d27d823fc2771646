"""Keys in one JSON file that is replaced whole and that only its owner may read.

Format 1: {"format": 1, "keys": [...]}, each as `ports/keys.py` has it. To change the format, raise
the number and teach `read` the step from the old one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from assay.adapters.file_lock import locked
from assay.errors import StoreError
from assay.ports.keys import Key

__all__ = ["FileKeys"]

_FORMAT = 1


class _File(msgspec.Struct):
    keys: list[Key]
    format: int = _FORMAT


class FileKeys:
    """The keys of one workspace, in a file.

    >>> import tempfile
    >>> keys = FileKeys(Path(tempfile.mkdtemp()) / "keys.json")
    >>> keys.read() is None
    True
    >>> keys.add(Key("ab12", "0" * 64, ("infer",)))
    >>> keys.revoke("ab12"), keys.revoke("ab12"), keys.read()
    (True, False, [])
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._read: list[Key] | None = None

    def read(self) -> Sequence[Key] | None:
        """Return every key that holds; the file is read again only where it was replaced."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._stamp = self._read = None
            return None
        except OSError as error:
            raise self._unreadable(error) from error
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            self._read = self._parsed()
            self._stamp = stamp
        return self._read

    def add(self, key: Key) -> None:
        """Keep a key durably."""
        with self._changing() as keys:
            keys.append(key)

    def revoke(self, id_: str) -> bool:
        """Take a key away; False where there is none of that id."""
        if not self._path.exists():
            return False
        with self._changing() as keys:
            left = [key for key in keys if key.id != id_]
            revoked = len(left) < len(keys)
            keys[:] = left
        return revoked

    @contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        with locked(self._path.with_suffix(".lock")):
            keys = list(self.read() or ())
            yield keys
            self._write(keys)

    def _write(self, keys: list[Key]) -> None:
        fresh = self._path.with_suffix(".new")
        content = msgspec.json.format(msgspec.json.encode(_File(keys)), indent=2) + b"\n"
        try:
            # Made anew, so that it is nobody else's to read from its first byte.
            fresh.unlink(missing_ok=True)
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise StoreError(
                f"The keys {self._path} cannot be written: {error}. Nothing was changed; "
                "mend the disk and repeat the command."
            ) from error

    def _parsed(self) -> list[Key]:
        try:
            file = msgspec.json.decode(self._path.read_bytes(), type=_File)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        if file.format != _FORMAT:
            raise self._unreadable(f"its format is {file.format}, not {_FORMAT}")
        return file.keys

    def _unreadable(self, why: object) -> StoreError:
        return StoreError(
            f"The keys {self._path} cannot be read: {why}. Mend the file, or remove it and make "
            "new keys with `assay keys add`."
        )
