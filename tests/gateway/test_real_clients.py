"""Clients that others wrote, against a gateway process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton  # type: ignore[import-untyped]
from tests.gateway_folder import lay_out, running
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped]

from assay.adapters.log_captures import LogCaptures
from assay.evidence.bundle import Bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, classifiers: tuple[Bundle, Bundle]) -> Path:
    folder = tmp_path_factory.mktemp("state")
    lay_out(folder, *classifiers, weight=0.5, entity="client")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with running(folder) as url:
        yield url.removeprefix("http://")


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(address)
    yield client
    client.close()


def _inputs(*, binary: bool) -> list[triton.InferInput]:
    columns = {
        "age": (np.array([30.5, 41.0]), "FP64"),
        "fee": (np.array([1, 2], dtype=np.int64), "INT64"),
        "job": (np.array(["retired", "água"], dtype=object), "BYTES"),
        "client": (np.array([7, 8], dtype=np.int64), "INT64"),
    }
    made = []
    for name, (values, datatype) in columns.items():
        tensor = triton.InferInput(name, list(values.shape), datatype)
        tensor.set_data_from_numpy(values, binary_data=binary)
        made.append(tensor)
    return made


def test_tritons_client_finds_server_and_model(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("bank")
    assert client.is_model_ready("bank", "2")
    assert not client.is_model_ready("bank", "3")
    assert client.get_server_metadata()["name"] == "assay"
    metadata = client.get_model_metadata("bank")
    assert metadata["versions"] == ["1", "2"]
    assert [one["name"] for one in metadata["inputs"]] == ["age", "job"]
    assert metadata["parameters"] == {"also_read": ["fee"], "entity": "client"}
    index = client.get_model_repository_index()
    assert index == [{"name": "bank", "version": "1", "state": "READY", "reason": ""}]


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_gets_the_outputs_it_names(
    client: triton.InferenceServerClient, binary: bool
) -> None:
    names = ["decision", "probability", "reasons"]  # reasons are empty: no reference rows
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
    answer = client.infer("bank", _inputs(binary=binary), outputs=wanted, request_id="a")
    assert answer.get_response()["id"] == "a"
    assert [one["name"] for one in answer.get_response()["outputs"]] == names
    assert set(answer.as_numpy("decision")) <= {"call", "skip"}
    assert answer.as_numpy("probability").shape == (2,)
    assert answer.as_numpy("reasons").shape == (2,)
    pinned = client.infer("bank", _inputs(binary=binary), model_version="2")
    assert pinned.get_response()["parameters"]["versions"] == ["2", "2"]
    assert len(pinned.get_response()["outputs"]) == 4


def test_what_comes_binary_is_what_comes_as_json(
    client: triton.InferenceServerClient, folder: Path
) -> None:
    first = client.infer("bank", _inputs(binary=True), model_version="1").as_numpy("probability")
    second = client.infer("bank", _inputs(binary=False), model_version="1").as_numpy("probability")
    assert first.tolist() == second.tolist()
    captured = [record["inputs"] for record in LogCaptures(folder / "captures").read()]
    assert captured[-1] == captured[-3] == {"age": 41.0, "job": "água", "fee": 2.0}


def test_errors_reach_tritons_client_in_words(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="about a client"):
        client.infer("bank", _inputs(binary=False)[:3])
    with pytest.raises(InferenceServerException, match="No model 'x' is served"):
        client.infer("x", _inputs(binary=True))
    with pytest.raises(InferenceServerException, match="no output 'mood'"):
        client.infer("bank", _inputs(binary=True), outputs=[triton.InferRequestedOutput("mood")])


def _ask(address: str, body: dict[str, Any], **more: Any) -> httpx.Response:
    return httpx.post(f"http://{address}/invocations", json=body, **more)


def test_mlflows_protocol_is_answered_in_every_form(address: str) -> None:
    row = {"age": 30.5, "job": "retired", "fee": 1, "client": "7"}
    columns = list(row)
    bodies: list[dict[str, Any]] = [
        {
            "dataframe_split": {
                "columns": columns,
                "data": [list(row.values())] * 2,
                "index": [0, 1],
            }
        },
        {"dataframe_records": [row, row]},
        {"instances": [row, row]},
        {"inputs": {name: [value, value] for name, value in row.items()}},
    ]
    answers = [_ask(address, body).raise_for_status().json() for body in bodies]
    assert {tuple(answer["predictions"]) for answer in answers} == {("no", "no")}
    assert len({tuple(answer["parameters"]["versions"]) for answer in answers}) == 1
    text = "age,job,fee,client\n30.5,retired,1,7\n41,,1,8\n"
    csv = httpx.post(
        f"http://{address}/invocations", content=text, headers={"content-type": "text/csv"}
    )
    assert len(csv.json()["predictions"]) == 2


def test_mlflows_params_choose_outputs_and_entity(address: str) -> None:
    row = {"age": 30.5, "job": "retired", "fee": 1}
    params = {"entity": "ana", "outputs": ["decision", "expected_value"], "id": "n1"}
    body = {"dataframe_records": [row], "params": params}
    answer = _ask(address, body, params={"model": "bank", "version": "1"}).json()
    assert list(answer["predictions"][0]) == ["decision", "expected_value"]
    assert answer["parameters"]["prediction_ids"][0].startswith("n1-")
    assert answer["parameters"]["versions"] == ["1"]
    assert httpx.get(f"http://{address}/ping").status_code == 200
    assert httpx.get(f"http://{address}/version").headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"instances": [1, 2]}, "list of records"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "Row 0"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, "twice"),
        ({"dataframe_records": [], "inputs": {}}, "one of"),
        ({"dataframe_records": [{"age": "old", "job": "x", "fee": 1}]}, "needs numbers"),
        ({"dataframe_records": [{"age": 1}], "params": {"outputs": 3}}, "list of names"),
        ({"dataframe_records": [{"age": 1}], "params": {"id": 3}}, "wrong"),
        ({"dataframe_records": [{"age": 1}], "params": []}, "params"),
        ([1], "one of"),
    ],
)
def test_what_mlflows_protocol_does_not_have_is_refused(address: str, body: Any, said: str) -> None:
    answer = _ask(address, body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_other_content_is_refused(address: str) -> None:
    url = f"http://{address}/invocations"
    xml = httpx.post(url, content=b"<a/>", headers={"content-type": "text/xml"})
    assert xml.status_code == 415
    uneven = httpx.post(url, content=b"a,b\n1\n", headers={"content-type": "text/csv"})
    assert uneven.status_code == 400
    assert "uneven" in uneven.json()["error"]
