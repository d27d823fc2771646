"""Tables that anyone has, as groups of rows: Parquet, folders of it, CSV and Delta tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import DataError, InputError

if TYPE_CHECKING:
    from assay.ports.row_groups import RowGroups

__all__ = ["row_groups"]


def row_groups(paths: Sequence[Path]) -> RowGroups:
    """Return tables as groups of rows: Parquet files, a folder of them, a CSV or a Delta table.

    What a path is follows from its suffix, and of a folder from what is in it. A path that is not
    there and has `*`, `?` or `[` in it is a pattern, and stands for all that match it.
    """
    files: list[Path] = []
    paths = [found for path in paths for found in _matching(path)]
    for path in paths:
        if (path / "_delta_log").is_dir():
            if len(paths) > 1:
                raise InputError(f"{path} is a Delta table, which is read alone. Give one table.")
            from assay.adapters.deltalake_row_groups import DeltalakeRowGroups

            return DeltalakeRowGroups(path)
        files += sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]
        if path.is_dir() and not any(path.glob("**/*.parquet")):
            raise DataError(f"The folder {path} holds no .parquet file. Give one that does.")
    if any(file.suffix.lower() == ".csv" for file in files):
        return _csv(files)
    for file in files:
        if file.is_file() and file.suffix.lower() not in {".parquet", ".pq"}:
            raise DataError(
                f"{file} ends in {file.suffix or 'no suffix'}, and tables are read from .parquet, "
                ".pq and .csv files and Delta tables. Convert it, or rename it if it is one."
            )
    from assay.adapters.pyarrow_row_groups import PyarrowRowGroups

    return PyarrowRowGroups(files)


def _matching(path: Path) -> list[Path]:
    """Return a path, or what matches it as a pattern where there is no such file."""
    if path.exists() or not any(letter in str(path) for letter in "*?["):
        return [path]
    found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    if not found:
        raise DataError(f"No file matches {path}. Check the pattern, or name the files.")
    return found


def _csv(files: Sequence[Path]) -> RowGroups:
    import polars as pl

    from assay.adapters.polars_row_groups import PolarsRowGroups
    from assay.adapters.polars_tables import PolarsTables

    frames = [PolarsTables().read(file) for file in files]
    return PolarsRowGroups(pl.concat(frames, how="vertical_relaxed"))
