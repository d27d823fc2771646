"""Tables from CSV and Parquet files, read by polars."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from assay.adapters.separators import separator_of, with_decimal_commas
from assay.errors import DataError

__all__ = ["PolarsTables"]

_DUPLICATED = "_duplicated_"
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


class PolarsTables:
    """Reads whole tables; the kind of file is told by its suffix: `.csv`, `.parquet` or `.pq`.

    Empty cells of a CSV are missing values. The type of a CSV's column is learned from all of its
    rows, so that a late word makes the column text instead of breaking the reading. Fields may be
    separated by `;`, tabs or `|` in the place of commas; with `;` numbers may be written as 1,5.
    """

    def read(self, path: Path) -> pl.DataFrame:
        """Return a whole table; raise DataError where missing, empty, cut short or no table."""
        _look_at(path)
        kind = path.suffix.lower()
        frame = _csv(path) if kind == ".csv" else _parquet(path)
        if frame.width == 0 or frame.height == 0:
            raise DataError(
                f"The table {path} has no rows: {frame.width} columns and {frame.height} rows were "
                "read. Give a file with a header and at least one row of data."
            )
        return frame


def _look_at(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path} is a folder, and a table is one file. Give a CSV or Parquet file.")
    if not path.is_file():
        raise DataError(
            f"There is no table at {path}. Check `data.source` in the charter, which is read from "
            "the charter's own folder, or give the file with --data."
        )
    if path.suffix.lower() not in {".csv", ".parquet", ".pq"}:
        raise DataError(
            f"{path} ends in {path.suffix or 'no suffix'}, and tables are read from .csv, .parquet "
            "and .pq files. Convert it, or rename it if it is one of these."
        )
    if path.stat().st_size == 0:
        raise DataError(f"The table {path} is empty: 0 bytes. Write or copy the file again.")


def _csv(path: Path) -> pl.DataFrame:
    separator = ","
    try:
        separator = _separator(path)
        frame = pl.read_csv(
            path, separator=separator, infer_schema_length=None, try_parse_dates=True
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{path} cannot be read as a CSV: {_first_line(error)}. Each row needs as many fields "
            f"as the header, separated by {_NAMES[separator]}, in UTF-8."
        ) from error
    twice = sorted({n.split(_DUPLICATED)[0] for n in frame.columns if _DUPLICATED in n})
    if twice:
        raise DataError(
            f"The header of {path} names {', '.join(twice)} more than once. Give each column its "
            "own name."
        )
    return with_decimal_commas(frame) if separator == ";" else frame


def _separator(path: Path) -> str:
    # Latin letters in the header are no matter here; polars says what is wrong with them.
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        return separator_of(lines.readline(), lines.readline())


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet ({path.stat().st_size:,} bytes): "
            f"{_first_line(error)}. It may be cut short or damaged: write or copy the file again."
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
