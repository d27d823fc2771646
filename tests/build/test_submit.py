"""A finished model goes through the same evaluation; nothing runs that was not looked at."""

from __future__ import annotations

import os
import pickle
import sys
import types
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
import onnx
import polars as pl
import pytest
import skops.io
from onnx import TensorProto, helper
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.memory_ledger import MemoryLedger
from assay.adapters.onnx_engine import OnnxEngine
from assay.build.built import Built
from assay.build.intake import permission_wanted, take_in
from assay.build.onnx_export import to_onnx_bytes
from assay.build.registry import register
from assay.build.submit import submit
from assay.charter.charter import Charter
from assay.errors import MissingLibrary, ModelError
from assay.evidence.bundle import Input
from assay.evidence.digest import digest_bytes
from assay.evidence.folds import models

FEATURES = ["age", "n.visits", "region"]
INPUTS = (Input("age", "number"), Input("n.visits", "number"), Input("region", "category"))


@pytest.fixture(scope="module")
def pipeline(shop: pl.DataFrame) -> Pipeline:
    prepare = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "n.visits"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["region"]),
        ]
    )
    frame = shop.select(FEATURES).with_columns(pl.col("region").fill_null(""))
    # Outcomes as the table has them: "no" and "yes".
    return make_pipeline(prepare, LogisticRegression()).fit(frame, shop["buys"].to_list())


def handed_in(charter: Charter, shop: pl.DataFrame, model: Path | str, **more: Any) -> Built:
    return submit(charter, shop, "d" * 64, str(model), engines=OnnxEngine, **more)


@pytest.mark.parametrize("blocks", [True, False])
def test_onnx_keeps_its_bytes(
    charter: Any, shop: pl.DataFrame, pipeline: Pipeline, tmp_path: Path, *, blocks: bool
) -> None:
    content = to_onnx_bytes(pipeline, INPUTS, FEATURES, "classification", blocks=blocks)
    (tmp_path / "m.onnx").write_bytes(content)
    built = handed_in(charter(), shop, tmp_path / "m.onnx")
    assert built.bundle.files["model.onnx"] == content
    assert built.assessment.uplift_per_decision.mean > 0
    assert "not to have learned from" in built.measured_on
    assert built.assessment.n == 113


@pytest.mark.parametrize("blocks", [True, False])
def test_a_model_blind_to_a_payoff_column_is_given_it_unread(
    charter: Any, shop: pl.DataFrame, pipeline: Pipeline, tmp_path: Path, *, blocks: bool
) -> None:
    given = charter(
        value={
            "actions": {"send": {"yes": "margin", "no": -2}, "rest": 0},
            "caps": {"margin": [0, 20]},
        }
    )
    content = to_onnx_bytes(pipeline, INPUTS, FEATURES, "classification", blocks=blocks)
    (tmp_path / "m.onnx").write_bytes(content)
    built = handed_in(given, shop, tmp_path / "m.onnx")
    assert b'"margin"' in built.bundle.files["signature.json"]
    assert built.assessment.uplift_per_decision.mean > 0


def test_skops_is_audited_then_read(
    charter: Any, shop: pl.DataFrame, pipeline: Pipeline, tmp_path: Path
) -> None:
    skops.io.dump(pipeline, tmp_path / "m.skops")
    built = handed_in(charter(), shop, tmp_path / "m.skops")
    assert all(check.passed for check in built.checks if check.name.startswith("decisions"))


class Strange(BaseEstimator):  # type: ignore[misc]
    """A type that skops has not heard of."""


def test_skops_with_strange_types_is_refused(
    charter: Any, shop: pl.DataFrame, tmp_path: Path
) -> None:
    skops.io.dump(Strange(), tmp_path / "m.skops")
    with pytest.raises(ModelError, match=r"not know to be safe: .*Strange"):
        handed_in(charter(), shop, tmp_path / "m.skops")


class Bomb:
    """Runs code when it is read."""

    def __reduce__(self) -> Any:
        return (Path.touch, (BOMB,))


BOMB = Path("/nowhere")


