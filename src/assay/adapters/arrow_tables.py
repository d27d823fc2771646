"""Tables that need not fit into memory: Parquet, CSV and Delta, read in order in equal chunks."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as pa_dataset

from assay.adapters.separators import separator_of
from assay.errors import DataError, MissingLibrary

__all__ = ["ArrowTable", "files_of", "open_table"]

_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".csv.gz")
_PATTERN = re.compile(r"[*?\[]")
_BLOCK = 8 << 20
_PACKED = 5
"""How much larger a compressed text is than its file, about: progress is told by it alone."""


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
        with self._told(), self._reader([]) as reader:
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
        with self._told():
            batches = self._csv(columns, begin) if self.separator else self._rows(columns, begin)
            yield from _regrouped(batches, size)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what breaks while a table is read."""
        try:
            yield
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
        done, size = 0, max(1, self.path.stat().st_size * (_PACKED if _packed(self.path) else 1))
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
    """Open a table by its name.

    `.parquet` or `.pq`, `.csv` or `.csv.gz`, a folder with a Delta log, or many Parquet files as
    one: a folder of them, or a pattern (`data/part-*.parquet`), in the order of their names; a
    folder called `day=2` is a column, as Spark and DuckDB know it. Raises DataError where there is
    none or it is none, MissingLibrary for Delta without its extra.
    """
    if (path / "_delta_log").is_dir():
        return _delta(path)
    if not path.is_file():
        return _files(path, files_of(path))
    kind, found = path.suffix.lower(), path.stat()
    identity = f"{path.resolve()}, {found.st_size} bytes, {found.st_mtime_ns}"
    if path.name.lower().endswith(_CSV):
        separator = _separator(path)
        names = _header(path, separator)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"{path} names {', '.join(twice)} twice: call each column differently.")
        return ArrowTable(path, identity, None, separator)
    if kind not in _PARQUET:
        raise DataError(
            f"{path} ends in {path.suffix or 'no suffix'}; tables are read from .parquet, .pq, "
            ".csv and .csv.gz files and from Delta tables. Convert it, or rename it if it is one "
            "of these."
        )
    return ArrowTable(path, identity, _dataset(path, [path]))


def files_of(path: Path) -> list[Path]:
    """Return the Parquet files of a folder or a pattern; DataError where there are none.

    Files and folders whose names begin with `.` or `_` are left out, as Spark writes its own.
    """
    pattern = bool(_PATTERN.search(str(path))) and not path.is_dir()
    within = next(one for one in path.parents if not _PATTERN.search(str(one)))
    found = path.rglob("*")
    if pattern:
        found = within.glob(str(path.relative_to(within)))
    elif path.is_dir():
        within = path
    hidden = (".", "_")
    files = [
        one
        for one in sorted(found)
        if one.is_file()
        and not any(part.startswith(hidden) for part in one.relative_to(within).parts)
    ]
    parquet = [one for one in files if one.suffix.lower() in _PARQUET]
    if not files:
        raise DataError(
            f"There is no table at {path}. Give a Parquet or CSV file, a Delta table, or a folder "
            "of Parquet files."
        )
    if not parquet or (pattern and len(parquet) < len(files)):
        other = next(one for one in files if one not in parquet)
        raise DataError(
            f"{path} is read as Parquet files in one, and {other.name} is none. Give a CSV as a "
            "single file, or write the table as Parquet."
        )
    return parquet


def _files(path: Path, files: Sequence[Path]) -> ArrowTable:
    """Return many Parquet files as one table; DataError where one has other columns."""
    told = ((one, one.stat()) for one in files)
    lines = [f"{one.resolve()}, {found.st_size}, {found.st_mtime_ns}" for one, found in told]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    dataset = _dataset(path, files, "hive")
    columns = {one.path: set(one.physical_schema.names) for one in dataset.get_fragments()}
    first = columns[min(columns)]
    for name in sorted(columns):
        differ = sorted(columns[name] ^ first)
        if differ:
            raise DataError(
                f"The files of {path} are no one table: {name} and {min(columns)} differ in the "
                f"columns {', '.join(differ[:5])}. Write them with the same columns."
            )
    return ArrowTable(path, f"{path.absolute()}, {len(files)} files, {digest}", dataset)


def _dataset(path: Path, files: Sequence[Path], keys: str | None = None) -> Any:
    names = [str(one) for one in files]
    try:
        plain = pa_dataset.dataset(names, format="parquet").schema
        texts = {field.name for field in plain if pa.types.is_string(field.type)}
        options = pa_dataset.ParquetReadOptions(dictionary_columns=texts)
        form = pa_dataset.ParquetFileFormat(read_options=options)
        found = pa_dataset.dataset(names, format=form, partitioning=keys)
        found.count_rows()  # reads each file's foot: one that is damaged is told here
    except (pa.ArrowException, OSError) as error:
        first = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(
            f"{path} cannot be read as Parquet: {first}. It may be cut short or damaged: write or "
            "copy the file again."
        ) from error
    return found


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


def _packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _first_lines(path: Path, count: int) -> list[bytes]:
    try:
        with gzip.open(path) if _packed(path) else path.open("rb") as lines:
            return [lines.readline() for _ in range(count)]
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}. Write or copy the file again.") from error


def _separator(path: Path) -> str:
    first, second = (line.decode("utf-8-sig", "replace") for line in _first_lines(path, 2))
    if not second.strip():
        raise DataError(f"There are no rows in {path}. Give a header and at least one row.")
    return separator_of(first, second)


def _header(path: Path, separator: str) -> list[str]:
    (line,) = _first_lines(path, 1)
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
