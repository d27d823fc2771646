"""What happens beside the answers: shadow copies, figures of several workers, traces."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.gateway_folder import lay_out
from tests.handler_client import client_of

from assay.adapters.file_counts import FileCounts
from assay.deploy.desired import Arm
from assay.evidence.bundle import Bundle
from assay.gateway.app import Beside
from assay.gateway.metrics import prometheus_text
from assay.gateway.root import build_gateway
from assay.gateway.tracing import Tracing, tracing_from
from assay.ports.captures import is_failure

Body = Callable[..., dict[str, Any]]
INFER = "/v2/models/bank/infer"


def _shadowed(stage: Any, bundles: tuple[Bundle, Bundle], **changes: Any) -> None:
    stage.publish(*bundles, weight=0.5)
    shadow = Arm("shadow", 2, bundles[1].digest, 0.0)
    stage.publish(bundles[0], shadow=shadow, **changes)


def test_a_shadow_scores_copies_and_answers_nobody(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    _shadowed(stage, classifiers)
    with stage.client() as client:
        answer = client.post(INFER, json=body(3)).json()
        assert set(answer["parameters"]["arms"]) == {"champion"}
        assert stage.gateway.shadowing.drain()
    shadows = list(stage.captures.shadows())
    assert [one["id"] for one in shadows] == answer["parameters"]["prediction_ids"]
    assert {(one["arm"], one["version"]) for one in shadows} == {("shadow", 2)}
    assert len(list(stage.captures.read())) == 3


def test_copies_beyond_the_queue_are_dropped_and_counted_and_answers_do_not_wait(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    _shadowed(stage, classifiers)
    stage.gateway.shadowing.most = 4
    go_on = threading.Event()

    def stuck(*_: Any) -> tuple[()]:
        go_on.wait(30)
        return ()

    monkeypatch.setattr("assay.gateway.shadowing.shadowed", stuck)
    with stage.client() as client:
        for _ in range(5):
            assert client.post(INFER, json=body(2)).status_code == 200
        text = client.get("/metrics").text
        go_on.set()
        assert stage.gateway.shadowing.drain()
    assert 'assay_shadow_dropped_total{model="bank"} 6.0' in text
    assert "assay_shadow_waiting 4.0" in text


def test_a_fault_of_the_shadow_reaches_nobodys_answer(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    _shadowed(stage, classifiers)

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("assay.gateway.shadowing.shadowed", broken)
    with stage.client() as client:
        for _ in range(2):
            assert client.post(INFER, json=body(1)).status_code == 200
        assert stage.gateway.shadowing.drain()
        assert 'assay_shadow_failed_total{model="bank"} 2.0' in client.get("/metrics").text
    told = [one for one in stage.captures.read_after("").records if is_failure(one)]
    assert [(one["arm"], one["status"]) for one in told] == [("shadow", 500)] * 2
    assert len(list(stage.captures.read())) == 2


def test_workers_of_one_port_tell_each_others_figures(
    make_stage: Any, classifiers: tuple[Bundle, Bundle], body: Body, tmp_path: Path
) -> None:
    stages = [make_stage(beside=Beside(counts=FileCounts(tmp_path, name))) for name in ("0", "1")]
    for number, stage in enumerate(stages):
        stage.publish(classifiers[0])
        with stage.client() as client:
            client.post(INFER, json=body(number + 1))
            stage.gateway._look_after()
            text = client.get("/metrics").text
    for worker, rows in (("0", 1), ("1", 2)):
        labels = f'arm="champion",model="bank",version="1",worker="{worker}"'
        assert f"assay_predictions_total{{{labels}}} {float(rows)}" in text
    assert text.count("# TYPE assay_predictions_total") == 1
    (tmp_path / "0.json").write_text("{")
    with stages[1].client() as client:
        assert client.get("/metrics").status_code == 503


def test_without_a_model_there_are_figures_too(stage: Any) -> None:
    text = prometheus_text({"0": stage.gateway._counted()}).decode()
    assert "# TYPE assay_requests_total counter" in text
    assert "worker" not in text


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def test_a_request_makes_one_span_without_what_was_in_it(
    make_stage: Any,
    classifiers: tuple[Bundle, Bundle],
    body: Body,
    spans: InMemorySpanExporter,
) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    stage = make_stage(beside=Beside(tracing=Tracing(provider)))
    stage.publish(classifiers[0])
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with stage.client() as client:
        client.post(INFER, json=body(2), headers={"traceparent": parent})
        client.post(INFER, content=b"{")
        told = spans.get_finished_spans()
    first, second = told
    assert first.name == "infer bank"
    assert f"{first.context.trace_id:032x}" == parent.split("-")[1]
    assert dict(first.attributes or {}) == {
        "assay.model": "bank",
        "http.response.status_code": 200,
        "assay.rows": 2,
        "assay.versions": ("1",),
        "assay.arms": ("champion",),
    }
    assert (second.attributes or {})["http.response.status_code"] == 400
    assert (first.end_time or 0) > (first.start_time or 0)


def test_traces_are_off_unless_the_environment_says_where_they_go() -> None:
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    for off in ({}, {"OTEL_TRACES_EXPORTER": "none"}, {**where, "OTEL_SDK_DISABLED": "true"}):
        assert tracing_from(off) is None
    tracing = tracing_from(where)
    assert tracing is not None
    tracing.stop()


def test_paths_answer_head_and_refuse_other_methods(client: httpx.Client) -> None:
    assert client.head("/v2").status_code == 200
    assert client.head("/v2").content == b""
    for method, path, allowed in (
        ("DELETE", "/v2", "GET, HEAD"),
        ("GET", "/invocations", "POST"),
        ("OPTIONS", "/v2/models/bank/infer", "POST"),
    ):
        refused = client.request(method, path)
        assert (refused.status_code, refused.headers["allow"]) == (405, allowed)


def test_how_long_captures_wait_for_the_disk_is_told(
    tmp_path: Path, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    lay_out(tmp_path, classifiers[0], capture="async")
    with client_of(build_gateway([tmp_path])) as client:
        assert client.post(INFER, json=body(1)).status_code == 200
        for _ in range(6000):
            line = r"^assay_capture_lag_seconds{.*} (\S+)"
            found = re.search(line, _figures(client), re.MULTILINE)
            if found is not None and float(found[1]) > 0:
                break
            time.sleep(0.01)
        assert found is not None
        assert 0 < float(found[1]) < 90


def _figures(client: httpx.Client) -> str:
    return client.get("/metrics").text
