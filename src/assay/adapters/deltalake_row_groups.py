"""Delta tables, read row group by row group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.adapters.arrow_columns import column_of, kind_of
from assay.errors import DataError, MissingLibrary
from assay.ports.row_groups import Column, ColumnKind

__all__ = ["DeltalakeRowGroups"]


class DeltalakeRowGroups:
    """The newest version of a Delta table; a group is a row group of one of its files.

    Raises MissingLibrary, which names the install command, without the library `deltalake`.
    """

    def __init__(self, path: Path) -> None:
        try:
            import deltalake  # noqa: PLC0415 - optional
        except ImportError as error:
            raise MissingLibrary("deltalake", "delta") from error
        try:
            self._dataset = deltalake.DeltaTable(str(path)).to_pyarrow_dataset()
        except (deltalake.exceptions.DeltaError, OSError, ValueError) as error:
            raise DataError(
                f"{path} cannot be read as a Delta table: {str(error).splitlines()[0]}. Tables "
                "with deletion vectors need to be compacted (`OPTIMIZE`, then `VACUUM`) first."
            ) from error
        self._path = path

    def kinds(self) -> Mapping[str, ColumnKind]:
        """Return what each column holds, those that the table is partitioned by included."""
        return {field.name: kind_of(field.type) for field in self._dataset.schema}

    def sizes(self) -> Sequence[int]:
        """Return the rows of each row group of each file."""
        sizes = [group.row_groups[0].num_rows for group in self._groups]
        if not sum(sizes):
            raise DataError(f"There are no rows in {self._path}. Give a table with rows.")
        return sizes

    def read(self, group: int, columns: Sequence[str]) -> Mapping[str, Column]:
        """Return some columns of one row group."""
        found = self._groups[group].to_table(
            schema=self._dataset.schema, columns=list(columns), use_threads=False
        )
        return {name: column_of(found.column(name)) for name in columns}

    @cached_property
    def _groups(self) -> list[Any]:
        # A file's place in the log says nothing of its rows' age; its name at least is stable.
        files = sorted(self._dataset.get_fragments(), key=lambda file: str(file.path))
        return [group for file in files for group in file.split_by_row_group()]
