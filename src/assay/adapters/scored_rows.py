"""A table's rows on their way into a model: chunks of columns, entities, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from assay.adapters.arrow_inputs import Kinds, columns_of, entities_of
from assay.adapters.arrow_tables import ArrowTable
from assay.errors import InputError, did_you_mean
from assay.ports.scored_tables import Chunk

__all__ = ["CHUNK", "ArrowRows", "schema_of"]

CHUNK = 65_536
"""Rows that are read, answered and written at once."""

_TYPES: Mapping[str, Any] = {
    "id": pa.string(),
    "arm": pa.string(),
    "version": pa.int64(),
    "expected_value": pa.float64(),
    "flags": pa.string(),
}


class ArrowRows:
    """The rows of a table, as a model takes them.

    `kinds` are the columns that are read, `entity` the one that says whom a row is about, `keep`
    those that go over as they are. InputError naming every column that the table lacks.
    """

    def __init__(
        self, table: ArrowTable, kinds: Kinds, entity: str | None, keep: Sequence[str] = ()
    ) -> None:
        wanted = [*kinds, *([entity] if entity else []), *keep]
        self._columns = list(dict.fromkeys(wanted))
        names = table.schema.names
        missing = [name for name in self._columns if name not in names]
        if missing:
            hint = did_you_mean(missing[0], names) or f"it has {', '.join(names)[:500]}"
            raise InputError(f"{table.path} lacks the columns {', '.join(missing)}; {hint}.")
        self._table, self._kinds, self._entity = table, kinds, entity
        self._keep = list(keep)

    def chunks(self, begin: int) -> Iterator[Chunk]:
        """Yield the chunks from number `begin` on; DataError where the table cannot be read."""
        read = self._table.chunks(self._columns, CHUNK, begin * CHUNK)
        for number, (rows, share) in enumerate(read, begin):
            amiss: dict[int, str] = {}
            columns = columns_of(rows, self._kinds, amiss)
            entity = self._entity
            entities = None if entity is None else entities_of(entity, rows[entity], amiss)
            kept = rows.select(self._keep)
            n = rows.num_rows
            yield Chunk(number, number * CHUNK, n, columns, entities, amiss, kept, share)


def schema_of(
    table: ArrowTable, keep: Sequence[str], task: str, outcomes: int, *, acts: bool
) -> pa.Schema:
    """Return the columns of the scored table: what is answered, then what is kept.

    `outcomes` is how many there are: of more than two, each has its probability. `acts` says that
    decisions are actions, not amounts. InputError where a name is taken.
    """
    classes = task == "classification"
    chance = pa.list_(pa.float64()) if outcomes > 2 else pa.float64()
    answers = {
        **{name: _TYPES[name] for name in ("id", "arm", "version")},
        "prediction": pa.string() if classes else pa.float64(),
        **({"probability": chance} if classes else {}),
        "decision": pa.string() if acts else pa.float64(),
        **{name: _TYPES[name] for name in ("expected_value", "flags")},
    }
    twice = sorted(set(keep) & set(answers))
    if twice:
        raise InputError(
            f"The answers have columns {', '.join(twice)} themselves; rename them in {table.path}, "
            "or leave them out of --keep."
        )
    found = {field.name: field.type for field in table.schema}
    kept = {name: _plain(found[name]) for name in keep if name in found}
    return pa.schema([*answers.items(), *kept.items()])


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
