"""What the gateway takes on, and what it tells those whom it turns away."""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
from tests.handler_client import asked

from assay.adapters.file_keys import FileKeys
from assay.adapters.memory_captures import MemoryCaptures
from assay.charter.serving import Limits
from assay.deploy.desired import Arm
from assay.errors import StoreError
from assay.evidence.bundle import Bundle
from assay.gateway.admission import Admission, Rate, deadline
from assay.gateway.http_message import Request, Response
from assay.gateway.refusal import Refusal
from assay.ports.captures import is_failure
from assay.ports.keys import Key, Scope

Body = Callable[..., dict[str, Any]]
INFER = "/v2/models/bank/infer"


def _request(received: float = 0.0, **headers: str) -> Request:
    sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Request("POST", INFER, "", sent, b"{}", received)


def test_a_caller_beyond_its_rate_is_told_when_to_come_again(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    stage.publish(classifiers[0], serving={"limits": {"per_second": 2}})
    with stage.client() as client:
        answers = [client.post(INFER, json=body(1)) for _ in range(5)]
        assert [answer.status_code for answer in answers[:2]] == [200, 200]
        refused = answers[-1]
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert "more than 2 requests a second" in refused.json()["error"]
        text = client.get("/metrics").text
        assert (
            f'assay_shed_total{{model="bank"}} {float(sum(a.status_code == 429 for a in answers))}'
            in text
        )
        assert not any(is_failure(one) for one in stage.captures.read_after("").records)


def test_each_caller_has_a_rate_of_its_own_and_few_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rate = Rate(1.0)
    assert [rate.wait(name, 0.0) for name in ("a", "b", "a")] == [0.0, 0.0, 1.0]
    assert rate.wait("a", 1.0) == 0.0
    monkeypatch.setattr("assay.gateway.admission._MOST_CALLERS", 2)
    for n in range(10):
        rate.wait(f"c{n}", 2.0)
    assert len(rate._full) <= 3
    slow = Rate(0.1)
    assert (slow.wait("a", 0.0), slow.wait("a", 5.0)) == (0.0, 5.0)


class _SlowDisk(MemoryCaptures):
    """Leaves every future open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Future[None]] = []

    def add(self, batches: Any, *, soon: bool = True) -> Future[None]:
        super().add(batches)
        self.open.append(Future())
        return self.open[-1]


def test_requests_are_turned_away_before_the_queue_grows(
    make_stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    disk = _SlowDisk()
    stage = make_stage(captures=disk)
    stage.publish(classifiers[0], serving={"limits": {"waiting": 3}})

    async def run() -> list[Response]:
        await stage.gateway.start(follow=False)
        content = httpx.Request("POST", "http://g", json=body(1)).content
        requests = [Request("POST", INFER, "", {}, content, perf_counter()) for _ in range(5)]
        asking = [asyncio.ensure_future(asked(stage.gateway, one)) for one in requests]
        while not disk.open:
            await asyncio.sleep(0.001)
        for future in disk.open:
            future.set_result(None)
        answers = [await one for one in asking]
        assert stage.entry.admission.waiting == 0
        await stage.gateway.stop()
        return answers

    answers = asyncio.run(run())
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 429, 429]
    refused = next(answer for answer in answers if answer.status == 429)
    assert b"3 requests wait already" in refused.body
    assert dict(refused.headers)[b"retry-after"] == b"1"


def test_a_request_that_would_miss_its_deadline_in_the_queue_is_turned_away() -> None:
    admission = Admission(Limits(deadline_ms=50))
    for _ in range(32):
        admission.admit(_request(), "a", now=0.0)
    for n in range(1, 17):
        admission.done(now=n / 100)
    assert admission.waiting == 16
    assert admission.estimate() == pytest.approx(0.16)
    with pytest.raises(Refusal, match="would miss its deadline") as refused:
        admission.admit(_request(received=0.2), "a", now=0.2)
    assert refused.value.status == 429
    admission.follow(Limits())
    admission.admit(_request(received=0.2), "a", now=0.2)
    assert admission.waiting == 17


def test_the_least_deadline_holds() -> None:
    limits = Limits(deadline_ms=50)
    assert deadline(limits, _request()) == 0.05
    assert deadline(limits, _request(x_deadline_ms="80")) == 0.05
    assert deadline(limits, _request(x_deadline_ms="20"), {"deadline_ms": 10}) == 0.01
    assert deadline(Limits(), _request()) == math.inf
    for strange in ("0", "-1", "nan", "soon", "inf"):
        with pytest.raises(Refusal, match="positive number"):
            deadline(limits, _request(x_deadline_ms=strange))
    for given in (True, [1], "soon"):
        with pytest.raises(Refusal):
            deadline(limits, _request(), {"deadline_ms": given})


def test_a_deadline_that_is_over_is_told_before_anything_is_scored(
    client: httpx.Client, stage: Any, body: Body
) -> None:
    late = client.post(INFER, json=body(1), headers={"x-deadline-ms": "0.0001"})
    assert late.status_code == 504
    assert "deadline was over" in late.json()["error"]
    late = client.post(INFER, json=body(1, parameters={"deadline_ms": 0.0001}))
    assert late.status_code == 504
    assert not list(stage.captures.read())
    failed = [one["status"] for one in stage.captures.read_after("").records if is_failure(one)]
    assert failed == [504, 504]
    on_time = client.post(INFER, json=body(1, parameters={"deadline_ms": 60_000}))
    assert on_time.status_code == 200


def test_more_rows_than_the_charter_says_are_refused(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    stage.publish(classifiers[0], serving={"limits": {"rows": 2}})
    with stage.client() as client:
        assert client.post(INFER, json=body(2)).status_code == 200
        refused = client.post(INFER, json=body(3))
        assert refused.status_code == 400
        assert "3 rows" in refused.json()["error"]


def _key(
    keys: FileKeys, id_: str, *scopes: Scope, models: tuple[str, ...] = ("*",)
) -> dict[str, str]:
    secret = f"assay_{id_}_{'x' * 43}"
    keys.add(Key(id_, hashlib.sha256(secret.encode()).hexdigest(), scopes, models))
    return {"authorization": f"Bearer {secret}"}


def test_with_keys_each_path_asks_for_its_scope(
    make_stage: Any, classifiers: tuple[Bundle, Bundle], body: Body, tmp_path: Path
) -> None:
    keys = FileKeys(tmp_path / "keys.json")
    infer, other = _key(keys, "in", "infer"), _key(keys, "no", "infer", models=("x",))
    outcomes, metrics = _key(keys, "ou", "outcomes"), _key(keys, "me", "metrics")
    stage = make_stage(keys=keys)
    stage.publish(classifiers[0])
    told = {"outcomes": [{"id": "a/0", "outcome": "yes"}]}
    with stage.client() as client:
        for path in ("/v2/health/live", "/v2/health/ready", "/ping", "/openapi.json"):
            assert client.get(path).status_code == 200
        for path in ("/v2", "/metrics", "/v2/models/bank", "/version", "/v2/models/none"):
            assert client.get(path).status_code == 401
        for path in (INFER, "/invocations", "/outcomes", "/v2/repository/index"):
            refused = client.post(path, json=body(1))
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
        assert client.post(INFER, json=body(1), headers=infer).status_code == 200
        assert client.post(INFER, json=body(1), headers=outcomes).status_code == 403
        assert client.post(INFER, json=body(1), headers=other).status_code == 403
        assert client.post("/outcomes", json=told, headers=outcomes).status_code == 200
        assert client.post("/outcomes", json=told, headers=infer).status_code == 403
        assert client.get("/metrics", headers=metrics).status_code == 200
        assert client.get("/metrics", headers=infer).status_code == 403
        assert client.post("/v2/repository/index", headers=other).json() == []
        assert len(client.post("/v2/repository/index", headers=infer).json()) == 1
        assert client.get("/v2/models/none", headers=infer).status_code == 404


def test_outcomes_are_answered_once_they_are_in_the_inbox(client: httpx.Client, stage: Any) -> None:
    told = [
        {"id": "a/0", "outcome": "yes"},
        {"id": "a/1", "outcome": "no"},
        {"id": "b", "outcome": "yes"},
    ]
    for path in ("/outcomes", "/v2/models/bank/outcomes", "/outcomes?model=bank"):
        answer = client.post(path, json={"outcomes": told})
        assert (answer.status_code, answer.json()) == (200, {"accepted": 3})
    assert stage.inbox.taken[:3] == [
        ("bank", "a/0", "yes"),
        ("bank", "a/1", "no"),
        ("bank", "b", "yes"),
    ]
    assert 'assay_outcomes_total{model="bank"} 9.0' in client.get("/metrics").text
    stage.inbox.fault = StoreError("No space left on device.")
    refused = client.post("/outcomes", json={"outcomes": told})
    assert refused.status_code == 503
    assert "No space" in refused.json()["error"]
    assert stage.entry.admission.waiting == 0


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"outcomes": []}',
        b'{"outcomes": [{"id": "", "outcome": 1}]}',
        b'{"outcomes": [{"id": "a", "outcome": null}]}',
        b'{"outcomes": [{"id": "a", "outcome": {}}]}',
        b'{"outcomes": [{"id": "\\ud800", "outcome": 1}]}',
        b'{"outcomes": [{"id": "a", "outcome": "\\ud800"}]}',
        b'{"outcomes": [{"id": "a", "outcome": 1' + b"0" * 400 + b"}]}",
        b'{"outcomes": [{"id": "a"}]}',
    ],
)
def test_outcomes_that_say_nothing_are_refused(
    client: httpx.Client, stage: Any, content: bytes
) -> None:
    answer = client.post("/outcomes", content=content)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert stage.inbox.taken == []
    assert stage.entry.admission.waiting == 0


def test_a_version_that_fell_back_is_not_asked_for_and_leaves_nobody_waiting(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    bundle = stage.publish(classifiers[0]).arms[0].bundle
    stage.publish(arms=(Arm("baseline", 1, bundle, 1.0, "nobody"),))
    assert stage.serving.index_of("1") is None
    with stage.client() as client:
        for _ in range(3):
            refused = client.post("/v2/models/bank/versions/1/infer", json=body(1))
            assert refused.status_code == 404
            assert "none, the baseline decides" in refused.json()["error"]
            assert stage.entry.admission.waiting == 0
        assert client.get("/v2/models/bank/versions/1/ready").status_code == 404
        assert client.post("/v2/models/bank/infer", json=body(1)).status_code == 200


def test_what_breaks_while_a_request_is_handed_on_is_told_and_releases_it(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.publish(classifiers[0])

    def breaks(*_: Any) -> None:
        raise RuntimeError("not to be handed on")

    monkeypatch.setattr(stage.gateway.routes._asking, "_submit", breaks)
    with stage.client() as client:
        assert client.post("/v2/models/bank/infer", json=body(1)).status_code == 500
    assert stage.entry.admission.waiting == 0


def test_one_who_waits_for_a_load_and_breaks_leaves_the_others_answered(
    stage: Any, classifiers: tuple[Bundle, Bundle]
) -> None:
    stage.publish(classifiers[0], serving={"warm": "on_demand"})
    told: list[BaseException | None] = []
    done = threading.Event()

    def breaks(_: BaseException | None) -> None:
        raise RuntimeError("a request that broke")

    def hears(fault: BaseException | None) -> None:
        told.append(fault)
        done.set()

    stage.gateway.pool.load(stage.entry, breaks)
    stage.gateway.pool.load(stage.entry, hears)
    assert done.wait(5)
    assert told == [None]
