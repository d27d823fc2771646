"""Parquet files, read row group by row group with pyarrow."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.adapters.arrow_columns import column_of, kind_of
from assay.errors import DataError
from assay.ports.row_groups import Column, ColumnKind

__all__ = ["PyarrowRowGroups"]


class PyarrowRowGroups:
    """One or more Parquet files with the columns of the first; a group is a row group.

    Text stays in the dictionaries of the file. Each thread keeps the file open that it read last,
    and threads share nothing; nothing is read ahead, which would hold rows that nobody asked for.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._footers = [(path, _footer(path)) for path in paths]
        self._own = threading.local()

    def kinds(self) -> Mapping[str, ColumnKind]:
        """Return what each column holds, in the first file's order."""
        return {field.name: kind_of(field.type) for field in self._schema}

    def sizes(self) -> Sequence[int]:
        """Return the rows of each row group of each file."""
        sizes = [footer.row_group(place).num_rows for _, footer, place in self._groups]
        if not sum(sizes):
            named = ", ".join(str(path) for path, _ in self._footers)
            raise DataError(f"There are no rows in {named}. Give a file with at least one row.")
        return sizes

    def read(self, group: int, columns: Sequence[str]) -> Mapping[str, Column]:
        """Return some columns of one row group."""
        path, footer, place = self._groups[group]
        try:
            file = self._opened(path, footer)
            table = file.read_row_group(place, columns=list(columns), use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"Row group {place} of {path} cannot be read: {_first_line(error)}. The file may "
                "be damaged: write or copy it again."
            ) from error
        lost = [name for name in columns if name not in table.column_names]
        if lost:
            raise DataError(
                f"{path} has no column {', '.join(lost)}, which {self._footers[0][0]} has. Files "
                "that are read together need the same columns."
            )
        return {name: column_of(table.column(name)) for name in columns}

    def _opened(self, path: Path, footer: Any) -> Any:
        """Return this thread's reader of a file."""
        known, file = getattr(self._own, "last", (None, None))
        if known != path:
            # Not a path but a file object: that is read as it is asked for, without mapping it.
            file = pq.ParquetFile(
                pa.OSFile(str(path)),
                metadata=footer,
                read_dictionary=self._texts,
                pre_buffer=False,
            )
            self._own.last = path, file
        return file

    @cached_property
    def _schema(self) -> Any:
        return self._footers[0][1].schema.to_arrow_schema()

    @cached_property
    def _texts(self) -> list[str]:
        tests = (pa.types.is_string, pa.types.is_large_string)
        return [field.name for field in self._schema if any(test(field.type) for test in tests)]

    @cached_property
    def _groups(self) -> list[tuple[Path, Any, int]]:
        return [
            (path, footer, place)
            for path, footer in self._footers
            for place in range(footer.num_row_groups)
        ]


def _footer(path: Path) -> Any:
    try:
        return pq.read_metadata(path)
    except FileNotFoundError as error:
        raise DataError(f"There is no table at {path}. Check the path.") from error
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet: {_first_line(error)}. It may be cut short or "
            "damaged, or another kind of file: write or copy it again."
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
