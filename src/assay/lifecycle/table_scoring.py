"""A table scored in bounded memory: read ahead, answered, captured and written behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from assay.deploy.answering import Answered, Asked
from assay.deploy.serving import Serving
from assay.deploy.table_answers import Parted, answer_each
from assay.ports.capture_batch import CaptureBatch
from assay.ports.column_blocks import taken
from assay.ports.scored_tables import Chunk, Keep, RowSource, ScoredPart, ScoredTable

__all__ = ["Answering", "score_table"]

_BEHIND = 2
_ANSWERS = ("arm", "version", "prediction", "probability", "decision", "expected_value")


@dataclass(frozen=True)
class Answering:
    """How rows are answered: `run` begins their ids, `now` tells the moment, ISO 8601 in UTC.

    `pinned` is the arm whose version was asked for.
    """

    serving: Serving
    run: str
    now: Callable[[], str]
    pinned: int | None = None


def score_table(
    source: RowSource,
    table: ScoredTable,
    answering: Answering,
    keep: Keep | None,
    progress: Callable[[float, str], None] = lambda _share, _word: None,
) -> None:
    """Score all chunks that the table has not got yet.

    Captures of a chunk are on disk before its answers are, so that what stands in the table was
    captured; both are done behind, at most two chunks late. Errors are those of the parts.
    """
    with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(1, "write") as writer:
        behind: deque[Future[None]] = deque()
        for chunk in _ahead(source.chunks(table.parts), reader):
            part, batches = _answered(chunk, answering)
            before = behind[-1] if behind else None
            behind.append(writer.submit(_write, before, table, keep, part, batches))
            if len(behind) > _BEHIND:
                behind.popleft().result()
            progress(chunk.share, f"{chunk.start + chunk.n:,} rows")
        for one in behind:
            one.result()


def _ahead(chunks: Iterator[Chunk], reader: ThreadPoolExecutor) -> Iterator[Chunk]:
    """Read the next chunk while this one is answered."""
    following = reader.submit(next, chunks, None)
    while (chunk := following.result()) is not None:
        following = reader.submit(next, chunks, None)
        yield chunk


def _write(
    before: Future[None] | None,
    table: ScoredTable,
    keep: Keep | None,
    part: ScoredPart,
    batches: Sequence[CaptureBatch],
) -> None:
    """Write a chunk, but none after one that could not be written."""
    if before is not None:
        before.result()
    if keep is not None and batches:
        keep(part.chunk.number, batches)
    table.write(part)


def _answered(chunk: Chunk, answering: Answering) -> tuple[ScoredPart, list[CaptureBatch]]:
    rows: Sequence[int] = range(chunk.n)
    columns, entities = chunk.columns, chunk.entities
    if chunk.amiss:
        rows = [row for row in rows if row not in chunk.amiss]
        columns = taken(columns, rows)
        entities = None if entities is None else [entities[row] for row in rows]
    ids = [f"{answering.run}/{chunk.start + row}" for row in rows]
    asked = Asked(columns, ids, entities)
    parted = answer_each(answering.serving, asked, answering.now(), pinned=answering.pinned)
    rejected = {**chunk.amiss, **{rows[row]: why for row, why in parted.refused.items()}}
    kept, answers = _joined(parted, ids)
    batches = [batch for _, answered in parted.runs for batch in answered.captures]
    return ScoredPart(chunk, [rows[row] for row in kept], answers, rejected), batches


def _joined(
    parted: Parted, ids: Sequence[str]
) -> tuple[Sequence[int], Mapping[str, Sequence[Any]]]:
    """Return the rows that were answered, in order, and their answers by column."""
    if len(parted.runs) == 1 and not parted.refused:
        rows, answered = parted.runs[0]
        return rows, {"id": ids, **_lists(answered, None)}
    kept: list[int] = []
    lists: dict[str, list[Any]] = {name: [] for name in (*_ANSWERS, "flags")}
    for rows, answered in parted.runs:
        stay = [place for place in range(len(rows)) if place not in answered.rejected]
        kept += [rows[place] for place in stay]
        for name, values in _lists(answered, stay).items():
            lists[name] += values
    return kept, {"id": [ids[row] for row in kept], **lists}


def _lists(answered: Answered, stay: Sequence[int] | None) -> dict[str, Sequence[Any]]:
    n = len(answered.prediction)
    flags = [None] * n if answered.flags is None else ["; ".join(one) for one in answered.flags]
    found = {**{name: getattr(answered, name) for name in _ANSWERS}, "flags": flags}
    if stay is None:
        return found
    return {name: [values[place] for place in stay] for name, values in found.items()}
