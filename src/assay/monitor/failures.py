"""Requests that were answered with an error, counted by quarter of an hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import polars as pl

__all__ = ["Failures"]

_QUARTER = 900


@dataclass(frozen=True)
class Failures:
    """How many requests failed with which HTTP status, by quarter of an hour since 1970 (UTC).

    No request is kept: a flood of bad ones takes no room. 4xx are the caller's faults, 5xx ours;
    `NOT_RECORDED` are predictions that could not be written down. A row counts as often as its
    `times` says, once where it does not.

    >>> at = pl.Series([datetime(2026, 3, 1, 12, 5)], dtype=pl.Datetime("us"))
    >>> some = Failures().added(pl.DataFrame({"at": at, "status": [503], "latency_ms": [1.0]}))
    >>> some.between(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    {503: 1}
    """

    counts: Mapping[int, Mapping[int, int]] = field(default_factory=dict)

    def added(self, failures: pl.DataFrame) -> Failures:
        """Return these and more of them: a frame with `at` (UTC, without a zone) and `status`."""
        if not failures.height:
            return self
        counts = {quarter: dict(of) for quarter, of in self.counts.items()}
        quarters = failures["at"].to_numpy().astype("datetime64[s]").astype(np.int64) // _QUARTER
        times = failures["times"].to_list() if "times" in failures.columns else [1] * len(quarters)
        rows = zip(quarters.tolist(), failures["status"].to_list(), times, strict=True)
        for quarter, status, count in rows:
            own = counts.setdefault(quarter, {})
            own[status] = own.get(status, 0) + count
        return Failures(counts)

    def between(self, start: datetime | None, end: datetime | None) -> dict[int, int]:
        """Return how many failed with each status in the quarters that begin in a stretch."""
        if start is None or end is None:
            return {}
        first, last = (one.astimezone(UTC).timestamp() / _QUARTER for one in (start, end))
        found: dict[int, int] = {}
        for quarter, of in self.counts.items():
            # A stretch of rows begins within a quarter: that one counts.
            if int(first) <= quarter < last:
                for status, count in of.items():
                    found[status] = found.get(status, 0) + count
        return found
