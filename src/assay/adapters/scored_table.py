"""A scored table on its way: parts beside the place where it will appear, whole, at the end.

The folder `.<name>.score` holds `run.json` (what was asked, when it began) and two files for each
chunk: `<number>.rejected`, JSON lines, then `<number>.arrow`, which says that the chunk is done.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from assay.adapters.capture_segment import sync_folder
from assay.adapters.scored_form import write_form
from assay.adapters.whole_file import write_whole
from assay.errors import InputError, StoreError
from assay.ports.scored_tables import ScoredPart

__all__ = ["ArrowScoredTable", "Scored"]


@dataclass(frozen=True)
class Scored:
    """What a run came to.

    `value` is the sum of the expected values; `first` is the first rejected row and why, None where
    there is none.
    """

    rows: int
    rejected: int
    first: str | None
    arms: Mapping[str, int]
    decisions: Mapping[str, int]
    value: float


class ArrowScoredTable:
    """The parts of one run, and the table that they become.

    `begun` is what the run keeps to though it is stopped and goes on. StoreError where the disk
    fails; what is there stays whole.
    """

    def __init__(
        self, output: Path, schema: pa.Schema, begun: Mapping[str, Any], lock: int
    ) -> None:
        self._output = output
        self._folder = _folder_of(output)
        self._schema = schema
        self._lock = lock
        self.begun = begun
        self.parts = len(self._files(".arrow"))

    @classmethod
    def open(
        cls, output: Path, asked: Mapping[str, Any], begin: Callable[[], Mapping[str, Any]]
    ) -> Self:
        """Go on with a run that was asked the same, or begin one; `begin` tells what a new one is.

        InputError where the table is there already, where the run that lies there was asked
        something else, and where it is running.
        """
        folder = _folder_of(output)
        shutil.rmtree(_done(folder), ignore_errors=True)
        if output.exists() and not folder.exists():
            raise InputError(f"{output} is there already. Name another table, or remove it.")
        begun = None if (folder / "run.json").exists() else begin()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{output} is being written by another process; wait for it."
            ) from None
        except OSError as error:
            raise StoreError(f"{folder} cannot be made: {error}.") from error
        place = folder / "run.json"
        if begun is not None and not place.exists():
            write_whole(place, json.dumps({"asked": asked, "begun": begun}, indent=2).encode())
        found = json.loads(place.read_bytes())
        other = [name for name, value in asked.items() if found["asked"].get(name) != value]
        if other:
            os.close(lock)
            raise InputError(
                f"An unfinished run for {output} differs in {', '.join(other)}. Repeat its command "
                f"with the same table and options, or remove {folder} to begin anew."
            )
        return cls(output, pa.schema([]), found["begun"], lock)

    def of(self, schema: pa.Schema) -> Self:
        """Return it for rows of a schema."""
        return type(self)(self._output, schema, self.begun, self._lock)

    def write(self, part: ScoredPart) -> None:
        """Take one chunk in; it is on disk when this returns."""
        kept = part.chunk.kept.take(pa.array(part.rows, pa.int64()))
        arrays = [
            _array(part.answers[one.name], one.type)
            if one.name in part.answers
            else kept[one.name].cast(one.type).combine_chunks()
            for one in self._schema
        ]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        name = f"{part.chunk.number:06d}"
        lines = [
            msgspec.json.encode({"row": part.chunk.start + row, "why": why})
            for row, why in sorted(part.rejected.items())
        ]
        try:
            self._whole(f"{name}.rejected", b"".join(line + b"\n" for line in lines))
            sink = pa.BufferOutputStream()
            with pa.ipc.new_file(sink, self._schema) as writer:
                writer.write_table(table)
            self._whole(f"{name}.arrow", sink.getvalue())
        except OSError as error:
            raise StoreError(
                f"{self._folder} cannot be written: {error}. What was done is kept: mend the disk "
                "and repeat the command."
            ) from error
        self.parts = part.chunk.number + 1

    def finish(self) -> Scored:
        """Make the table of all parts, in one step, and remove them; return what it came to.

        Rows that were rejected go into `<table>.rejected` beside it.
        """
        try:
            scored = self._told()
            if not self._output.exists():
                refused = self._output.with_name(f"{self._output.name}.rejected")
                if scored.rejected:
                    content = b"".join(one.read_bytes() for one in self._files(".rejected"))
                    write_whole(refused, content)
                write_form(self._output, self._schema, self._batches())
            self._folder.rename(_done(self._folder))
            shutil.rmtree(_done(self._folder))
        except OSError as error:
            raise StoreError(
                f"{self._output} cannot be written: {error}. What was done is kept: mend the disk "
                "and repeat the command."
            ) from error
        return scored

    def discard(self) -> None:
        """Forget a run of which nothing was written."""
        if not self._files(".arrow"):
            shutil.rmtree(self._folder)

    def close(self) -> None:
        """Let go of the run, finished or not."""
        os.close(self._lock)

    def _told(self) -> Scored:
        rows, value = 0, 0.0
        arms: Counter[str] = Counter()
        decisions: Counter[str] = Counter()
        for batch in self._batches():
            rows += batch.num_rows
            value += pc.sum(batch["expected_value"]).as_py() or 0.0
            _count(arms, batch["arm"])
            if pa.types.is_string(batch["decision"].type):
                _count(decisions, batch["decision"])
        rejected, first = 0, None
        for path in self._files(".rejected"):
            for line in path.read_bytes().splitlines():
                rejected += 1
                if first is None:
                    said = msgspec.json.decode(line)
                    first = f"row {said['row']}: {said['why']}"
        return Scored(rows, rejected, first, dict(arms), dict(decisions), value)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for path in self._files(".arrow"):
            with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
                for place in range(reader.num_record_batches):
                    yield reader.get_batch(place)

    def _files(self, suffix: str) -> list[Path]:
        return sorted(self._folder.glob(f"[0-9]*{suffix}"))

    def _whole(self, name: str, content: Any) -> None:
        path = self._folder / name
        unfinished = self._folder / f".{name}"
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        sync_folder(self._folder)


def _folder_of(output: Path) -> Path:
    """Return where the parts of a table lie until it is whole."""
    return output.with_name(f".{output.name}.score")


def _done(folder: Path) -> Path:
    """Return what the folder is called once its table is there."""
    return folder.with_name(f"{folder.name}.done")


def _held(folder: Path) -> int:
    """Make the folder of a run, and hold it; InputError where somebody else does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error}. Mend the disk.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise InputError(
            f"The run in {folder} is under way in another process. Wait for it."
        ) from None
    return lock


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind, from_pandas=False)


def _count(into: Counter[str], column: pa.Array) -> None:
    for one in pc.value_counts(column):
        into[str(one["values"])] += one["counts"].as_py()
