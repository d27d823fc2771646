"""The gateway over HTTP, in one process."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import Future
from time import perf_counter
from typing import Any

import httpx
import pytest
import structlog
from tests.handler_client import asked

from assay.adapters.memory_captures import MemoryCaptures
from assay.errors import StoreError
from assay.evidence.bundle import Bundle
from assay.gateway.http_message import Request
from assay.ports.captures import is_failure

Body = Callable[..., dict[str, Any]]

INFER = "/v2/models/bank/infer"


def _outputs(answer: dict[str, Any]) -> dict[str, list[Any]]:
    return {tensor["name"]: tensor["data"] for tensor in answer["outputs"]}


def test_an_answer_has_prediction_probability_decision_and_expected_value(
    client: httpx.Client, body: Body
) -> None:
    answer = client.post(INFER, json=body(3, id="abc")).json()
    assert answer["model_name"] == "bank"
    assert answer["model_version"] == "1"
    assert answer["id"] == "abc"
    ids = answer["parameters"]["prediction_ids"]
    assert all(re.fullmatch(rf"abc-[0-9a-f]{{16}}/{row}", id_) for row, id_ in enumerate(ids))
    assert answer["parameters"] == {
        "prediction_ids": ids,
        "arms": ["champion"] * 3,
        "versions": ["1"] * 3,
    }
    outputs = _outputs(answer)
    for row in range(3):
        p = outputs["probability"][row]
        assert outputs["prediction"][row] == ("yes" if p >= 0.5 else "no")
        worth = 9 * p - (1 - p) - 0.5
        assert outputs["decision"][row] == ("call" if worth > 0 else "skip")
        assert outputs["expected_value"][row] == pytest.approx(max(worth, 0.0))


def test_every_answer_is_captured_with_all_that_later_joins_need(
    client: httpx.Client, stage: Any, body: Body
) -> None:
    answer = client.post(INFER, json=body(2, parameters={"entity": ["ana", 17]})).json()
    records = list(stage.captures.read())
    assert [record["id"] for record in records] == answer["parameters"]["prediction_ids"]
    assert [record["entity"] for record in records] == ["ana", "17"]
    outputs = _outputs(answer)
    first = records[0]
    assert set(first) == {
        *("id", "at", "model", "version", "bundle", "arm", "entity", "inputs", "score"),
        *("probability", "decision", "expected_value", "explored", "propensity"),
        *("revision", "weight", "control_share", "latency_ms", "environment"),
    }
    assert 0 < first["latency_ms"] < 60_000
    assert (first["revision"], first["weight"]) == (stage.serving.desired.revision, 0.0)
    assert first["at"] == "2026-03-01T12:00:00+00:00"
    assert (first["model"], first["version"], first["arm"]) == ("bank", 1, "champion")
    assert first["bundle"] == stage.serving.desired.arms[0].bundle
    assert first["inputs"] == {"age": 20.0, "job": "retired", "fee": 0.5}
    assert first["decision"] == outputs["decision"][0]
    assert first["probability"] == outputs["probability"][0]
    assert (first["explored"], first["propensity"]) == (False, 1.0)


def test_a_request_that_failed_is_captured_beside_the_predictions(
    client: httpx.Client, stage: Any, body: Body
) -> None:
    assert client.post(INFER, content=b"{").status_code == 400
    assert client.post("/v2/models/nobody/infer", json=body(1)).status_code == 404
    assert client.post(INFER, json=body(2)).status_code == 200
    assert len(list(stage.captures.read())) == 2, "readers of predictions do not see it"
    read = stage.captures.read_after("").records
    failed = [one for one in read if is_failure(one)]
    assert [(one["status"], one["model"]) for one in failed] == [(400, "bank")]
    assert len(read) == 3


def test_a_failure_tells_arm_version_revision_where_they_are_known(
    client: httpx.Client, stage: Any, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("assay.gateway.batch.answer", broken)
    assert client.post(INFER, json=body(2)).status_code == 500
    assert (
        client.post(INFER.replace("/infer", "/versions/1/infer"), json=body(1)).status_code == 500
    )
    dealt, chosen = [one for one in stage.captures.read_after("").records if is_failure(one)]
    assert (dealt["arm"], dealt["version"], dealt["revision"]) == ("champion", 1, 1)
    assert (chosen["arm"], chosen["version"], chosen["revision"]) == ("pinned", 1, 1)


def test_a_clock_that_broke_leaves_nobody_without_an_answer(
    client: httpx.Client, stage: Any, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("assay.adapters.system_clock.FixedClock.now", broken)
    assert client.post(INFER, json=body(1)).status_code == 500
    monkeypatch.undo()
    assert client.post(INFER, json=body(1)).status_code == 200
    assert len(list(stage.captures.read())) == 1


def test_missing_values_are_null_in_request_and_capture(
    client: httpx.Client, stage: Any, body: Body
) -> None:
    request = body(1)
    request["inputs"][1]["data"] = [None]
    assert client.post(INFER, json=request).status_code == 200
    assert next(stage.captures.read())["inputs"]["job"] == ""


def test_ids_are_made_where_the_client_gives_none(client: httpx.Client, body: Body) -> None:
    first, second = (client.post(INFER, json=body(1)).json() for _ in range(2))
    assert first["id"] != second["id"]
    assert first["parameters"]["prediction_ids"] == [f"{first['id']}/0"]


def test_an_id_used_again_for_other_content_loses_no_prediction(
    client: httpx.Client, stage: Any, body: Body
) -> None:
    asked = [
        body(1, id="1", parameters={"entity": "ana"}),
        body(1, id="1", parameters={"entity": "rui"}),
        body(2, id="1"),
        body(1, id="1"),
    ]
    asked[3]["inputs"][0]["data"] = [61]
    answers = [client.post(INFER, json=one).json() for one in (*asked, asked[0])]
    pinned = client.post("/v2/models/bank/versions/1/infer", json=asked[0]).json()
    assert {answer["id"] for answer in answers} == {"1"}, "the protocol gives the id back"
    ids = [tuple(one["parameters"]["prediction_ids"]) for one in (*answers, pinned)]
    assert ids[0] == ids[4], "a retry is the same prediction"
    assert len(set(ids)) == 5
    told = {one for some in ids for one in some}
    assert {record["id"] for record in stage.captures.read()} == told


def test_only_the_outputs_asked_for_are_answered(client: httpx.Client, body: Body) -> None:
    answer = client.post(INFER, json=body(1, outputs=[{"name": "decision"}])).json()
    assert list(_outputs(answer)) == ["decision"]


def test_columns_that_this_version_does_not_know_are_left_aside(
    client: httpx.Client, stage: Any, body: Body
) -> None:
    request = body(1)
    request["inputs"].append({"name": "later", "shape": [1], "datatype": "BYTES", "data": ["x"]})
    assert client.post(INFER, json=request).status_code == 200
    assert "later" not in next(stage.captures.read())["inputs"]


def test_a_regression_answers_point_prediction_and_decided_amount(
    stage: Any, regressor: Bundle, body: Body
) -> None:
    stage.publish(regressor)
    with stage.client() as client:
        outputs = _outputs(client.post(INFER, json=body(1)).json())
    assert list(outputs) == ["prediction", "decision", "expected_value"]
    # Too low costs three times too high: the decision is the quantile 3 / (3 + 1).
    assert round(outputs["decision"][0] - outputs["prediction"][0], 9) in {1.0, 3.0}
    record = next(stage.captures.read())
    assert record["probability"] is None
    assert record["score"] == outputs["prediction"][0]


def test_health_metadata_and_metrics(client: httpx.Client, body: Body) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True, "live": True}
    assert client.get("/v2").json()["name"] == "assay"
    metadata = client.get("/v2/models/bank").json()
    assert metadata == client.get("/v2/models/bank/versions/1").json()
    assert metadata["versions"] == ["1"]
    assert metadata["inputs"] == [
        {"name": "age", "datatype": "FP64", "shape": [-1]},
        {"name": "job", "datatype": "BYTES", "shape": [-1]},
    ]
    assert [output["name"] for output in metadata["outputs"]][-1] == "expected_value"
    assert client.get("/v2/models/bank/ready").json() == {"name": "bank", "ready": True}
    assert client.get("/v2/models/bank/versions/1/ready").json()["version"] == "1"
    client.post(INFER, json=body(2))
    client.post(INFER, json={})
    text = client.get("/metrics").text
    assert 'assay_predictions_total{arm="champion",model="bank",version="1"} 2.0' in text
    assert 'assay_requests_total{model="bank",status="400"} 1.0' in text
    assert 'assay_requests_total{model="bank",status="200"} 1.0' in text
    assert 'assay_desired_revision{model="bank"} 1.0' in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/other/ready", 404),
        ("GET", "/v2/models/bank/versions/9/ready", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("POST", "/v2/models/bank/versions/x/infer", 404),
        ("POST", "/v2/models/bank/infer/", 404),
        ("POST", "/v2/models/bank/versions/1 /infer", 404),
        ("GET", "/v2/models/bank/infer", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/docs", 404),
    ],
)
def test_what_is_not_there_is_said_in_the_error_form(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


def test_without_a_release_the_gateway_lives_but_is_not_ready(stage: Any, body: Body) -> None:
    with stage.client() as client:
        assert client.get("/v2/health/live").status_code == 200
        assert client.get("/v2/health/ready").status_code == 503
        assert client.post(INFER, json=body(1)).status_code == 404


def test_a_pinned_version_answers_outside_the_arms(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    stage.publish(*classifiers, weight=0.5)
    with stage.client() as client:
        answer = client.post("/v2/models/bank/versions/2/infer", json=body(20)).json()
        assert answer["parameters"]["versions"] == ["2"] * 20
        assert answer["parameters"]["arms"] == ["pinned"] * 20
        stage.publish(*classifiers, weight=0.0)
        refused = client.post("/v2/models/bank/versions/2/infer", json=body(1))
        assert refused.status_code == 404
        assert "gets no traffic" in refused.json()["error"]


def test_a_charter_with_an_entity_needs_one_in_each_request(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    stage.publish(*classifiers, weight=0.5, entity="client")
    with stage.client() as client:
        refused = client.post(INFER, json=body(1))
        assert refused.status_code == 400
        assert "about a client" in refused.json()["error"]
        request = body(2)
        request["inputs"].append(
            {"name": "client", "shape": [2], "datatype": "INT64", "data": [7, 8]}
        )
        assert client.post(INFER, json=request).status_code == 200
    assert [record["entity"] for record in stage.captures.read()] == ["7", "8"]


class _FullDisk(MemoryCaptures):
    def add(self, batches: Any, *, soon: bool = True) -> Future[None]:
        failed: Future[None] = Future()
        failed.set_exception(StoreError("No space left on device."))
        return failed


def test_an_answer_that_cannot_be_captured_is_withheld_where_the_charter_says_so(
    make_stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    stage = make_stage(captures=_FullDisk())
    withhold = {"capture": {"on_failure": "withhold"}}
    stage.publish(classifiers[0], serving=withhold)
    with stage.client() as client:
        answer = client.post(INFER, json=body(2))
        assert answer.status_code == 503
        assert "No space left" in answer.json()["error"]
        stage.publish(classifiers[0], capture="async", serving=withhold)
        client.post(INFER, json=body(2))
        assert 'assay_capture_failures_total{model="bank"} 4.0' in client.get("/metrics").text


def test_an_answer_that_cannot_be_captured_says_so(
    make_stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    stage = make_stage(captures=_FullDisk())
    stage.publish(classifiers[0])
    with stage.client() as client:
        answer = client.post(INFER, json=body(2))
        assert answer.status_code == 200
        assert answer.json()["parameters"]["captured"] is False
        assert 'assay_capture_failures_total{model="bank"} 2.0' in client.get("/metrics").text


class _SlowDisk(MemoryCaptures):
    """Leaves every future open until the test writes it off."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Future[None]] = []

    def add(self, batches: Any, *, soon: bool = True) -> Future[None]:
        super().add(batches)
        self.open.append(Future())
        return self.open[-1]