def test_a_pickle_runs_only_by_a_recorded_permission(
    charter: Any, shop: pl.DataFrame, pipeline: Pipeline, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setitem(globals(), "BOMB", tmp_path / "went off")
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError, match="can run any code"):
        handed_in(charter(), shop, tmp_path / "bomb.pkl")
    with pytest.raises(ModelError, match="Eve is not named"):
        handed_in(charter(), shop, tmp_path / "bomb.pkl", allow_pickle="Eve")
    assert not (tmp_path / "went off").exists()
    joblib.dump(pipeline, tmp_path / "m.joblib")
    given = charter()
    built = handed_in(given, shop, tmp_path / "m.joblib", allow_pickle="Ana")
    ledger = MemoryLedger()
    register(built, given, ledger, MemoryBlobs(), datetime(2026, 1, 1, tzinfo=UTC))
    (permission,) = models(ledger.events())["shop"].versions[1].permissions
    assert permission.by == "Ana"
    assert digest_bytes((tmp_path / "m.joblib").read_bytes()) in permission.what


def test_a_permission_is_told_before_the_pickle_runs(
    charter: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setitem(globals(), "BOMB", tmp_path / "went off")
    bomb = tmp_path / "bomb.pkl"
    bomb.write_bytes(pickle.dumps(Bomb()))
    wanted = permission_wanted(str(bomb), "Ana", charter())
    assert wanted is not None
    assert wanted.by == "Ana"
    assert digest_bytes(bomb.read_bytes()) in wanted.what
    assert permission_wanted(str(bomb), None, charter()) is None
    with pytest.raises(ModelError, match="Eve is not named"):
        permission_wanted(str(bomb), "Eve", charter())
    (tmp_path / "m.onnx").write_bytes(b"x")
    assert permission_wanted(str(tmp_path / "m.onnx"), "Ana", charter()) is None
    assert not (tmp_path / "went off").exists()


def test_the_permission_told_is_the_one_used(
    charter: Any, pipeline: Pipeline, tmp_path: Path
) -> None:
    joblib.dump(pipeline, tmp_path / "m.joblib")
    model = str(tmp_path / "m.joblib")
    taken = take_in(model, charter(), "Ana")
    assert taken.permitted == (permission_wanted(model, "Ana", charter()),)


def test_what_cannot_predict_is_no_estimator(charter: Any, tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"model": 1}))
    with pytest.raises(ModelError, match="this pickle holds a dict, no estimator"):
        take_in(str(tmp_path / "m.pkl"), charter(), "Ana")
    skops.io.dump([1, 2], tmp_path / "m.skops")
    with pytest.raises(ModelError, match="this skops file holds a list, no estimator"):
        take_in(str(tmp_path / "m.skops"), charter())


def _mlflow_folder(tmp_path: Path, pipeline: Pipeline, name: str = "model.skops") -> Path:
    folder = tmp_path / "mlflow model"
    folder.mkdir()
    skops.io.dump(pipeline, folder / "model.skops")
    (folder / "MLmodel").write_text(f"flavors:\n  sklearn:\n    pickled_model: {name}\n")
    return folder


def test_mlflow_folders_and_uris(
    charter: Any, shop: pl.DataFrame, pipeline: Pipeline, tmp_path: Path, monkeypatch: Any
) -> None:
    folder = _mlflow_folder(tmp_path, pipeline)
    local = handed_in(charter(), shop, folder)
    fake = types.ModuleType("mlflow.artifacts")
    fake.download_artifacts = lambda artifact_uri: str(folder)  # type: ignore[attr-defined]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", types.ModuleType("mlflow"))
    monkeypatch.setitem(sys.modules, "mlflow.artifacts", fake)
    remote = handed_in(charter(), shop, "models:/shop/1")
    assert remote.bundle.digest == local.bundle.digest
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "3", "a person's own setting stays"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("models:/shop/1", "Set MLFLOW_TRACKING_URI"),
        ("runs:/abc/model", "Set MLFLOW_TRACKING_URI"),
        ("https://example.org/m.onnx", "Download the file first"),
    ],
)
def test_a_uri_that_no_server_can_answer_is_refused_at_once(
    charter: Any, tmp_path: Path, monkeypatch: Any, uri: str, words: str
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=words) as caught:
        take_in(uri, charter())
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_mlflow_that_is_not_installed_or_does_not_answer(
    charter: Any, shop: pl.DataFrame, monkeypatch: Any
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "mlflow.artifacts", None)
    with pytest.raises(MissingLibrary, match=r"assay\[tracking\]"):
        handed_in(charter(), shop, "models:/shop/1")
    broken = types.ModuleType("mlflow.artifacts")
    broken.download_artifacts = lambda artifact_uri: 1 / 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow.artifacts", broken)
    with pytest.raises(ModelError, match="cannot bring"):
        handed_in(charter(), shop, "models:/shop/1")


