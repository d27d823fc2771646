"""The ledger's head, in a file of its own that is replaced as a whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

from assay.errors import LedgerBroken, StoreError
from assay.evidence.chain import Head

__all__ = ["HeadFile"]


class HeadFile:
    """Reads and replaces one small file; the caller sees to it that only one writes at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Head | None:
        """Return the head, None where the file is missing; raise LedgerBroken where unreadable."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"The ledger's head {self.path} cannot be read: {error}.") from error
        try:
            document = json.loads(raw)
            head = Head(int(document["seq"]), str(document["digest"]))
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerBroken(
                f"The ledger's head {self.path} was changed: it holds {raw[:60]!r} where a number "
                "and a digest should stand. Restore it from a backup that was taken with the "
                "database."
            ) from error
        return head

    def write(self, head: Head) -> None:
        """Replace the file durably: after this returns, a power cut leaves the new head."""
        document = {"format": 1, "seq": head.seq, "digest": head.digest}
        fresh = self.path.with_name(self.path.name + ".new")
        try:
            with fresh.open("wb") as file:
                file.write(json.dumps(document).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
            _sync_directory(self.path.parent)
        except OSError as error:
            raise StoreError(
                f"The ledger's head {self.path} cannot be written: {error}. The newest entry is "
                "not acknowledged; make room or mend the disk, then repeat the command."
            ) from error


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
