"""How a model is served: latency, errors and referrals of a window, against limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from assay.charter.limits import Limit
from assay.monitor.finding import Finding
from assay.stats.beta_binomial import BetaBinomialSequence
from assay.stats.estimate import Estimate
from assay.stats.quantile_sequence import QuantileSequence

__all__ = ["LATENCY_EDGES_MS", "ServiceTally", "capture_findings", "service_findings"]

LATENCY_EDGES_MS = tuple(float(f"{edge:.4g}") for edge in np.geomspace(0.1, 100_000.0, 241))
"""Ends of the latency cells, forty to a power of ten: quantiles are known to within 6 %."""

_QUANTILES = {"latency_p50_ms": 0.5, "latency_p99_ms": 0.99}


@dataclass(frozen=True)
class ServiceTally:
    """Counts of one window: requests by latency, those that failed, decisions that were referred.

    Tallies of different requests add up exactly. `waits` (cells,) counts answered requests by their
    latency in milliseconds, in the cells of `LATENCY_EDGES_MS`; `requests` are all, `errors` those
    without an answer; `decisions` are all that were made and `referred` those left to a person.

    >>> window = ServiceTally.of([3.0, 4.0, 250.0], errors=1, referred=1)
    >>> window.requests, window.decisions, (window + window).errors
    (4, 3, 2)
    """

    requests: int = 0
    errors: int = 0
    decisions: int = 0
    referred: int = 0
    waits: tuple[int, ...] = field(default=(0,) * (len(LATENCY_EDGES_MS) + 1))

    @classmethod
    def of(
        cls,
        latency_ms: ArrayLike,
        *,
        errors: int = 0,
        decisions: int | None = None,
        referred: int = 0,
    ) -> Self:
        """Count the latencies (n,) of answered requests, and the errors beside them.

        Each answered request made one decision, unless it is said how many there were. Raises
        ValueError for a latency that is missing or below zero, and for counts that cannot be.
        """
        waits = np.asarray(latency_ms, dtype=np.float64)
        made = len(waits) if decisions is None else decisions
        if len(waits) and not waits.min() >= 0:
            raise ValueError("a latency is zero or more milliseconds; leave out what was not timed")
        if errors < 0 or not 0 <= referred <= made:
            raise ValueError(f"{errors} errors, or {referred} of {made} referred, cannot be")
        counts = QuantileSequence.start(0.5, LATENCY_EDGES_MS).updated(waits).counts
        return cls(len(waits) + errors, errors, made, referred, counts)

    def __add__(self, other: ServiceTally) -> ServiceTally:
        """Return the counts of both windows' requests, which must be different ones."""
        waits = tuple(one + two for one, two in zip(self.waits, other.waits, strict=True))
        return ServiceTally(
            self.requests + other.requests,
            self.errors + other.errors,
            self.decisions + other.decisions,
            self.referred + other.referred,
            waits,
        )

    def estimates(self, confidence: float = 0.95) -> Mapping[str, Estimate]:
        """Return every measure with an interval that holds at every look at a growing window.

        Latency quantiles by Howard and Ramdas' sequence, from cell edges (the mean is the edge at
        which the quantile is reached); error and referral rate by the Beta-binomial mixture.
        A measure without cases is left out.
        """
        found: dict[str, Estimate] = {}
        answered = sum(self.waits)
        if answered:
            for name, level in _QUANTILES.items():
                found[name] = _quantile(self.waits, level, confidence)
        if self.requests:
            found["error_rate"] = _rate(self.errors, self.requests, confidence)
        if self.decisions:
            found["referral_rate"] = _rate(self.referred, self.decisions, confidence)
        return found

    def document(self) -> dict[str, Any]:
        """Return the counts as a JSON document; empty cells are left out."""
        return {
            "requests": self.requests,
            "errors": self.errors,
            "decisions": self.decisions,
            "referred": self.referred,
            "waits": {str(cell): count for cell, count in enumerate(self.waits) if count},
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read counts back."""
        waits = [0] * (len(LATENCY_EDGES_MS) + 1)
        for cell, count in document["waits"].items():
            waits[int(cell)] = count
        return cls(
            document["requests"],
            document["errors"],
            document["decisions"],
            document["referred"],
            tuple(waits),
        )


def service_findings(
    tally: ServiceTally, limits: Mapping[str, Limit], confidence: float
) -> tuple[Finding, ...]:
    """Return the limits on service that a window surely misses: the whole interval lies beyond.

    `limits` are the charter's `monitoring.limits`; names of other metrics are passed over. An
    interval holds at every look, so that looking again as the window grows raises no alarm by
    itself: a limit that is kept is said to be missed in at most `(1 - confidence) / 2` of windows
    (see `limit_watch.sure_confidence`). The text has the interval of 95 %. Each window is judged by
    itself: a rate that lies a little beyond its limit for long is told only once a window is long
    enough to show it.

    >>> slow = ServiceTally.of(np.full(2000, 300.0))
    >>> service_findings(slow, {"latency_p99_ms": Limit(at_most=100)}, 0.998)[0].text
    'latency_p99_ms 316.2 ms [298.5, 316.2] surely misses the limit: at most 100'
    """
    found, shown = [], tally.estimates()
    for name, one in tally.estimates(confidence).items():
        limit = limits.get(name)
        if limit is not None and _misses(one, limit):
            text = f"{name} {shown[name]!r} surely misses the limit: {limit}"
            found.append(Finding("service", name, one.mean, str(limit), text))
    return tuple(found)


def capture_findings(not_recorded: int) -> tuple[Finding, ...]:
    """Return what follows where predictions could not be written down; no chance is in that.

    >>> capture_findings(12)[0].text
    '12 predictions could not be recorded: look at the disk of the captures'
    """
    if not not_recorded:
        return ()
    text = f"{not_recorded:,} predictions could not be recorded: look at the disk of the captures"
    return (Finding("service", "captures", float(not_recorded), "each is recorded", text),)


def _misses(one: Estimate, limit: Limit) -> bool:
    low = limit.at_least is not None and one.high < limit.at_least
    return low or (limit.at_most is not None and one.low > limit.at_most)


def _quantile(waits: tuple[int, ...], level: float, confidence: float) -> Estimate:
    state = QuantileSequence.start(level, LATENCY_EDGES_MS, confidence).counted(waits)
    reached = int(np.searchsorted(np.cumsum(waits), level * state.n - 1e-9))
    low, high = state.interval()
    mean = LATENCY_EDGES_MS[min(reached, len(LATENCY_EDGES_MS) - 1)]
    return Estimate(
        mean, max(low, 0.0), high, state.n, "confidence sequence of a quantile", "ms", confidence
    )


def _rate(events: int, cases: int, confidence: float) -> Estimate:
    state = BetaBinomialSequence(confidence).updated(events, cases)
    low, high = state.interval()
    return Estimate(
        state.mean, low, high, cases, BetaBinomialSequence.method, confidence=confidence
    )
