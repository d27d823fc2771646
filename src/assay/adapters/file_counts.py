"""What the workers of one gateway counted, each in a file of its own that the others read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from assay.adapters.whole_file import write_whole
from assay.errors import StoreError

__all__ = ["FileCounts"]


class FileCounts:
    """A folder with one JSON file for each worker.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> FileCounts(folder, "0").tell({"n": 1})
    >>> FileCounts(folder, "1").others()
    {'0': {'n': 1}}
    """

    def __init__(self, folder: Path, worker: str) -> None:
        self.worker = worker
        self._folder = folder

    def tell(self, document: Mapping[str, Any]) -> None:
        """Put down what this worker counted; StoreError where that fails."""
        write_whole(self._folder / f"{self.worker}.json", msgspec.json.encode(document))

    def others(self) -> dict[str, Any]:
        """Return what each other worker put down last; StoreError where it does not read."""
        told = {}
        try:
            for path in sorted(self._folder.glob("*.json")):
                if path.stem != self.worker:
                    told[path.stem] = msgspec.json.decode(path.read_bytes())
        except (OSError, ValueError) as error:
            raise StoreError(f"The counts under {self._folder} do not read: {error}.") from error
        return told
