"""What a gateway counted, for Prometheus: of one worker, or of all that share a port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from assay.gateway.counts import SECONDS
from assay.gateway.pool import Pool

__all__ = ["counted", "prometheus_text"]

_PLAIN = {
    "lost": ("assay_capture_failures", "Predictions that were not recorded."),
    "shed": ("assay_shed", "Requests that were answered with 429."),
    "shadow_dropped": ("assay_shadow_dropped", "Shadow copies that came when too many waited."),
    "shadow_failed": ("assay_shadow_failed", "Shadow copies that could not be scored."),
    "outcomes": ("assay_outcomes", "Outcomes taken in."),
    "outcome_refusals": (
        "assay_outcome_refusals",
        "Requests with outcomes that were refused whole, since some could not be.",
    ),
    "loads": ("assay_loads", "Times that a state of the model was loaded."),
    "unloads": ("assay_unloads", "Times that the model was unloaded for others."),
    "load_failures": ("assay_load_failures", "Desired states that could not be served."),
}
_GAUGES = {
    "capture_lag": (
        "assay_capture_lag_seconds",
        "How long the predictions that were recorded last had waited for the disk.",
    ),
    "waiting": ("assay_waiting_requests", "Requests that wait for their answers."),
    "estimate": ("assay_estimated_wait_seconds", "How long a request that comes now would wait."),
    "loaded": ("assay_model_loaded", "1 where the model is loaded."),
    "memory": ("assay_model_memory_bytes", "What the loaded model takes, estimated."),
    "revision": ("assay_desired_revision", "Revision of the state being served."),
}
_WHOLE = {
    "resident": ("assay_resident_memory_bytes", "Memory of the gateway's process."),
    "budget": ("assay_model_memory_budget_bytes", "What its models may take; 0: no limit."),
    "shadow_waiting": ("assay_shadow_waiting", "Rows of shadow copies that wait."),
}

Document = Mapping[str, Any]


def counted(pool: Pool, shadow_waiting: int, resident: int) -> dict[str, Any]:
    """Return all that one worker counted, as JSON has it."""
    models = {}
    for name, entry in pool.entries.items():
        admission, serving = entry.admission, entry.serving
        models[name] = {
            **entry.counts.document(),
            "waiting": admission.waiting,
            "estimate": admission.estimate(),
            "loaded": int(serving is not None),
            "memory": 0 if serving is None else pool.budget.estimate(entry.size),
            "revision": entry.desired.revision,
        }
    return {
        **pool.counts.document(),
        "models": models,
        "resident": resident,
        "budget": pool.budget.limit or 0,
        "shadow_waiting": shadow_waiting,
    }


def prometheus_text(workers: Mapping[str, Document]) -> bytes:
    """Return what workers counted in Prometheus's text form.

    With one worker there is no label `worker`; with several each series has it, since a scrape
    reaches one of them by chance and must not see the counters of another in its place.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(workers))
    return generate_latest(registry)


class _Collector:
    def __init__(self, workers: Mapping[str, Document]) -> None:
        self._label = ["worker"] if len(workers) > 1 else []
        self._workers = workers

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from self._of_models()
        for key, (name, text) in _WHOLE.items():
            gauge = GaugeMetricFamily(name, text, labels=self._label)
            for worker, document in self._workers.items():
                gauge.add_metric(self._labels(worker), document[key])
            yield gauge

    def _of_models(self) -> Iterator[Metric]:
        yield self._requests()
        yield self._predictions()
        yield self._seconds()
        for key, (name, text) in _PLAIN.items():
            counter = CounterMetricFamily(name, text, labels=["model", *self._label])
            for worker, model, one in self._models():
                counter.add_metric([model, *self._labels(worker)], one[key])
            if key == "load_failures":
                for worker, document in self._workers.items():
                    counter.add_metric(["", *self._labels(worker)], document["load_failures"])
            yield counter
        for key, (name, text) in _GAUGES.items():
            gauge = GaugeMetricFamily(name, text, labels=["model", *self._label])
            for worker, model, one in self._models():
                gauge.add_metric([model, *self._labels(worker)], one[key])
            yield gauge

    def _requests(self) -> Metric:
        labels = ["model", "status", *self._label]
        family = CounterMetricFamily(
            "assay_requests",
            "Requests for predictions, by status; without a model those refused before one.",
            labels=labels,
        )
        for worker, document in self._workers.items():
            for status, n in document["requests"]:
                family.add_metric(["", str(status), *self._labels(worker)], n)
        for worker, model, one in self._models():
            for status, n in one["requests"]:
                family.add_metric([model, str(status), *self._labels(worker)], n)
        return family

    def _predictions(self) -> Metric:
        labels = ["model", "version", "arm", *self._label]
        family = CounterMetricFamily("assay_predictions", "Rows answered.", labels=labels)
        for worker, model, one in self._models():
            for version, arm, n in one["predictions"]:
                family.add_metric([model, str(version), arm, *self._labels(worker)], n)
        return family

    def _seconds(self) -> Metric:
        family = HistogramMetricFamily(
            "assay_request_seconds",
            "Time from a whole request to its answer.",
            labels=["model", *self._label],
        )
        for worker, model, one in self._models():
            total, buckets = 0, []
            for edge, n in zip((*map(str, SECONDS), "+Inf"), one["buckets"], strict=True):
                total += n
                buckets.append((edge, total))
            family.add_metric([model, *self._labels(worker)], buckets, one["seconds"])
        return family

    def _models(self) -> Iterator[tuple[str, str, Document]]:
        for worker, document in self._workers.items():
            for model, one in document["models"].items():
                yield worker, model, one

    def _labels(self, worker: str) -> list[str]:
        return [worker] if self._label else []
