"""Where predictions are read from to be monitored: our own captures, or anyone's log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import polars as pl

from assay.ports.capture_batch import CaptureBatch

__all__ = [
    "INPUT",
    "NOT_RECORDED",
    "NO_FAILURES",
    "SERVED",
    "Batch",
    "Predictions",
    "empty_served",
    "input_column",
    "records_as_batch",
    "served_batches",
    "served_frame",
]

INPUT = "in:"
"""What the names of input columns begin with in a frame of predictions."""

SERVED: Mapping[str, pl.DataType] = {
    "id": pl.String(),
    "at": pl.Datetime("us"),
    "version": pl.Int64(),
    "bundle": pl.String(),
    "arm": pl.String(),
    "entity": pl.String(),
    "explored": pl.Boolean(),
    "propensity": pl.Float64(),
    "revision": pl.Int64(),
    "weight": pl.Float64(),
    "control_share": pl.Float64(),
    "latency_ms": pl.Float64(),
}
"""The columns of every frame of predictions; `at` is in UTC.

Beside them stand `score` (float64, or a list of K of them), `decision` (text, or an amount), and
one column `INPUT` + name for each input: float64 where all of its values are numbers, text else.
"""

NO_FAILURES = pl.DataFrame(
    schema={
        "at": pl.Datetime("us"),
        "status": pl.Int64(),
        "latency_ms": pl.Float64(),
        "times": pl.Int64(),
    }
)
"""No request that was answered with an error; `times` is how many a row stands for."""

NOT_RECORDED = 0
"""In place of a status: predictions that could not be written down, answered or not."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Predictions that are new, requests that failed, and where reading is to go on.

    `failures` has the columns of `NO_FAILURES`. `outcomes` (id, outcome) are those that the log
    has itself, None where it has none. With `more` there is more to read at once. Of a log in files
    `file` is the one that these rows are from and `files` are all that there are, by name. `unread`
    counts rows that were left out, by file and by the reason.
    """

    rows: pl.DataFrame
    failures: pl.DataFrame
    position: str
    outcomes: pl.DataFrame | None = None
    more: bool = False
    file: str = ""
    files: frozenset[str] | None = None
    unread: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Predictions(Protocol):
    """A log of one model's predictions that grows."""

    def after(self, position: str) -> Batch:
        """Return what was logged since a position; "" is before everything.

        A prediction may come again (its file was written anew): the caller takes each id once.
        """
        ...


def empty_served() -> pl.DataFrame:
    """Return a frame of no predictions."""
    return pl.DataFrame(schema={**SERVED, "score": pl.Float64(), "decision": pl.String()})


def served_frame(records: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return capture records as a frame of predictions, in the order in which they come.

    >>> served = {"id": "a/0", "at": "2026-03-01T12:00:00+01:00", "model": "bank", "version": 1,
    ...           "bundle": "d", "arm": "champion", "score": 0.5, "decision": "call",
    ...           "inputs": {"age": 40}}
    >>> frame = served_frame([served])
    >>> frame["at"][0].hour, frame["in:age"][0]
    (11, 40.0)
    """
    return served_batches([records_as_batch(list(records))])


def served_batches(batches: Iterable[CaptureBatch]) -> pl.DataFrame:
    """Return batches of captures as one frame of predictions, columns joined to columns.

    >>> served = {"at": "2026-03-01T12:00:00Z", "decision": "call"}
    >>> both = [CaptureBatch(1, served, {"id": ["a/0"], "score": [0.5]}, {"age": [40]}),
    ...         CaptureBatch(1, served, {"id": ["b/0"], "score": [0.2]})]
    >>> served_batches(both).select("id", "decision", "in:age").rows()
    [('a/0', 'call', 40.0), ('b/0', 'call', None)]
    """
    parts = [one for one in batches if one.n]
    if not parts:
        return empty_served()
    columns: dict[str, pl.Series] = {}
    for name, kind in SERVED.items():
        values = _column(parts, name)
        given = _times(values) if name == "at" else values
        columns[name] = pl.Series(name, given, dtype=kind, strict=False)
    columns["score"] = pl.Series("score", _column(parts, "score"), strict=False)
    columns["decision"] = input_column(_column(parts, "decision"), "decision")
    for name in dict.fromkeys(name for one in parts for name in one.inputs):
        column = INPUT + name
        columns[column] = input_column(_input(parts, name), column)
    return pl.DataFrame(columns).with_columns(pl.col("score").cast(_score_type(columns["score"])))


def records_as_batch(rows: Sequence[Mapping[str, Any]]) -> CaptureBatch:
    """Turn records over into the columns of predictions; None where a record lacks a key.

    >>> records_as_batch([{"id": "a/0", "inputs": {"age": 40}}]).inputs
    {'age': [40]}
    """
    names = dict.fromkeys(
        name for given in {tuple(row["inputs"]) for row in rows} for name in given
    )
    inputs = {name: [row["inputs"].get(name) for row in rows] for name in names}
    keys = (*SERVED, "score", "decision")
    return CaptureBatch(
        len(rows), {}, {key: [row.get(key) for row in rows] for key in keys}, inputs
    )


def _column(parts: Sequence[CaptureBatch], name: str) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        values = part.each.get(name)
        found += [part.shared.get(name)] * part.n if values is None else values
    return found


def _input(parts: Sequence[CaptureBatch], name: str) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        values = part.inputs.get(name)
        found += [None] * part.n if values is None else values
    return found


def input_column(values: Sequence[Any], name: str = "") -> pl.Series:
    """Return values as a column: of float64 where all are numbers (or missing), else of text.

    >>> input_column([1, None]).dtype, input_column([1, "b"]).to_list()
    (Float64, ['1', 'b'])
    """
    if all(value is None or isinstance(value, int | float) for value in values):
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    texts = [None if value is None else str(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def _score_type(scores: pl.Series) -> Any:
    return pl.List(pl.Float64) if isinstance(scores.dtype, pl.List) else pl.Float64


def _times(values: Sequence[str]) -> Any:
    """Return when each was made, in UTC, whatever zone it was written in."""
    known = {text: _utc(text) for text in set(values)}
    return np.array([known[text] for text in values], dtype="datetime64[us]")


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
