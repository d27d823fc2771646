"""What captures of another machine have to look like before they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part, is_failure, records_of
from assay.ports.predictions import INPUT

__all__ = ["demand_captures"]

_MOST_SHARED = 8192
"""Bytes of JSON that all rows of a batch may share: they are written for each row."""

_Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Scalar = bool | int | float | str | None


class _Failed(msgspec.Struct):
    at: _Moment
    model: str


class _Answered(msgspec.Struct):
    id: str
    at: _Moment
    model: str
    inputs: dict[str, _Scalar]
    version: _Whole | None = None
    bundle: str | None = None
    arm: str | None = None
    revision: _Whole | None = None
    entity: _Scalar = None
    score: float | list[float] | None = None
    probability: float | list[float] | None = None
    decision: _Scalar = None
    expected_value: float | None = None
    explored: bool | None = None
    propensity: float | None = None
    weight: float | None = None
    control_share: float | None = None
    latency_ms: float | None = None
    shadow: bool | None = None
    flags: list[str] | None = None


def demand_captures(part: Part, model: str) -> None:
    """Raise ValueError or TypeError where a part is none that a gateway writes for a model.

    >>> demand_captures({"id": "a/0", "model": "bank"}, "bank")
    Traceback (most recent call last):
    ...
    msgspec.ValidationError: Object missing required field `at`
    """
    if isinstance(part, CaptureBatch):
        _demand_batch(part)
    elif not isinstance(part, Mapping):
        raise TypeError(f"a line is no record but a {type(part).__name__}")
    for record in records_of((part,)):
        odd = [name for name in record if name.startswith(("_", INPUT))]
        if odd:
            raise ValueError(f"the key {odd[0][:100]!r} is kept for Assay's own columns")
        kind: type[_Failed | _Answered] = _Failed if is_failure(record) else _Answered
        known = msgspec.convert(record, kind)
        if known.model != model:
            raise ValueError(f"it speaks of {known.model[:100]!r}, and not of {model!r}")


def _demand_batch(batch: CaptureBatch) -> None:
    columns: list[Any] = []
    for name in ("shared", "each", "inputs"):
        found = getattr(batch, name)
        if not isinstance(found, Mapping):
            raise TypeError(f"a batch's {name} is a {type(found).__name__}, and no object")
        columns += [] if name == "shared" else found.values()
    if type(batch.n) is not int or batch.n < 1 or "id" not in batch.each:
        raise ValueError(f"a batch of {str(batch.n)[:20]} rows, or without an id for each")
    if not all(isinstance(one, list) and len(one) == batch.n for one in columns):
        raise ValueError(f"a batch of {batch.n} rows has a column that is no list of as many")
    if {"inputs", "failed"} & {*batch.shared, *batch.each} or set(batch.shared) & set(batch.each):
        raise ValueError("a batch names a key twice, or one that batches do not have")
    if len(msgspec.json.encode(batch.shared)) > _MOST_SHARED:
        raise ValueError(f"what all rows of a batch share takes more than {_MOST_SHARED} bytes")
