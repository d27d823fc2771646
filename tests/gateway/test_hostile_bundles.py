"""Hostile bundles and requests: nothing runs, nothing is written, and what served serves on."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from onnx import TensorProto, helper
from tests.gateway.conftest import Stage

from assay.adapters.model_engine import load_model
from assay.deploy.desired import Arm
from assay.evidence.bundle import Bundle
from assay.evidence.digest import canonical_bytes, digest_bytes

Body = Callable[..., dict[str, Any]]


class _Runs:
    """A pickle that writes a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.path}",))


def _onnx(weight: TensorProto, operator: str = "Add", domain: str = "") -> bytes:
    numbers = helper.make_tensor_value_info("age", TensorProto.FLOAT, [None, 1])
    texts = helper.make_tensor_value_info("job", TensorProto.STRING, [None, 1])
    scores = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])
    node = helper.make_node(operator, ["age", weight.name], ["score"], domain=domain)
    graph = helper.make_graph([node], "g", [numbers, texts], [scores], [weight])
    sets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    raw: bytes = helper.make_model(graph, opset_imports=sets, ir_version=8).SerializeToString()
    return raw


def _outside(location: str) -> bytes:
    weight = TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL
    )
    for key, value in (("location", location), ("offset", "0"), ("length", "4")):
        weight.external_data.add(key=key, value=value)
    return _onnx(weight)


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def _described(kind: str, **more: Any) -> bytes:
    told = {"kind": kind, "task": "classification", "features": ["age", "job"], **more}
    return msgspec.json.encode(told)


def _models(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Return hostile models by what is wrong with them: the file's name and its bytes."""
    (folder / "weights.bin").write_bytes(np.float32(3).tobytes())
    runs = pickle.dumps(_Runs(folder / "ran"))
    huge = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[10**9, 10**9])
    one = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], float_data=[1.0])
    allowed = _described("pyfunc", permitted="Ana")
    return {
        "a pickle": ("model.onnx", runs),
        "a pickle as skops": ("model.skops", runs),
        "a pickle in a skops zip": (
            "model.skops",
            _zip(**{"schema.json": runs, "model.pkl": runs, "assay.json": _described("skops")}),
        ),
        "an unknown type in a skops zip": (
            "model.skops",
            _zip(
                **{
                    "schema.json": json.dumps(_strange()).encode(),
                    "assay.json": _described("skops", trusted=["posix.system"]),
                }
            ),
        ),
        "a function that nobody allowed": (
            "model.pyfunc.zip",
            _zip(
                **{"MLmodel": b"{}", "python_model.pkl": runs, "assay.json": _described("pyfunc")}
            ),
        ),
        "a function that its own bundle allows": (
            "model.pyfunc.zip",
            _zip(**{"MLmodel": _MLMODEL, "assay.json": allowed, **_code(folder)}),
        ),
        "a zip that leaves its folder": (
            "model.pyfunc.zip",
            _zip(**{"..__..__..__..__..__escaped": b"x", "MLmodel": b"{}", "assay.json": allowed}),
        ),
        "a zip bomb": ("model.pyfunc.zip", _bomb(allowed)),
        "a zip without a description": ("model.skops", _zip(schema=b"{}")),
        "weights in the folder here": ("model.onnx", _outside("weights.bin")),
        "weights in a folder above": ("model.onnx", _outside("../weights.bin")),
        "weights anywhere": ("model.onnx", _outside("/etc/hostname")),
        "an operator of its own": ("model.onnx", _onnx(one, "Run", "com.evil")),
        "weights of a huge shape": ("model.onnx", _onnx(huge)),
        "half a model": ("model.onnx", _onnx(one)[:-20]),
        "nothing": ("model.onnx", b""),
    }


HOSTILE = (
    "a pickle",
    "a pickle as skops",
    "a pickle in a skops zip",
    "an unknown type in a skops zip",
    "a function that nobody allowed",
    "a function that its own bundle allows",
    "a zip that leaves its folder",
    "a zip bomb",
    "a zip without a description",
    "weights in the folder here",
    "weights in a folder above",
    "weights anywhere",
    "an operator of its own",
    "weights of a huge shape",
    "half a model",
    "nothing",
)


ALLOWED = ("a zip that leaves its folder", "a zip bomb")
"""What is hostile even where somebody allowed it to run code."""

_MLMODEL = b"flavors:\n  python_function:\n    loader_module: evil\n    code: code\n    data: d\n"


def _code(folder: Path) -> dict[str, bytes]:
    text = f"open({str(folder / 'ran')!r}, 'w').close()\ndef _load_pyfunc(path): ...\n"
    return {"code__evil.py": text.encode(), "d__x": b"x"}


def _strange() -> dict[str, Any]:
    node = {"__class__": "system", "__module__": "posix", "__loader__": "FunctionNode"}
    return {**node, "content": {"module_path": "posix", "function": "system"}, "protocol": 2}


