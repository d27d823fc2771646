"""Predictions from our own capture log, as frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import polars as pl

from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import CaptureLog, Part, Record, is_answer, is_failure, records_of
from assay.ports.predictions import (
    INPUT,
    NO_FAILURES,
    NOT_RECORDED,
    Batch,
    records_as_batch,
    served_batches,
)

__all__ = ["CapturePredictions", "Originals"]

Originals = Callable[[str], Mapping[str, Mapping[str, str]]]
"""For a bundle's digest: of each column that is hashed, which known category each hash is of."""


class CapturePredictions:
    """One model's part of a capture log.

    With `originals` categories that a bundle's reference knows stand in frames as what they are,
    where captures have their hashes.

    >>> from assay.adapters.memory_captures import MemoryCaptures
    >>> CapturePredictions(MemoryCaptures(), "bank").after("").rows.height
    0
    """

    def __init__(
        self, captures: CaptureLog, model: str, originals: Originals | None = None
    ) -> None:
        self._captures = captures
        self._model = model
        self._originals = originals

    def after(self, position: str) -> Batch:
        """Return what was captured since a position of the log."""
        read = self._captures.read_after(position)
        batches, failed = self._own(read.parts)
        rows = served_batches(batches)
        if self._originals is not None and rows.height:
            rows = _with_originals(rows, self._originals)
        failures = pl.DataFrame(failed, schema=NO_FAILURES.schema, orient="row")
        return Batch(rows, failures, read.position, more=read.more)

    def _own(self, parts: Sequence[Part]) -> tuple[list[CaptureBatch], list[tuple[Any, ...]]]:
        """Return the model's answered predictions in order, and what failed."""
        batches: list[CaptureBatch] = []
        failed: list[tuple[Any, ...]] = []
        for plain, some in groupby(parts, _is_plain):
            if plain:
                batches += [
                    one for one in some if isinstance(one, CaptureBatch) and self._is_own(one)
                ]
                continue
            records = [one for one in records_of(list(some)) if one["model"] == self._model]
            failed += [_failure(one) for one in records if is_failure(one)]
            batches.append(records_as_batch([one for one in records if is_answer(one)]))
        return batches, failed

    def _is_own(self, batch: CaptureBatch) -> bool:
        mine: bool = batch.shared["model"] == self._model
        return mine and not batch.shared.get("shadow")


def _is_plain(part: Part) -> bool:
    """Return whether a part is predictions of one model, answered or not, all alike."""
    if not isinstance(part, CaptureBatch) or "model" not in part.shared:
        return False
    return "failed" not in part.shared and not part.each.keys() & {"failed", "shadow"}


def _failure(record: Record) -> tuple[Any, ...]:
    at = datetime.fromisoformat(record["at"]).astimezone(UTC).replace(tzinfo=None)
    if "capture_lost" in record:
        return at, NOT_RECORDED, None, record["capture_lost"]
    return at, record["status"], record["latency_ms"], 1


def _with_originals(rows: pl.DataFrame, originals: Originals) -> pl.DataFrame:
    """Put known categories back where captures have their hashes."""
    for bundle in rows["bundle"].unique().drop_nulls().to_list():
        for name, known in originals(bundle).items():
            column = INPUT + name
            if column in rows.columns and rows.schema[column] == pl.String:
                own = pl.col("bundle") == bundle
                told = pl.col(column).replace(dict(known))
                rows = rows.with_columns(pl.when(own).then(told).otherwise(column).alias(column))
    return rows
