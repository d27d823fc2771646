"""Predictions from our own capture log, as frames."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from assay.ports.captures import CaptureLog, is_failure
from assay.ports.predictions import NO_FAILURES, Batch, served_frame

__all__ = ["CapturePredictions"]


class CapturePredictions:
    """One model's part of a capture log.

    >>> from assay.adapters.memory_captures import MemoryCaptures
    >>> CapturePredictions(MemoryCaptures(), "bank").after("").rows.height
    0
    """

    def __init__(self, captures: CaptureLog, model: str) -> None:
        self._captures = captures
        self._model = model

    def after(self, position: str) -> Batch:
        """Return what was captured since a position of the log."""
        read = self._captures.read_after(position)
        own = [one for one in read.records if one["model"] == self._model]
        failed = [
            (_moment(one["at"]), one["status"], one["latency_ms"]) for one in own if is_failure(one)
        ]
        return Batch(
            served_frame(one for one in own if not is_failure(one)),
            pl.DataFrame(failed, schema=NO_FAILURES.schema, orient="row"),
            read.position,
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
