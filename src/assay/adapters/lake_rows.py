"""Captures as runs of flat columns, as Parquet has them: no record is made for a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part, Record
from assay.ports.predictions import INPUT

__all__ = ["Run", "joined", "run_of"]


@dataclass(frozen=True)
class Run:
    """Rows of one shape: which keys and inputs they have, for nulls do not tell what is not there.

    >>> run_of({"id": "a/0", "inputs": {"age": None}})
    Run(n=1, shape='[["id"],["age"]]', columns={'id': ['a/0'], 'in:age': [None]})
    """

    n: int
    shape: str
    columns: Mapping[str, Sequence[Any]]


def run_of(part: Part) -> Run:
    """Return a part of a log as a run."""
    if not isinstance(part, CaptureBatch):
        return _of_record(part)
    columns: dict[str, Sequence[Any]] = {key: [one] * part.n for key, one in part.shared.items()}
    columns.update(part.each)
    shape = _shape(columns, part.inputs)
    columns.update((INPUT + name, values) for name, values in part.inputs.items())
    return Run(part.n, shape, columns)


def joined(runs: Sequence[Run], names: Iterable[str]) -> dict[str, list[Any]]:
    """Return the columns of these names over all runs; None where a run has no such column."""
    return {
        name: list(chain.from_iterable(run.columns.get(name) or [None] * run.n for run in runs))
        for name in names
    }


def _of_record(record: Record) -> Run:
    inputs = record.get("inputs")
    given = inputs if isinstance(inputs, Mapping) else None
    columns = {key: [one] for key, one in record.items() if key != "inputs" or given is None}
    shape = _shape(columns, given)
    columns.update((INPUT + name, [one]) for name, one in (given or {}).items())
    return Run(1, shape, columns)


def _shape(keys: Iterable[str], inputs: Iterable[str] | None) -> str:
    given = None if inputs is None else sorted(inputs)
    return msgspec.json.encode([sorted(keys), given]).decode()
