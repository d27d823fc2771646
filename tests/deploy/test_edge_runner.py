"""The runner beside its files: digests, requests over HTTP, captures that wait and are sent."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.edge_models import edge_case

from assay.adapters.capture_groups import read_groups
from assay.adapters.capture_uploads import take_segment
from assay.deploy.bundle_file import Packed
from assay.deploy.edge import runner
from assay.deploy.edge.deciding import Refused
from assay.deploy.edge.exported import Exported, Unusable
from assay.deploy.edge.spool import Spool, flush, sent_to
from assay.deploy.edge_export import edge_files, runner_source
from assay.deploy.edge_policy import edge_policy
from assay.errors import InputError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Record, records_of
from assay.stats.calibration import Calibrator
from assay.value.classification import ClassificationValuation
from assay.value.plugin import PluggedTable, Plugin
from assay.value.valuation import valuation_from_document

_CASE = "threshold learned, refer"


def _packed(**changes: Any) -> Packed:
    packed = edge_case(_CASE, capture={"protected": {"job": "drop"}})
    return Packed(**{**vars(packed), "entity": "client", **changes})


def _export(folder: Path, packed: Packed | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in edge_files(packed or _packed()).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def edge(tmp_path: Path) -> runner.Edge:
    return runner.Edge(Exported(_export(tmp_path / "edge")), tmp_path / "spool")


def _body(**changes: Any) -> bytes:
    inputs = [
        {"name": "x", "shape": [2], "datatype": "FP32", "data": [0.5, None]},
        {"name": "amount", "shape": [2, 1], "datatype": "INT32", "data": [[100], [7]]},
        {"name": "job", "shape": [2], "datatype": "BYTES", "data": ["nurse", "clown"]},
    ]
    document = {"id": "a", "parameters": {"entity": [17, "ana"]}, "inputs": inputs, **changes}
    return json.dumps(document).encode()


def _captured(folder: Path) -> list[Record]:
    parts = [part for path in sorted(folder.glob("*.log")) for part, _ in read_groups(path)]
    assert all(isinstance(part, CaptureBatch) for part in parts)
    return list(records_of(parts))


def test_an_answer_is_the_protocols_and_is_recorded_as_a_gateway_records_it(
    edge: runner.Edge,
) -> None:
    first, again = edge.infer(_body()), edge.infer(_body())
    assert first == again
    assert (first["model_name"], first["model_version"]) == ("bank", "7")
    assert first["parameters"]["versions"] == ["7", "7"]
    assert first["parameters"]["flags"][1] == ["x missing", "job has a new category"]
    assert [one["name"] for one in first["outputs"]] == [
        "prediction",
        "probability",
        "decision",
        "expected_value",
    ]
    edge.spool.close()
    records = _captured(edge.folder)
    assert len(records) == 4
    record = records[1]
    assert record["id"] == first["parameters"]["prediction_ids"][1]
    assert record["entity"] == "ana"
    assert record["inputs"] == {"x": None, "amount": 7.0}
    named = ("model", "version", "arm", "environment", "weight", "explored", "propensity")
    told = ["bank", 7, "champion", "production", 0.0, False, 1.0]
    assert [record[name] for name in named] == told
    assert record["bundle"] == _packed().bundle.digest
    assert record["decision"] == first["outputs"][2]["data"][1]
    assert record["latency_ms"] > 0


def test_a_request_is_named_under_the_exports_key(tmp_path: Path) -> None:
    def named(key: bytes, **changes: Any) -> str:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        for name, content in edge_files(_packed(), key).items():
            (folder / name).write_bytes(content)
        edge = runner.Edge(Exported(folder), folder / "spool")
        found: str = edge.infer(_body(**changes))["parameters"]["prediction_ids"][0]
        return found

    inputs = json.loads(_body())["inputs"]
    other = [{**inputs[0], "data": [0.6, None]}, *inputs[1:]]
    one = named(b"a" * 32)
    assert re.fullmatch(r"a-[0-9a-f]{16}/0", one)
    assert one == named(b"a" * 32, inputs=inputs[::-1])  # another device, another order
    assert len({one, named(b"b" * 32), named(b"a" * 32, inputs=other)}) == 3
    assert named(b"a" * 32, parameters={"entity": ["x", "y"]}) != one
    assert named(b"a" * 32, id=None) != named(b"a" * 32, id=None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"inputs": []}, "missing are: x, amount, job"),
        ({"parameters": {}}, "about a client"),
        ({"parameters": {"entity": ["a"]}}, "one `entity` for each row"),
        ({"parameters": {"entity": [1.5, 2.5]}}, "named by a text"),
        ({"outputs": [{"name": "reasons"}]}, "no output 'reasons'"),
        ({"id": "i" * 300}, "200 bytes"),
        ({"id": 7}, "no inference request"),
        ({"inputs": 7}, "no inference request"),
    ],
)
def test_a_bad_request_is_refused_with_what_is_wrong(
    edge: runner.Edge, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(Refused, match=told):
        edge.infer(_body(**changes))


@pytest.mark.parametrize(
    "tensor",
    [
        {"name": "x", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
        {"name": "x", "shape": [2], "datatype": "FP64", "data": [1.0]},
        {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1.0, 2.0, 3.0, 4.0]},
        {"name": "x", "shape": [2], "datatype": "INT8", "data": [1, 300]},
        {"name": "x", "shape": [2], "datatype": "FP64", "data": [1, 10**400]},
        {"name": "x", "shape": [2], "datatype": "FP64", "data": [1e39, 1]},
        {"name": "x", "shape": [2], "datatype": "FP64", "data": [float("nan"), 1]},
        {"name": "x", "shape": [2], "datatype": "FP64", "data": [True, 1]},
        {"name": "x", "shape": [1], "datatype": "FP64", "data": [1]},
        {"name": "job", "shape": [2], "datatype": "BYTES", "data": ["\ud800", ""]},
        {"name": "job", "shape": [2], "datatype": "FP64", "data": [1, 2]},
    ],
)
def test_a_tensor_that_does_not_hold_together_is_refused(
    edge: runner.Edge, tensor: dict[str, Any]
) -> None:
    inputs = json.loads(_body())["inputs"]
    others = [one for one in inputs if one["name"] != tensor["name"]]
    with pytest.raises(Refused):
        edge.infer(_body(inputs=[*others, tensor]))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["inputs", "id", "parameters", "outputs", "data", "shape"]), _JSON)
def test_no_request_does_more_than_be_refused(fuzzed: runner.Edge, where: str, what: Any) -> None:
    document = json.loads(_body())
    if where in ("data", "shape"):
        document["inputs"][0][where] = what
    else:
        document[where] = what
    try:
        json.dumps(fuzzed.infer(json.dumps(document).encode()), allow_nan=False)
    except Refused as refused:
        assert str(refused)  # noqa: PT017


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> runner.Edge:
    folder = tmp_path_factory.mktemp("fuzzed")
    return runner.Edge(Exported(_export(folder / "edge")), folder / "spool")


@pytest.mark.parametrize("name", list(edge_files(_packed(), b"k" * 32)))
def test_a_file_that_was_changed_or_lost_is_not_served(name: str, tmp_path: Path) -> None:
    folder = _export(tmp_path / "edge")
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(b"bank", b"bonk", 1) + b" ")
    if name == "MANIFEST.json":
        with pytest.raises(Unusable, match="not "):
            Exported(folder, digest="0" * 64)
    else:
        with pytest.raises(Unusable, match="is not what was exported"):
            Exported(folder)
    (folder / name).unlink()
    with pytest.raises(Unusable, match="cannot be read"):
        Exported(folder)


@pytest.mark.parametrize(
    "manifest",
    [
        b"junk",
        b"[]",
        b"{}",
        b'{"format": 9, "files": {}}',
        b'{"format": 2, "files": {"../x": "0"}}',
    ],
)
def test_a_manifest_that_is_none_is_refused(manifest: bytes, tmp_path: Path) -> None:
    folder = _export(tmp_path / "edge")
    (folder / "MANIFEST.json").write_bytes(manifest)
    with pytest.raises(Unusable):
        Exported(folder)


def test_what_cannot_be_carried_is_refused_at_the_export() -> None:
    with pytest.raises(InputError, match="--drop-hashed"):
        edge_files(_packed(rules={"capture": {"protected": {"job": "hash"}}}))
    packed = _packed(rules={"capture": {"protected": {"job": "hash", "client": "hash"}}})
    about = json.loads(edge_files(packed, drop_hashed=True)["edge.json"])
    assert (about["kept"], about["keep_entity"]) == (["amount", "x"], False)
    valued = valuation_from_document(json.loads(packed.bundle.files["policy.json"]))
    assert isinstance(valued, ClassificationValuation)
    plugged = PluggedTable(("call", "skip"), ("no", "yes"), Plugin("pay", (0, 1)))
    document = {**valued.document(), "table": plugged.document()}
    with pytest.raises(InputError, match="'pay' is code of an installed package"):
        edge_policy(valuation_from_document(document), Calibrator.identity(), ())
    untuned = {**valued.document(), "learned": None}
    with pytest.raises(InputError, match="threshold was not learned"):
        edge_policy(valuation_from_document(untuned), Calibrator.identity(), ())


def test_the_joined_runner_defines_each_name_once() -> None:
    tree = ast.parse(runner_source())
    names = Counter[str]()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] += 1
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(ast.unparse(target) for target in targets)
    assert [name for name, count in names.items() if count > 1] == []
    roots = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
        )
    }
    assert roots - set(sys.stdlib_module_names) == {"numpy", "onnxruntime"}


class _Taker(BaseHTTPRequestHandler):
    taken: dict[str, bytes]
    status = 200
    told = b""

    def do_POST(self) -> None:
        assert self.headers["Authorization"] == "Bearer secret"
        size = int(self.headers["Content-Length"])
        type(self).taken[self.path] = self.rfile.read(size)
        name = self.path.rsplit("/", 1)[1].split("?")[0]
        told = type(self).told or json.dumps({"name": name, "new": True}).encode()
        self.send_response(type(self).status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def taker() -> Iterator[tuple[type[_Taker], str]]:
    class Taker(_Taker):
        taken: dict[str, bytes] = {}  # noqa: RUF012

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Taker, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_captures_wait_until_somebody_takes_them(
    edge: runner.Edge, taker: tuple[type[_Taker], str], tmp_path: Path
) -> None:
    kind, url = taker
    edge.infer(_body())
    send = sent_to(url, edge.model.about, "secret")
    assert flush(edge.folder, send) == 0  # the file is still being written
    edge.spool.close()
    nobody = sent_to("http://127.0.0.1:9", edge.model.about, "secret")
    with pytest.raises(OSError, match="refused"):
        flush(edge.folder, nobody)
    (waiting,) = edge.folder.glob("*.log")
    assert flush(edge.folder, send) == 1
    assert list(edge.folder.iterdir()) == []
    ((path, content),) = kind.taken.items()
    assert path == f"/api/v1/models/bank/captures/{waiting.name}?environment=production"
    assert take_segment(tmp_path / "server", waiting.name, content, "bank")
    assert not take_segment(tmp_path / "server", waiting.name, content, "bank")
    assert len(_captured(tmp_path / "server")) == 2


def test_a_file_that_a_server_never_takes_is_put_aside(
    edge: runner.Edge, taker: tuple[type[_Taker], str]
) -> None:
    kind, url = taker
    edge.infer(_body())
    edge.spool.close()
    send = sent_to(url, edge.model.about, "secret")
    kind.status = 503
    with pytest.raises(OSError, match="503"):
        flush(edge.folder, send)
    kind.status, kind.told = 200, b"<h1>Welcome to our Wi-Fi</h1>"
    with pytest.raises(OSError, match=r"did not say that it took .*Welcome"):
        flush(edge.folder, send)
    assert [path.suffix for path in edge.folder.iterdir()] == [".log"]
    kind.status = 422
    assert flush(edge.folder, send) == 0
    assert [path.suffix for path in edge.folder.iterdir()] == [".refused"]
    with pytest.raises(ValueError, match="no address"):
        sent_to("file:///etc/passwd", edge.model.about, "")


def test_files_are_closed_by_size_and_by_age(tmp_path: Path) -> None:
    by_size = Spool(tmp_path / "size", 10, 3600)
    by_age = Spool(tmp_path / "age", 1e9, 0)
    for spool in (by_size, by_age):
        for _ in range(3):
            spool.add({"n": 0, "all": {}, "each": {}, "inputs": {}})
    assert len(list((tmp_path / "size").glob("*.log"))) == 3
    assert len(list((tmp_path / "age").glob("*.log"))) == 3


@pytest.mark.parametrize("reaction", ["serve", "withhold"])
def test_where_nothing_can_be_written_the_charter_says_what_follows(
    reaction: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = _packed(rules={"capture": {"on_failure": reaction}})
    (tmp_path / "spool").write_text("a file where a folder should be")
    edge = runner.Edge(Exported(_export(tmp_path / "edge", packed)), tmp_path / "spool")
    if reaction == "withhold":
        with pytest.raises(OSError, match="spool"):
            edge.infer(_body())
    else:
        assert edge.infer(_body())["parameters"]["captured"] is False
        assert "not recorded" in capsys.readouterr().err


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., httpx.Response]]:
    """Ask the joined runner in a process of its own."""
    folder = _export(tmp_path / "edge")
    command = [sys.executable, "-I", str(folder / "runner.py"), "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    with httpx.Client(base_url=url, timeout=10) as client:
        yield client.request
    process.terminate()
    process.wait()
    process.stdout.close()
    assert len(_captured(folder / "captures")) == 2


def test_it_answers_over_http(served: Callable[..., httpx.Response]) -> None:
    assert served("GET", "/v2/health/ready").json() == {"ready": True}
    assert served("GET", "/v2/models/bank").json()["versions"] == ["7"]
    assert served("GET", "/v2/models/bonk").status_code == 404
    answer = served("POST", "/v2/models/bank/infer", content=_body())
    assert answer.status_code == 200
    assert len(answer.json()["outputs"]) == 4
    bad = served("POST", "/v2/models/bank/infer", content=b"{}")
    assert bad.status_code == 400
    assert "no inference request" in bad.json()["error"]
    assert served("POST", "/v2/models/bonk/infer", content=_body()).status_code == 404
    in_pieces = served("POST", "/v2/models/bank/infer", content=iter([b"{}"]))
    assert in_pieces.status_code == 413


def test_its_commands_say_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(_export(tmp_path / "edge"))
    assert runner.main(["--directory", folder, "--digest", "0" * 64, "score"]) == 2
    assert "Export the model again" in capsys.readouterr().err
    assert runner.main(["--directory", folder, "flush", "--to", "ftp://x"]) == 2
    assert "no address" in capsys.readouterr().err
    assert runner.main(["--directory", folder, "flush", "--to", "http://127.0.0.1:9"]) == 0
    Spool(tmp_path / "edge" / "captures", 1, 1).add({"n": 0, "all": {}, "each": {}, "inputs": {}})
    assert runner.main(["--directory", folder, "flush", "--to", "http://127.0.0.1:9"]) == 3