def _bomb(description: bytes) -> bytes:
    """Return a small zip whose members say that they are 4 GiB."""
    raw = bytearray(_zip(**{"assay.json": description, "data": b"\0" * 1000}))
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = (0xFFFFFFFE).to_bytes(4, "little")
    return bytes(raw)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_model_is_refused_and_the_one_before_serves_on(
    what: str,
    stage: Stage,
    classifiers: tuple[Bundle, Bundle],
    body: Body,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "a" / "home"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    name, content = _models(home)[what]
    monkeypatch.setattr(
        stage.gateway.pool,
        "_load_engine",
        lambda model, signature, code: load_model(
            model, signature.inputs, code=code or what in ALLOWED
        ),
    )
    stage.publish(classifiers[0])
    files = {one: raw for one, raw in classifiers[0].files.items() if one != "model.onnx"}
    stage.publish(replace(classifiers[0], files={**files, name: content}))
    assert stage.entry.desired.revision == 1
    assert stage.entry.counts.load_failures
    with stage.client() as client:
        answer = client.post("/v2/models/bank/infer", json=body(1))
    assert answer.status_code == 200
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert written == {"a", "a/home", "a/home/weights.bin"}


@pytest.mark.parametrize("name", ["policy.json", "calibration.json", "signature.json"])
@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"{}", b"null", b"\xff", b"[[1e999]]"])
def test_a_hostile_part_of_a_bundle_is_refused(
    name: str, content: bytes, stage: Stage, classifiers: tuple[Bundle, Bundle]
) -> None:
    stage.publish(classifiers[0])
    bundle = classifiers[0]
    stage.publish(replace(bundle, files={**bundle.files, name: content}))
    assert stage.entry.desired.revision == 1


def test_names_of_files_that_leave_the_bundle_name_nothing_on_the_disk(
    stage: Stage, classifiers: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    bundle = classifiers[0]
    files = {**bundle.files, "../../escaped": b"x", str(tmp_path / "escaped"): b"x"}
    stage.publish(replace(bundle, files=files))
    assert stage.entry.desired.revision == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "manifest",
    [
        b"[" * 100_000,
        b"{}",
        canonical_bytes(
            {"format": 1, "model": "bank", "files": {"model.onnx": "../../etc/passwd"}}
        ),
        canonical_bytes(
            {"format": 1, "model": "bank", "files": {"model.onnx": "f" * 64}, "origin": {}}
        ),
        canonical_bytes({"format": 1, "model": "bank", "files": {"model.onnx": 7}, "origin": {}}),
        b'{"files": {}, "format": 1, "model": "bank", "origin": {}} ',
    ],
    ids=["deep", "empty", "a path", "missing", "a number", "not canonical"],
)
def test_a_hostile_manifest_is_refused(
    manifest: bytes, stage: Stage, classifiers: tuple[Bundle, Bundle]
) -> None:
    stage.publish(classifiers[0])
    digest = stage.blobs.put(manifest)
    assert digest == digest_bytes(manifest)
    stage.publish(arms=(Arm("champion", 2, digest, 1.0),))
    assert stage.entry.desired.revision == 1


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"a":' * 200_000, b"", b"\x00", b"null"])
def test_a_hostile_desired_state_changes_nothing(
    raw: bytes, stage: Stage, classifiers: tuple[Bundle, Bundle]
) -> None:
    stage.publish(classifiers[0])
    deep = b'{"revision": 2, "model": "bank", "arms": [], "serving": {"a": %s}}' % raw
    for document in (raw, deep):
        stage.store.publish(document, 2)
        stage.follower.refresh()
        assert stage.entry.desired.revision == 1


def _tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "age", "shape": [1], "datatype": "FP64", "data": [1.0], **changes}


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"inputs":' * 50_000,
        b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": '
        + b"[" * 90_000
        + b"]" * 90_000
        + b"}]}",
        *(
            json.dumps({"inputs": [tensor]}).encode()
            for tensor in (
                _tensor(shape=[10**9]),
                _tensor(shape=[10**30]),
                _tensor(shape=[10**9, 10**9, 10**9]),
                _tensor(shape=[-1]),
                _tensor(shape=[1.5]),
                _tensor(shape=[0]),
                _tensor(shape=[[1]]),
                _tensor(shape=[], data=[]),
                _tensor(data=[10**400]),
                _tensor(datatype="FP64" * 10_000),
                _tensor(name="x" * 100_000),
            )
        ),
    ],
)
def test_a_hostile_request_gets_an_answer_in_the_protocols_form(
    content: bytes, client: httpx.Client
) -> None:
    answer = client.post("/v2/models/bank/infer", content=content)
    assert 400 <= answer.status_code < 500
    assert set(answer.json()) == {"error"}
    assert len(answer.content) < 2000


@pytest.mark.parametrize("size", ["1000000000000", "-5", "7e3", "x", "9" * 4000])
def test_a_hostile_length_of_binary_inputs_is_refused(size: str, client: httpx.Client) -> None:
    told = _tensor(shape=[10**9], parameters={"binary_data_size": 10**12})
    del told["data"]
    content = json.dumps({"inputs": [told]}).encode()
    for header in (size, str(len(content))):
        answer = client.post(
            "/v2/models/bank/infer",
            content=content,
            headers={"inference-header-content-length": header},
        )
        assert 400 <= answer.status_code < 500
        assert set(answer.json()) == {"error"}
