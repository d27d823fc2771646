"""A first charter for a table."""

from __future__ import annotations

from pathlib import Path

from assay.errors import InputError
from assay.workspace.root import CHARTER

__all__ = ["draft"]


def draft(directory: Path | str, table: Path | str, outcome: str) -> Path:
    """Write a drafted charter for a table into a new directory, and return its path.

    Raises InputError where the directory has a charter already: nothing is overwritten.
    """
    from assay.adapters.polars_tables import PolarsTables
    from assay.adapters.whole_file import write_whole
    from assay.envision.draft import draft_charter

    directory, table = Path(directory), Path(table)
    path = directory / CHARTER
    if path.exists():
        raise InputError(f"{path} is there already. Name another directory, or remove it first.")
    frame = PolarsTables().read(table)
    text = draft_charter(frame, str(table.resolve()), outcome, directory.resolve().name)
    return write_whole(path, text.encode())
