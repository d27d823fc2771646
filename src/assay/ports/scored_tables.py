"""Tables that are scored whole: where rows come from, and where what was answered goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from assay.ports.capture_batch import CaptureBatch
from assay.ports.engine import Columns

__all__ = ["Chunk", "Keep", "RowSource", "ScoredPart", "ScoredTable"]


@dataclass(frozen=True)
class Chunk:
    """Rows `start` to `start + n` of a table; every chunk but the last one has the same size.

    `amiss` are rows of it, counted from 0, that cannot be read, with the reason. `kept` are columns
    that go over as they are, in a form that only source and table know. `share` is how much of the
    table was read, 0 to 1.
    """

    number: int
    start: int
    n: int
    columns: Columns
    entities: Sequence[str] | None
    amiss: Mapping[int, str]
    kept: Any
    share: float


@dataclass(frozen=True)
class ScoredPart:
    """What is written of one chunk.

    `rows` are the rows of the chunk that were answered, counted from 0, `answers` has one list for
    each column, one value for each of them; `rejected` are the others with the reason.
    """

    chunk: Chunk
    rows: Sequence[int]
    answers: Mapping[str, Sequence[Any]]
    rejected: Mapping[int, str]


class RowSource(Protocol):
    """A table that is read in order, in chunks."""

    def chunks(self, begin: int) -> Iterator[Chunk]:
        """Yield the chunks from number `begin` on; DataError where the table cannot be read."""
        ...


class ScoredTable(Protocol):
    """A table that grows by whole chunks, and appears when it is whole."""

    @property
    def parts(self) -> int:
        """How many chunks are there already."""
        ...

    def write(self, part: ScoredPart) -> None:
        """Take one chunk in, the next one in order; it is on disk when this returns."""
        ...


class Keep(Protocol):
    """Takes in the captures of a chunk; those of a chunk that it has already change nothing."""

    def __call__(self, number: int, batches: Sequence[CaptureBatch]) -> None:
        """Return when they are on disk; StoreError where they cannot be written."""
        ...