def test_an_mlflow_folder_may_not_point_outside(
    charter: Any, shop: pl.DataFrame, pipeline: Pipeline, tmp_path: Path
) -> None:
    folder = _mlflow_folder(tmp_path, pipeline, "../../secret.skops")
    with pytest.raises(ModelError, match="outside of its folder"):
        handed_in(charter(), shop, folder)
    (folder / "MLmodel").write_text("flavors:\n  python_function: {}\n")
    with pytest.raises(ModelError, match="name who allows it with --allow-pickle"):
        handed_in(charter(), shop, folder)
    (folder / "MLmodel").write_text("flavors:\n  spark: {}\n")
    with pytest.raises(ModelError, match="flavors spark"):
        handed_in(charter(), shop, folder)
    (folder / "MLmodel").unlink()
    with pytest.raises(ModelError, match="without an MLmodel file"):
        handed_in(charter(), shop, folder)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("absent.onnx", None, "no model at"),
        ("m.txt", b"x", "ends in .txt"),
        ("m.onnx", b"", "empty"),
        ("m.onnx", b"not a model", "no valid ONNX model"),
        ("m.skops", b"PK not a zip", "skops file"),
    ],
)
def test_what_is_no_model_is_refused(
    charter: Any, shop: pl.DataFrame, tmp_path: Path, name: str, content: bytes | None, word: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=word) as caught:
        handed_in(charter(), shop, tmp_path / name)
    assert "\n" not in str(caught.value)


def _graph(column: str, shape: list[Any], domain: str = "") -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Identity", [column], ["out"])],
        "g",
        [helper.make_tensor_value_info(column, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
    )
    opsets = [helper.make_opsetid("", 18)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (_graph("age", [None, 3]), "is no column"),
        (_graph("shoe_size", [None, 1]), "no such column"),
        (_graph("called_back", [None, 1]), "known only after the decision"),
        (_graph("age", [None, 1], "evil.ops"), "not standard"),
    ],
)
def test_onnx_that_no_decision_can_feed_is_refused(
    charter: Any, shop: pl.DataFrame, tmp_path: Path, model: onnx.ModelProto, word: str
) -> None:
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=word):
        handed_in(charter(), shop, tmp_path / "m.onnx")


def test_converters_names_are_understood(charter: Any, shop: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(_graph("n_visits", [None, 1]).SerializeToString())
    built = handed_in(charter(), shop, tmp_path / "m.onnx")
    assert next(check for check in built.checks if check.name == "served as submitted").passed
    assert b'"n.visits"' in built.bundle.files["signature.json"]
    assert built.assessment.n == 113


def test_estimators_that_do_not_fit_the_charter_are_refused(
    charter: Any, shop: pl.DataFrame, tmp_path: Path
) -> None:
    later = LogisticRegression().fit(shop.select("called_back"), shop["buys"].to_list())
    skops.io.dump(later, tmp_path / "later.skops")
    with pytest.raises(ModelError, match="reads called_back"):
        handed_in(charter(), shop, tmp_path / "later.skops")
    nameless = LogisticRegression().fit(shop.select("age").to_numpy(), shop["buys"].to_list())
    skops.io.dump(nameless, tmp_path / "nameless.skops")
    with pytest.raises(ModelError, match="columns without names"):
        handed_in(charter(), shop, tmp_path / "nameless.skops")
    other = LogisticRegression().fit(shop.select("age"), shop["opened"].cast(pl.String).to_list())
    skops.io.dump(other, tmp_path / "other.skops")
    built = handed_in(charter(), shop, tmp_path / "other.skops")
    assert built.assessment.n == 113
    assert "spoiled rows are scored" in {check.name for check in built.checks}
    third = LogisticRegression().fit(shop.select("age"), shop["region"].fill_null("").to_list())
    skops.io.dump(third, tmp_path / "third.skops")
    with pytest.raises(ModelError, match="knows the outcomes"):
        handed_in(charter(), shop, tmp_path / "third.skops")
