"""What a gateway counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """One gateway's counters, in a registry of their own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "assay_requests", "Requests for predictions, by status.", ["status"], registry=registry
        )
        self.predictions = Counter(
            "assay_predictions", "Rows answered.", ["model", "version", "arm"], registry=registry
        )
        self.seconds = Histogram(
            "assay_request_seconds",
            "Time from a whole request to its answer.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.capture_failures = Counter(
            "assay_capture_failures", "Predictions that were not recorded.", registry=registry
        )
        self.load_failures = Counter(
            "assay_load_failures", "Desired states that could not be served.", registry=registry
        )
        self.revision = Gauge(
            "assay_desired_revision", "Revision of the state being served.", registry=registry
        )

    def text(self) -> bytes:
        """Return all counters in Prometheus's text form."""
        return generate_latest(self._registry)