@pytest.mark.parametrize(("capture", "waits"), [("sync", True), ("async", False)])
def test_an_answer_leaves_after_its_capture_is_on_disk_where_the_charter_says_so(
    make_stage: Any, classifiers: tuple[Bundle, Bundle], body: Body, capture: str, waits: bool
) -> None:
    disk = _SlowDisk()
    stage = make_stage(captures=disk)
    stage.publish(classifiers[0], capture=capture)

    async def run() -> None:
        await stage.gateway.start(follow=False)
        content = json.dumps(body(1)).encode()
        request = Request("POST", INFER, "", {}, content, perf_counter())
        answer = asyncio.create_task(asked(stage.gateway, request))
        end = perf_counter() + (0.05 if waits else 60)
        while not answer.done() and perf_counter() < end:
            await asyncio.sleep(0.001)
        assert answer.done() is not waits
        disk.open[0].set_result(None)
        assert b"prediction_ids" in (await answer).body
        await stage.gateway.stop()

    asyncio.run(run())


def test_exploration_takes_random_actions_with_a_known_propensity(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    stage.publish(classifiers[0], exploration_share=0.5)
    with stage.client() as client:
        first = client.post(INFER, json=body(200, id="a")).json()
        assert client.post(INFER, json=body(200, id="a")).json() == first
    records = list(stage.captures.read())[:200]
    explored = [record for record in records if record["explored"]]
    assert 60 < len(explored) < 140
    assert {record["propensity"] for record in records if not record["explored"]} == {0.75}
    assert {record["propensity"] for record in explored} == {0.25, 0.75}
    for record in records:
        p, fee = record["probability"], 0.5
        worth = 9 * p - (1 - p) - fee if record["decision"] == "call" else 0.0
        assert record["expected_value"] == pytest.approx(worth)


def test_a_body_beyond_the_limit_is_refused(stage: Any, classifiers: tuple[Bundle, Bundle]) -> None:
    stage.publish(classifiers[0], serving={"limits": {"body_mib": 100 / 2**20}})
    with stage.client() as client:
        answer = client.post(INFER, content=b"x" * 101)
    assert answer.status_code == 413
    assert "larger than" in answer.json()["error"]


def test_a_large_request_is_answered_off_the_event_loop(client: httpx.Client, body: Body) -> None:
    answer = client.post(INFER, json=body(5000))
    assert answer.status_code == 200
    assert len(_outputs(answer.json())["decision"]) == 5000


def test_a_fault_of_our_own_is_told_in_the_error_form(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, body: Body
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("what the client sent")

    monkeypatch.setattr("assay.gateway.batch.answer", broken)
    with structlog.testing.capture_logs() as lines:
        answer = client.post(INFER, json=body(1))
    assert answer.status_code == 500
    assert list(answer.json()) == ["error"]
    assert "what the client sent" not in answer.text + str(lines)
    fault = lines[-1]
    assert fault["error"] == "ZeroDivisionError"
    assert "broken" in fault["at"]


def test_arms_of_another_number_of_outcomes_are_not_served_together(
    stage: Any, classifiers: tuple[Bundle, Bundle]
) -> None:
    first, second = classifiers
    signature = json.loads(second.files["signature.json"])
    signature["labels"] = ["no", "maybe", "yes"]
    files = {**second.files, "signature.json": json.dumps(signature).encode()}
    stage.publish(first)
    stage.publish(first, Bundle("bank", files, {"seed": 9}), weight=0.5)
    assert stage.serving.desired.revision == 1, "what served before goes on"
