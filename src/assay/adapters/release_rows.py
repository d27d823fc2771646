"""Captures cut to what decisions on releases read: columns that go into a file and come back."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part, Record
from assay.ports.predictions import INPUT

__all__ = [
    "KEYS",
    "KIND",
    "Columns",
    "Slim",
    "packed",
    "sealed",
    "slim_columns",
    "slim_records",
    "unpacked",
    "unsealed",
]

KEYS = (
    "id",
    "at",
    "model",
    "version",
    "arm",
    "entity",
    "decision",
    "explored",
    "revision",
    "weight",
    "control_share",
    "latency_ms",
    "failed",
    "status",
    "capture_lost",
)
"""The keys of a record that decisions on releases read; inputs come beside them."""

KIND = "_kind"
"""The column that says what kind each row is of."""

_ANSWER, _FAILURE, _SHADOW = 0, 1, 2
_SIMPLE = {str, int, bool, type(None)}
_FEW = 64

Columns = dict[str, list[Any]]
"""Equally long columns: `KEYS`, inputs under `in:<name>`, and what kind each row is of."""

Slim = tuple[list[Record], list[Record], list[Record]]
"""Answers, copies in shadow, and failures."""


def slim_columns(parts: Iterable[Part], inputs: Sequence[str]) -> Columns:
    """Return rows of a log with the keys and inputs that are read; None where there is none.

    >>> found = slim_columns([CaptureBatch(2, {"arm": "champion"}, {"id": ["a/0", "a/1"]})], ["x"])
    >>> found["arm"], found["in:x"], found["_kind"]
    (['champion', 'champion'], [None, None], [0, 0])
    """
    columns: Columns = {name: [] for name in (*KEYS, *(INPUT + one for one in inputs), KIND)}
    for part in parts:
        if isinstance(part, CaptureBatch):
            _add_batch(columns, part, inputs)
        else:
            _add_batch(columns, _as_batch(part), inputs)
    return columns


def packed(columns: Columns) -> bytes:
    """Return columns as bytes; what has few simple values is kept by their numbers.

    >>> columns = slim_columns([{"id": "a/0", "version": True}, {"id": "a/1", "version": 1}], [])
    >>> unpacked(packed(columns)) == columns, unpacked(packed(columns))["version"]
    (True, [True, 1])
    """
    return sealed(msgspec.json.encode({name: _coded(one) for name, one in columns.items()}))


def unpacked(content: bytes) -> Columns:
    """Read columns back; ValueError where the bytes are not those that were packed."""
    found: dict[str, Any] = msgspec.json.decode(unsealed(content))
    return {
        name: [coded["of"][code] for code in coded["codes"]] if isinstance(coded, dict) else coded
        for name, coded in found.items()
    }


def sealed(content: bytes) -> bytes:
    """Return bytes behind their checksum."""
    return zlib.crc32(content).to_bytes(4, "big") + content


def unsealed(content: bytes) -> bytes:
    """Return bytes without their checksum; ValueError where it is not theirs.

    >>> unsealed(sealed(b"{}"))
    b'{}'
    """
    plain = content[4:]
    if zlib.crc32(plain).to_bytes(4, "big") != content[:4]:
        raise ValueError("These bytes do not match their checksum.")
    return plain


def slim_records(all_columns: Iterable[Columns], inputs: Sequence[str]) -> Slim:
    """Return columns as records, in order: answers, copies in shadow, failures.

    One that is both a copy and a failure is in both.
    """
    found: Slim = ([], [], [])
    nothing: Mapping[str, Any] = {}
    for columns in all_columns:
        given = [columns[INPUT + name] for name in inputs]
        cells = (
            [dict(zip(inputs, row, strict=True)) for row in zip(*given, strict=True)]
            if inputs
            else [nothing] * len(columns[KIND])
        )
        names = (*KEYS, "inputs")
        rows = zip(*(columns[name] for name in KEYS), cells, strict=True)
        for kind, row in zip(columns[KIND], rows, strict=True):
            record = dict(zip(names, row, strict=True))
            if kind == _ANSWER:
                found[0].append(record)
            if kind & _SHADOW:
                found[1].append(record)
            if kind & _FAILURE:
                found[2].append(record)
    return found


def _add_batch(columns: Columns, batch: CaptureBatch, inputs: Sequence[str]) -> None:
    n, shared, each = batch.n, batch.shared, batch.each
    for key in KEYS:
        columns[key] += each[key] if key in each else [shared.get(key)] * n
    for name in inputs:
        columns[INPUT + name] += batch.inputs.get(name) or [None] * n
    failed = _FAILURE if "failed" in shared or "failed" in each else _ANSWER
    if "shadow" in each:
        columns[KIND] += [failed | (_SHADOW if one else 0) for one in each["shadow"]]
    else:
        columns[KIND] += [failed | (_SHADOW if shared.get("shadow") else 0)] * n


def _as_batch(record: Record) -> CaptureBatch:
    given = record.get("inputs") or {}
    return CaptureBatch(1, record, {}, {name: [value] for name, value in given.items()})


def _coded(values: list[Any]) -> Any:
    """Return a column by the numbers of its values, where they are few and no floats."""
    if not {type(one) for one in values} <= _SIMPLE:
        return values
    known: dict[tuple[type, Any], int] = {}
    codes = []
    for value in values:
        codes.append(known.setdefault((type(value), value), len(known)))
        if len(known) > _FEW:
            return values
    return {"of": [value for _, value in known], "codes": codes}
