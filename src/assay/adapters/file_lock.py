"""One at a time, over processes of one machine."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import StoreError

__all__ = ["locked"]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, waiting for whoever holds it; a process that dies lets go of it.

    >>> import tempfile
    >>> with locked(Path(tempfile.mkdtemp()) / "lock"):
    ...     print("alone")
    alone
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise StoreError(f"{path} cannot be locked: {error}. Mend the disk.") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
