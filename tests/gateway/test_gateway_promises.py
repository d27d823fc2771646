"""What the gateway promises: no 500, nothing dropped by a swap, the last good state serves on."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.handler_client import AsyncHandlerTransport

from assay.deploy.desired import Arm, Desired
from assay.evidence.bundle import Bundle

Body = Callable[..., dict[str, Any]]

INFER = "/v2/models/bank/infer"


def _outputs(answer: dict[str, Any]) -> dict[str, list[Any]]:
    return {tensor["name"]: tensor["data"] for tensor in answer["outputs"]}


numbers = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
columns = st.fixed_dictionaries(
    {
        "age": st.lists(numbers, min_size=2, max_size=2),
        "job": st.lists(st.none() | st.text(), min_size=2, max_size=2),
        "fee": st.lists(numbers, min_size=2, max_size=2),
    }
)


@given(given=columns, id_=st.text(max_size=8))
def test_any_values_get_an_answer_or_a_refusal(
    fuzzed: httpx.Client, given: dict[str, list[Any]], id_: str
) -> None:
    tensors = [
        {"name": name, "shape": [2], "datatype": "BYTES" if name == "job" else "FP64", "data": data}
        for name, data in given.items()
    ]
    answer = fuzzed.post(INFER, content=json.dumps({"inputs": tensors, "id": id_}))
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        assert list(answer.json()) == ["error"]
    else:
        probability = answer.json()["outputs"][1]["data"]
        assert all(0 <= p <= 1 for p in probability)


@given(content=st.binary(max_size=80))
def test_any_bytes_get_a_refusal_in_the_error_form(fuzzed: httpx.Client, content: bytes) -> None:
    answer = fuzzed.post(INFER, content=content)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


@given(path=st.text(min_size=1, max_size=20), method=st.sampled_from(["GET", "POST", "PUT"]))
def test_any_path_gets_an_answer_in_the_error_form(
    fuzzed: httpx.Client, path: str, method: str
) -> None:
    try:
        url = httpx.URL(f"http://testserver/v2/models/{path}/infer")
    except (httpx.InvalidURL, UnicodeEncodeError):
        return
    answer = fuzzed.request(method, url, content=b"{}")
    assert answer.status_code < 500
    assert list(answer.json()) == ["error"]


def test_a_swap_under_load_drops_no_request_and_mixes_no_answer(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    stage.publish(classifiers[0])
    expected: dict[str, list[float]] = {}

    async def ask(client: httpx.AsyncClient, number: int, done: asyncio.Event) -> list[Any]:
        answers: list[Any] = []
        while not done.is_set() or len(answers) < 20:
            answer = await client.post(INFER, json=body(3, id=f"{number}-{len(answers)}"))
            answers.append((answer.status_code, answer.json()))
            await asyncio.sleep(0)
        return answers

    async def swap(done: asyncio.Event) -> None:
        for turn in range(8):
            for bundle, version in ((classifiers[1], 2), (classifiers[0], 1)):
                stage.revision += 1
                arm = Arm("champion", version, bundle.digest, 1.0)
                state = Desired(revision=stage.revision, model="bank", arms=(arm,), salt=str(turn))
                stage.store.publish(state.encode(), state.revision)
                assert await asyncio.to_thread(stage.follower.refresh)
                await asyncio.sleep(0.01)
        done.set()

    async def run() -> list[Any]:
        done = asyncio.Event()
        await stage.gateway.start(follow=False)
        transport = AsyncHandlerTransport(stage.gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://g") as client:
            asked = await asyncio.gather(swap(done), *(ask(client, n, done) for n in range(6)))
        return [answer for answers in asked[1:] for answer in answers]

    stage.publish(*classifiers, weight=0.5)  # so that both bundles lie in the store
    stage.publish(classifiers[0])
    answers = asyncio.run(run())
    assert {status for status, _ in answers} == {200}
    for _, answer in answers:
        probability = answer["outputs"][1]["data"]
        assert expected.setdefault(answer["model_version"], probability) == probability
    assert set(expected) == {"1", "2"}
    captured = Counter(record["id"] for record in stage.captures.read())
    told = Counter(name for _, answer in answers for name in answer["parameters"]["prediction_ids"])
    assert captured == told


def test_entities_stay_on_their_arm_over_requests_and_growing_weights(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    names = [f"client-{n}" for n in range(300)]
    seen: list[set[str]] = []
    with stage.client() as client:
        for weight in (0.0, 0.2, 0.2, 0.6, 1.0):
            stage.publish(*classifiers, weight=weight)
            answer = client.post(INFER, json=body(300, parameters={"entity": names})).json()
            arms = answer["parameters"]["arms"]
            seen.append({name for name, arm in zip(names, arms, strict=True) if arm != "champion"})
            versions = {"champion": "1", "challenger": "2"}
            assert answer["parameters"]["versions"] == [versions[arm] for arm in arms]
    assert seen[0] == set()
    assert seen[1] == seen[2] < seen[3] < seen[4] == set(names)


def test_each_row_is_answered_by_its_own_arm(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    with stage.client() as client:
        alone = []
        for bundle in classifiers:
            stage.publish(bundle)
            alone.append(client.post(INFER, json=body(50)).json()["outputs"][1]["data"])
        stage.publish(*classifiers, weight=0.5)
        mixed = client.post(INFER, json=body(50)).json()
    assert "model_version" not in mixed
    arms = mixed["parameters"]["arms"]
    assert set(arms) == {"champion", "challenger"}
    for row, arm in enumerate(arms):
        assert mixed["outputs"][1]["data"][row] == alone[arm == "challenger"][row]


def test_a_first_version_shares_traffic_with_the_baseline(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    with stage.client() as client:
        stage.publish(classifiers[0])
        alone = _outputs(client.post(INFER, json=body(50)).json())
        stage.publish_first(classifiers[0], 0.5, exploration_share=1.0)
        mixed = client.post(INFER, json=body(50)).json()
        pinned = client.post("/v2/models/bank/versions/1/infer", json=body(50)).json()
        assert client.get("/v2/models/bank").json()["versions"] == ["1"]
    outputs, arms = _outputs(mixed), mixed["parameters"]["arms"]
    assert mixed["model_version"] == "1"
    assert set(arms) == {"baseline", "challenger"}
    assert outputs["probability"] == alone["probability"]
    records = {record["id"]: record for record in stage.captures.read()}
    for row, arm in enumerate(arms):
        record = records[mixed["parameters"]["prediction_ids"][row]]
        assert (record["arm"], record["version"]) == (arm, 1)
        assert record["weight"] == 0.5
        assert record["probability"] == outputs["probability"][row]
        assert record["decision"] == outputs["decision"][row]
        assert record["explored"] == (arm == "challenger")
        if arm == "baseline":
            # Nobody is called by the charter's baseline, which is not worth anything.
            assert (record["decision"], record["propensity"]) == ("skip", 1.0)
            assert record["expected_value"] == outputs["expected_value"][row] == 0.0
    assert "call" in alone["decision"]
    # A version that is asked for by its number answers by itself.
    assert pinned["parameters"]["arms"] == ["pinned"] * 50
    assert "call" in _outputs(pinned)["decision"]


def test_entities_move_from_the_baseline_to_the_first_version_and_never_back(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    names = [f"client-{n}" for n in range(300)]
    seen: list[set[str]] = []
    with stage.client() as client:
        for weight in (0.0, 0.2, 0.2, 0.6, 1.0):
            stage.publish_first(classifiers[0], weight)
            answer = client.post(INFER, json=body(300, parameters={"entity": names})).json()
            arms = answer["parameters"]["arms"]
            seen.append({name for name, arm in zip(names, arms, strict=True) if arm != "baseline"})
        stage.publish()
        assert client.post(INFER, json=body(1)).status_code == 404
    assert seen[0] == set()
    assert seen[1] == seen[2] < seen[3] < seen[4] == set(names)


def test_the_model_behind_two_arms_is_loaded_once(
    stage: Any, classifiers: tuple[Bundle, Bundle]
) -> None:
    stage.publish_first(classifiers[0], 0.5)
    baseline, challenger = stage.serving.arms
    assert baseline.scorer is challenger.scorer


def test_the_baseline_of_a_regression_is_its_amount(
    stage: Any, regressor: Bundle, body: Body
) -> None:
    stage.publish_first(regressor, 0.0)
    with stage.client() as client:
        outputs = _outputs(client.post(INFER, json=body(2)).json())
    assert outputs["decision"] == [10.0, 10.0]
    assert all(value < 0 for value in outputs["expected_value"])


@pytest.mark.parametrize("fault", ["junk", "format", "missing", "model", "weights"])
def test_the_last_good_state_serves_on_whatever_comes(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body, fault: str
) -> None:
    good = stage.publish(classifiers[0])
    bad = {
        "junk": b"\xff{",
        "format": Desired(revision=9, model="bank", arms=good.arms, format=9).encode(),
        "missing": Desired(
            revision=9, model="bank", arms=(Arm("champion", 3, "0" * 64, 1.0),)
        ).encode(),
        "model": Desired(revision=9, model="other", arms=good.arms).encode(),
        "weights": Desired(
            revision=9, model="bank", arms=(Arm("champion", 1, good.arms[0].bundle, 0.5),)
        ).encode(),
    }[fault]
    with stage.client() as client:
        stage.store.publish(bad, 9)
        stage.follower.refresh()
        assert client.post(INFER, json=body(1)).json()["model_version"] == "1"
        failures = re.findall(r"assay_load_failures_total\{.*\} (.*)", client.get("/metrics").text)
        assert sum(map(float, failures)) == 1
        stage.revision = 9
        stage.publish(classifiers[0], capture="async")
        assert stage.serving.desired.revision == 10


def test_an_older_state_is_not_served(stage: Any, classifiers: tuple[Bundle, Bundle]) -> None:
    newest = stage.publish(classifiers[0], revision=5)
    older = Desired(revision=4, model="bank", arms=(), salt="x")
    stage.store._newest = (4, older.encode())
    stage.follower.refresh()
    assert stage.serving.desired == newest


def test_a_changed_bundle_is_not_loaded(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    stage.publish(classifiers[0])
    digest = classifiers[1].digest
    model = json.loads(classifiers[1].manifest())["files"]["model.onnx"]
    stage.publish(*classifiers, weight=0.5)
    stage.publish(classifiers[0])
    stage.blobs.contents[model] = classifiers[0].files["model.onnx"]
    state = Desired(revision=99, model="bank", arms=(Arm("champion", 2, digest, 1.0),))
    stage.store.publish(state.encode(), 99)
    stage.follower.refresh()
    assert stage.serving.versions == ["1"]


def test_the_gateway_imports_no_workbench() -> None:
    heavy = "pandas polars sklearn sqlalchemy scipy lightgbm optuna matplotlib skl2onnx mlflow"
    code = (
        "import sys, assay.gateway.root\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
