"""An exported model answers as the bundle does on a gateway, whatever its policy."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tests.edge_models import EDGE_CASES, INPUTS, edge_case, moved, rows

from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.onnx_engine import OnnxEngine
from assay.build.onnx_blocks import to_blocks
from assay.deploy.answering import Answered, Asked, answer
from assay.deploy.bundle_file import Packed
from assay.deploy.desired import Arm, Desired
from assay.deploy.edge.exported import Exported
from assay.deploy.edge_export import edge_files
from assay.deploy.serving import load_serving
from assay.evidence.bundle import Signature

_NAMES = ("score", "prediction", "probability", "decision", "expected_value")


def _exported(packed: Packed, folder: Path) -> Path:
    for name, content in edge_files(packed).items():
        (folder / name).write_bytes(content)
    return folder


def _engine(model: bytes, signature: Signature, _: bool) -> OnnxEngine:
    return OnnxEngine(model, signature.inputs)


def _served(packed: Packed, columns: dict[str, Any]) -> Answered:
    bundle, blobs = packed.bundle, MemoryBlobs()
    for content in bundle.files.values():
        blobs.put(content)
    arm = Arm("champion", packed.version, blobs.put(bundle.manifest()), 1.0)
    serving = load_serving(Desired(1, "bank", (arm,), serving=packed.rules), blobs, _engine)
    ids = [f"a/{row}" for row in range(len(columns["x"]))]
    return answer(serving, Asked(columns, ids), "2026-03-01T12:00:00+00:00")


def _require_same(found: dict[str, list[Any]], served: Answered) -> None:
    for name in _NAMES:
        ours, theirs = found[name], list(getattr(served, name))
        if name in ("score", "probability", "expected_value") and ours[0] is not None:
            np.testing.assert_allclose(
                np.array(ours, float), np.array(theirs, float), rtol=1e-12, atol=1e-12
            )
        elif ours[0] is not None and not isinstance(ours[0], str):
            np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=1e-12)
        else:
            assert ours == theirs, name
    said = served.flags or [()] * len(found["flags"])
    assert [tuple(one) for one in found["flags"]] == [tuple(one) for one in said]


@pytest.mark.parametrize("name", list(EDGE_CASES))
def test_answers_are_those_of_the_gateway(name: str, tmp_path: Path) -> None:
    packed = edge_case(name)
    edge = Exported(_exported(packed, tmp_path))
    columns = rows(3000, 5, odd=True)
    _require_same(edge.answer(columns), _served(packed, columns))
    one = {column: values[:1] for column, values in columns.items()}
    _require_same(edge.answer(one), _served(packed, one))


def test_a_model_that_takes_its_columns_in_blocks_answers_the_same(tmp_path: Path) -> None:
    packed = edge_case(next(iter(EDGE_CASES)))
    model = onnx.load_model_from_string(packed.bundle.files["model.onnx"])
    to_blocks(model, INPUTS)
    assert {slot.name for slot in model.graph.input} == {"assay:numbers", "assay:lookups"}
    files = {**packed.bundle.files, "model.onnx": model.SerializeToString()}
    blocks = replace(packed, bundle=replace(packed.bundle, files=files))
    for name, one in (("apart", packed), ("blocks", blocks)):
        (tmp_path / name).mkdir()
        _exported(one, tmp_path / name)
    columns = rows(3000, 5, odd=True)
    found = Exported(tmp_path / "blocks").answer(columns)
    _require_same(found, _served(blocks, columns))
    assert found == Exported(tmp_path / "apart").answer(columns)


def test_what_the_cases_have_to_show_comes_up(tmp_path: Path) -> None:
    kinds, actions = set(), set()
    for name in EDGE_CASES:
        files = edge_case(name).bundle.files
        calibration = json.loads(files["calibration.json"])
        kinds.add(calibration["kind"])
        columns = rows(2000, 5)
        if json.loads(files["policy.json"])["task"] == "classification":
            folder = tmp_path / name.replace(" ", "-")
            folder.mkdir()
            decided = Exported(_exported(edge_case(name), folder)).answer(columns)["decision"]
            actions |= set(decided)
            assert len(set(decided)) > 1, name
    assert kinds == {"calibrator", "cells", "classes", "predictive"}
    assert actions == {"call", "skip", "mail", "refer"}


def test_payoffs_that_moved_keep_the_calibration_of_before(tmp_path: Path) -> None:
    packed = moved(edge_case("best action, cells"), "best action, flat payoffs")
    columns = rows(2000, 6)
    edge = Exported(_exported(packed, tmp_path))
    _require_same(edge.answer(columns), _served(packed, columns))


def test_the_door_refers_and_clips_as_on_a_gateway(tmp_path: Path) -> None:
    door = {"out_of_range": "refer", "new_category": "clip", "missing": "flag"}
    packed = edge_case("threshold learned, refer", door=door)
    columns = rows(2000, 7, odd=True)
    found = Exported(_exported(packed, tmp_path)).answer(columns)
    _require_same(found, _served(packed, columns))
    strange = [row for row, said in enumerate(found["flags"]) if "x out of range" in said]
    assert strange
    assert {found["decision"][row] for row in strange} == {"refer"}


_BARE = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib.util
spec = importlib.util.spec_from_file_location("runner", sys.argv[2])
runner = importlib.util.module_from_spec(spec)
sys.modules["runner"] = runner
spec.loader.exec_module(runner)
assert not any(name.split(".")[0] in ("assay", "msgspec", "pydantic") for name in sys.modules)
sys.exit(runner.main(["score"]))
"""


def test_the_runner_needs_nothing_but_numpy_and_onnxruntime(tmp_path: Path) -> None:
    bare, folder = tmp_path / "bare", tmp_path / "edge"
    bare.mkdir()
    folder.mkdir()
    installed = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs", "onnxruntime"):
        if (installed / name).exists():
            (bare / name).symlink_to(installed / name)
    packed = edge_case("threshold, refer from")
    _exported(packed, folder)
    columns = rows(1000, 8, odd=True)
    tensors = [
        {"name": "x", "shape": [1000], "datatype": "FP64", "data": _listed(columns["x"])},
        {
            "name": "amount",
            "shape": [1000, 1],
            "datatype": "FP64",
            "data": _listed(columns["amount"]),
        },
        {"name": "job", "shape": [1000], "datatype": "BYTES", "data": _listed(columns["job"])},
    ]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _BARE, str(bare), str(folder / "runner.py")],
        input=json.dumps({"inputs": tensors}).encode(),
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    document = json.loads(ran.stdout)
    served = _served(packed, columns)
    outputs = {one["name"]: one["data"] for one in document["outputs"]}
    assert outputs["decision"] == list(served.decision)
    assert outputs["prediction"] == list(served.prediction)
    np.testing.assert_allclose(outputs["probability"], np.array(served.probability), rtol=1e-12)
    np.testing.assert_allclose(
        outputs["expected_value"], np.array(served.expected_value), rtol=1e-12
    )
    assert document["parameters"]["flags"] == [list(said) for said in served.flags or ()]
    assert document["parameters"]["versions"] == ["7"] * 1000


def _listed(values: Any) -> list[Any]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124
