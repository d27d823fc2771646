"""`assay export`: an edge's directory and a bundle's file, from what a workspace serves."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest
from tests.bank_charter import CHARTER
from tests.cli.conftest import Answer
from tests.edge_models import edge_case, rows

import assay
from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.deploy.bundle_file import Packed
from assay.deploy.desired import Arm, Desired
from assay.evidence.event import EventType
from assay.lifecycle.approval import write
from assay.workspace.embedded import embedded

Run = Callable[..., Answer]


@pytest.fixture
def packed() -> Packed:
    return edge_case("threshold, refer from", capture={"protected": {"job": "hash"}})


@pytest.fixture
def workspace(tmp_path: Path, packed: Packed) -> Path:
    state = tmp_path / "bank" / ".assay"
    state.mkdir(parents=True)
    blobs = FsspecBlobs(fsspec.filesystem("file"), str(state / "blobs"))
    for content in packed.bundle.files.values():
        blobs.put(content)
    arm = Arm("champion", 7, blobs.put(packed.bundle.manifest()), 1.0)
    desired = Desired(4, "bank", (arm,), serving=packed.rules)
    FileDesired(state / "desired.json").publish(desired.encode(), 4)
    return tmp_path / "bank"


def test_a_champion_leaves_as_a_file_and_from_there_for_an_edge(
    run: Run, workspace: Path, packed: Packed, tmp_path: Path
) -> None:
    file, edge = tmp_path / "bank.assay", tmp_path / "edge"
    said = run("export", workspace, file, "--to", "bundle")
    assert said.code == 0
    assert "version 7 of bank" in said.out
    loaded = assay.load(file)
    assert (loaded.version, loaded.digest) == (7, packed.bundle.digest)
    told = run("export", file, edge, "--drop-hashed", "--json").document
    assert told["bundle"] == packed.bundle.digest
    manifest = (edge / "MANIFEST.json").read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == told["digest"]
    case = {"x": [1.5], "amount": [80.0], "job": ["nurse"]}
    kinds = {"x": "FP64", "amount": "FP64", "job": "BYTES"}
    inputs = [
        {"name": name, "shape": [1], "datatype": kinds[name], "data": data}
        for name, data in case.items()
    ]
    ran = subprocess.run(
        [sys.executable, "-I", str(edge / "runner.py"), "--digest", told["digest"], "score"],
        input=json.dumps({"inputs": inputs}),
        capture_output=True,
        text=True,
        check=True,
    )
    outputs = {one["name"]: one["data"] for one in json.loads(ran.stdout)["outputs"]}
    assert outputs["decision"] == loaded.decide(case)
    assert outputs["prediction"] == loaded.predict(case)
    assert len(list((edge / "captures").glob("*.log"))) == 1


def test_requests_are_named_under_a_key_that_comes_from_the_installations(
    run: Run, workspace: Path, packed: Packed, tmp_path: Path
) -> None:
    file = tmp_path / "bank.assay"
    assert run("export", workspace, file, "--to", "bundle").code == 0
    sources = {"one": workspace, "two": workspace, "file": file, "again": file}
    for name, source in sources.items():
        assert run("export", source, tmp_path / name, "--drop-hashed").code == 0
    named = (packed.bundle.digest, tmp_path / "digest", "--workspace", workspace)
    assert run("export", *named, "--drop-hashed").code == 0
    keys = {name: (tmp_path / name / "names.key").read_bytes() for name in [*sources, "digest"]}
    assert keys["one"] == keys["two"] == keys["digest"]
    assert len({keys["one"], keys["file"], keys["again"]}) == 3
    assert {len(key) for key in keys.values()} == {32}
    assert (tmp_path / "one" / "names.key").stat().st_mode & 0o777 == 0o600
    own = (workspace / ".assay" / "capture.key").read_bytes()
    for path in (tmp_path / "one").iterdir():
        assert own not in path.read_bytes()
        assert own.hex().encode() not in path.read_bytes()


def test_a_bundle_is_named_by_its_digest(run: Run, workspace: Path, tmp_path: Path) -> None:
    digest = assay.load(workspace).digest
    said = run("export", digest, tmp_path / "it", "--to", "bundle", "--workspace", workspace)
    assert said.code == 0
    assert assay.load(tmp_path / "it").decide(rows(3, 1)) == assay.load(workspace).decide(
        rows(3, 1)
    )


def test_a_version_is_named_by_its_number(run: Run, workspace: Path, tmp_path: Path) -> None:
    door = {"columns": {"x": {"range": [0, 1], "out_of_range": "reject"}}}
    charter = {**CHARTER, "serving": {"door": door}}
    (workspace / "charter.yaml").write_text(json.dumps(charter))
    digest, now = assay.load(workspace).digest, datetime(2026, 5, 4, tzinfo=UTC)
    content = {"bundle": digest, "charter": "c", "sections": {}, "origin": {}}
    ledger = embedded(workspace / ".assay").ledger
    write(ledger, "model:bank/3", EventType.MODEL_REGISTERED, content, now)
    edge = tmp_path / "edge"
    assert run("export", workspace, edge, "--version", 3).code == 0
    about = json.loads((edge / "edge.json").read_bytes())
    assert (about["version"], about["arm"], about["revision"]) == (3, "champion", 4)
    rules = {rule["name"]: rule for rule in json.loads((edge / "door.json").read_bytes())}
    assert (rules["x"]["low"], rules["x"]["high"], rules["x"]["new"]) == (0, 1, "reject")
    assert "no such thing" in run("export", workspace, tmp_path / "x", "--version", 9).paragraph


def test_what_cannot_be_written_is_said(run: Run, workspace: Path, tmp_path: Path) -> None:
    refused = run("export", workspace, tmp_path / "edge")
    assert refused.code == 2
    assert "--drop-hashed" in refused.paragraph
    assert not (tmp_path / "edge").exists()
    taken = run("export", workspace, workspace, "--drop-hashed")
    assert "not empty" in taken.paragraph
    assert "is a directory" in run("export", workspace, workspace, "--to", "bundle").paragraph
    assert "neither a workspace" in run("export", tmp_path, tmp_path / "x").paragraph
    assert run("export", workspace, tmp_path / "x", "--environment", "test").code == 2
