"""A lead among the processes of one machine: whoever holds a file's lock has it."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from assay.errors import StoreError

__all__ = ["FileElection"]


class FileElection:
    """Holds the lock until it resigns or dies; the system then gives it to another.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "leader.lock"
    >>> one, other = FileElection(path), FileElection(path)
    >>> one.leads(), other.leads(), one.resign(), other.leads(), other.resign()
    (True, False, None, True, None)
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: IO[bytes] | None = None

    def leads(self) -> bool:
        """Whether this process leads now; it takes the lead where nobody has it."""
        if self._held is not None:
            return True
        try:
            file = self._path.open("ab")
        except OSError as error:
            raise StoreError(f"{self._path} cannot be locked: {error}. Mend the disk.") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._held = file
        return True

    def resign(self) -> None:
        """Let go of the lead; a second call does nothing."""
        if self._held is not None:
            self._held.close()
            self._held = None
