"""Tables that need not fit into memory: Parquet, CSV and Delta, read in order in equal chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as pa_dataset

from assay.adapters.separators import separator_of
from assay.errors import DataError, MissingLibrary

__all__ = ["ArrowTable", "open_table"]

_PARQUET = (".parquet", ".pq")
_BLOCK = 8 << 20


@dataclass(frozen=True)
class ArrowTable:
    """One table; its `identity` is another where anything of it was changed.

    Texts of Parquet stay in dictionaries, and all that a CSV holds are texts.
    """

    path: Path
    identity: str
    dataset: Any
    separator: str = ""

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns and what they hold."""
        if not self.separator:
            return self.dataset.schema
        with self._reader([]) as reader:
            return pa.schema([(name, pa.string()) for name in reader.schema.names])

    @cached_property
    def rows(self) -> int | None:
        """How many there are; None where only reading tells."""
        return None if self.separator else self.dataset.count_rows()

    def chunks(
        self, columns: Sequence[str], size: int, begin: int = 0
    ) -> Iterator[tuple[pa.Table, float]]:
        """Yield `size` rows at a time from row `begin` on, with the share that was read so far.

        DataError where the file is damaged.
        """
        try:
            batches = self._csv(columns, begin) if self.separator else self._rows(columns, begin)
            yield from _regrouped(batches, size)
        except (pa.ArrowException, OSError) as error:
            first = str(error).strip().split("\n")[0].rstrip(".")
            raise DataError(
                f"{self.path} cannot be read: {first}. What was written so far is kept: mend the "
                "file and repeat the command, or remove the unfinished folder."
            ) from error

    def _rows(self, columns: Sequence[str], begin: int) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Yield batches in the files' order; row groups before `begin` are not read."""
        done, total = 0, max(1, self.rows or 0)
        files = sorted(self.dataset.get_fragments(), key=lambda file: str(file.path))
        for group in (group for file in files for group in file.split_by_row_group()):
            rows = group.row_groups[0].num_rows
            if done + rows <= begin:
                done += rows
                continue
            found = group.to_batches(
                self.dataset.schema, columns=list(columns), batch_size=1 << 16, batch_readahead=2
            )
            for batch in found:
                skip = min(max(0, begin - done), batch.num_rows)
                done += batch.num_rows
                yield batch.slice(skip), done / total

    def _csv(self, columns: Sequence[str], begin: int) -> Iterator[tuple[pa.RecordBatch, float]]:
        done, size = 0, max(1, self.path.stat().st_size)
        with self._reader(columns) as reader:
            read = 0
            for batch in reader:
                skip = min(max(0, begin - done), batch.num_rows)
                done += batch.num_rows
                read += _BLOCK
                yield batch.slice(skip), min(1.0, read / size)

    def _reader(self, columns: Sequence[str]) -> Any:
        names = _header(self.path, self.separator)
        return pa_csv.open_csv(
            str(self.path),
            pa_csv.ReadOptions(block_size=_BLOCK),
            pa_csv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            pa_csv.ConvertOptions(
                include_columns=list(columns),
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
            ),
        )


def open_table(path: Path) -> ArrowTable:
    """Open a table by its name: .parquet or .pq, .csv, or a folder with a Delta log.

    Raises DataError where there is none or it is none, MissingLibrary for Delta without its extra.
    """
    if (path / "_delta_log").is_dir():
        return _delta(path)
    if not path.is_file():
        raise DataError(f"There is no table at {path}. Give a Parquet or CSV file, or a Delta one.")
    kind, found = path.suffix.lower(), path.stat()
    identity = f"{path.resolve()}, {found.st_size} bytes, {found.st_mtime_ns}"
    if kind == ".csv":
        return ArrowTable(path, identity, None, _separator(path))
    if kind not in _PARQUET:
        raise DataError(
            f"{path} ends in {path.suffix or 'no suffix'}; tables are read from .parquet, .pq and "
            ".csv files and from Delta tables. Convert it, or rename it if it is one of these."
        )
    try:
        plain = pa_dataset.dataset(str(path), format="parquet").schema
        texts = {field.name for field in plain if pa.types.is_string(field.type)}
        options = pa_dataset.ParquetReadOptions(dictionary_columns=texts)
        form = pa_dataset.ParquetFileFormat(read_options=options)
        return ArrowTable(path, identity, pa_dataset.dataset(str(path), format=form))
    except (pa.ArrowException, OSError) as error:
        first = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(
            f"{path} cannot be read as Parquet: {first}. It may be cut short or damaged: write or "
            "copy the file again."
        ) from error


def _delta(path: Path) -> ArrowTable:
    try:
        import deltalake  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingLibrary("deltalake", "delta") from error
    try:
        table = deltalake.DeltaTable(str(path))
        dataset = table.to_pyarrow_dataset()
    except (deltalake.exceptions.DeltaError, OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as a Delta table: {str(error).splitlines()[0]}. Tables "
            "with deletion vectors need to be compacted (`OPTIMIZE`, then `VACUUM`) first."
        ) from error
    return ArrowTable(path, f"{path.resolve()}, version {table.version()}", dataset)


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        first, second = lines.readline(), lines.readline()
    if not second.strip():
        raise DataError(f"There are no rows in {path}. Give a header and at least one row.")
    return separator_of(first, second)


def _header(path: Path, separator: str) -> list[str]:
    with path.open("rb") as file:
        line = file.readline()
    found = pa_csv.read_csv(
        pa.py_buffer(line), parse_options=pa_csv.ParseOptions(delimiter=separator)
    )
    names: list[str] = found.schema.names
    return names


def _regrouped(
    batches: Iterator[tuple[pa.RecordBatch, float]], size: int
) -> Iterator[tuple[pa.Table, float]]:
    held: list[Any] = []
    rows, share = 0, 0.0
    for batch, reached in batches:
        share, begin = reached, 0
        while rows + batch.num_rows - begin >= size:
            end = begin + size - rows
            held.append(batch.slice(begin, end - begin))
            yield pa.Table.from_batches(held), share
            held, rows, begin = [], 0, end
        if begin < batch.num_rows:
            held.append(batch.slice(begin))
            rows += batch.num_rows - begin
    if held:
        yield pa.Table.from_batches(held), share
