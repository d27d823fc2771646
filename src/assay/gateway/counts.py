"""What a gateway counts: plain numbers, so that counting costs a request next to nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

__all__ = ["SECONDS", "GatewayCounts", "ModelCounts"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper edges of the buckets of request times."""


class ModelCounts:
    """One model's counters, changed on the event loop alone.

    >>> counts = ModelCounts()
    >>> counts.answered(200, 0.002)
    >>> counts.predicted(3, "champion", 32)
    >>> counts.document()["predictions"], counts.document()["buckets"][:3]
    ([[3, 'champion', 32]], [0, 1, 0])
    """

    __slots__ = (
        "buckets",
        "capture_lag",
        "load_failures",
        "loads",
        "lost",
        "outcome_refusals",
        "outcomes",
        "predictions",
        "requests",
        "seconds",
        "shadow_dropped",
        "shadow_failed",
        "shed",
        "unloads",
    )

    def __init__(self) -> None:
        self.requests: dict[int, int] = {}
        self.predictions: dict[tuple[int, str], int] = {}
        self.buckets = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0
        self.capture_lag = 0.0
        self.lost = self.shed = self.shadow_dropped = self.shadow_failed = 0
        self.outcomes = self.outcome_refusals = 0
        self.loads = self.unloads = self.load_failures = 0

    def answered(self, status: int, *seconds: float) -> None:
        """Count requests, answered with a status each so long after its last byte."""
        requests, buckets = self.requests, self.buckets
        requests[status] = requests.get(status, 0) + len(seconds)
        for one in seconds:
            buckets[bisect_left(SECONDS, one)] += 1
        self.seconds += sum(seconds)
        if status == 429:
            self.shed += len(seconds)

    def predicted(self, version: int, arm: str, rows: int) -> None:
        """Count the rows that one arm answered at once."""
        key = (version, arm)
        self.predictions[key] = self.predictions.get(key, 0) + rows

    def document(self) -> dict[str, Any]:
        """Return all counters as JSON has them."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        predictions = [[version, arm, n] for (version, arm), n in self.predictions.items()]
        requests = [[status, n] for status, n in self.requests.items()]
        return {**plain, "requests": requests, "predictions": predictions}


class GatewayCounts:
    """What is counted of a gateway as a whole, beside its models.

    `requests` are those that named no model of this gateway, by status.
    """

    __slots__ = ("load_failures", "requests")

    def __init__(self) -> None:
        self.requests: dict[int, int] = {}
        self.load_failures = 0

    def answered(self, status: int) -> None:
        """Count one request that was about no model here."""
        self.requests[status] = self.requests.get(status, 0) + 1

    def document(self) -> Mapping[str, Any]:
        """Return all counters as JSON has them."""
        requests = [[status, n] for status, n in self.requests.items()]
        return {"requests": requests, "load_failures": self.load_failures}
