"""A model without a compiled form is packaged as it is, audited, and judged as it is served."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer
from tests.build.test_policy_move import at_hand, packaged

from assay.adapters.model_engine import load_model
from assay.build.built import Built
from assay.build.policy_move import move_policy
from assay.build.run import build
from assay.build.submit import submit
from assay.errors import ModelError
from assay.evidence.bundle import Input
from assay.evidence.evidence import Check
from assay.evidence.uncompiled import Uncompiled, described
from assay.ports.engine import Columns, Engine, Floats

_LEAVE = partial(load_model, code=True)
FEATURES = ["age", "n.visits", "region"]
OWN = """
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import LabelPropagation

def train(frame, outcomes):
    first = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "n.visits"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["region"]),
        ],
        sparse_threshold=0.0,
    )
    return make_pipeline(first, LabelPropagation(gamma=0.5)).fit(frame, outcomes)
"""


def _check(built: Built, name: str) -> Check:
    return next(check for check in built.checks if check.name == name)


def _uncompiled(built: Built) -> Uncompiled:
    found = described(built.bundle.model_bytes)
    assert found is not None
    return found


def _parity(built: Built) -> dict[str, Any]:
    piece = next(piece for piece in built.evidence if piece.kind == "parity")
    return json.loads(json.dumps(dict(piece.content)))  # type: ignore[no-any-return]


def test_a_train_function_whose_model_does_not_convert_is_packaged_by_skops(
    charter: Any, shop: pl.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    given = charter(build={"train": "mine:train"})
    built = build(given, tmp_path, shop, "d" * 64, engines=load_model)
    assert built.bundle.model_file == "model.skops"
    compiled = _check(built, "compiled to ONNX")
    assert (compiled.passed, compiled.severity) == (False, "warn")
    assert compiled.note.startswith("not compiled: LabelPropagation cannot be converted to ONNX")
    assert "slower" in compiled.note
    assert _check(built, "largest score difference on test rows").measured == pytest.approx(0)
    assert _check(built, "decisions that differ on test rows").passed
    assert _parity(built)["not_compiled"]["trusted"] == ["numpy.dtype"]
    assert _uncompiled(built).feed == "parts"
    again = build(given, tmp_path, shop, "d" * 64, engines=load_model)
    assert again.bundle.digest == built.bundle.digest
    assert (
        skops.io.loads(built.bundle.model_bytes, trusted=["numpy.dtype"]).steps[-1][0]
        == "labelpropagation"
    )


def test_a_policy_moves_on_a_model_that_is_packaged_as_it_is(
    charter: Any, shop: pl.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    made = {"build": {"train": "mine:train"}, "data": {"order": "rows"}}
    first = build(charter(**made), tmp_path, shop, "d" * 64, engines=load_model)
    fixed = {"policy": {"kind": "threshold", "action": "send", "at": 0.5}}
    given = (charter(**made, value=fixed), packaged(first), at_hand(shop))
    moved = move_policy(*given, engines=load_model)
    assert moved is not None
    assert moved.built.bundle.files["model.skops"] == first.bundle.model_bytes
    assert _check(moved.built, "served as version 1 is").passed
    assert "slower" in _check(moved.built, "compiled to ONNX").note


class WrongOnnx:
    """An engine that answers otherwise where the model is compiled."""

    def __init__(self, model: bytes, inputs: Sequence[Input]) -> None:
        self._engine: Engine = load_model(model, inputs)
        self._compiled = described(model) is None

    def score(self, columns: Columns) -> Floats:
        scores = self._engine.score(columns)
        return 1 - scores if self._compiled else scores


@pytest.fixture(scope="module")
def pipeline(shop: pl.DataFrame) -> Pipeline:
    first = ColumnTransformer(
        [
            ("numbers", SimpleImputer(), ["age", "n.visits"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["region"]),
        ]
    )
    frame = shop.select(FEATURES).with_columns(pl.col("region").fill_null(""))
    return make_pipeline(first, LogisticRegression(max_iter=500)).fit(frame, shop["buys"].to_list())


def test_a_compiled_model_that_answers_otherwise_is_not_served(
    charter: Any, shop: pl.DataFrame, pipeline: Pipeline, tmp_path: Path
) -> None:
    skops.io.dump(pipeline, tmp_path / "m.skops")
    good, wrong = (
        submit(charter(), shop, "d" * 64, str(tmp_path / "m.skops"), engines=engines)
        for engines in (load_model, WrongOnnx)
    )
    assert good.bundle.model_file == "model.onnx"
    assert wrong.bundle.model_file == "model.skops"
    assert "it answers otherwise (largest" in _check(wrong, "compiled to ONNX").note
    assert _check(wrong, "largest score difference on test rows").passed
    assert wrong.assessment.value.mean == pytest.approx(good.assessment.value.mean, rel=1e-3)


def test_steps_that_read_no_array_are_fed_a_frame(
    charter: Any, shop: pl.DataFrame, tmp_path: Path
) -> None:
    first = ColumnTransformer(
        [
            ("visits", SplineTransformer(), ["n.visits"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["region"]),
        ],
        transformer_weights={"visits": 0.5},
    )
    frame = shop.select("n.visits", pl.col("region").fill_null(""))
    fitted = make_pipeline(first, LogisticRegression()).fit(frame, shop["buys"].to_list())
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(fitted))
    with pytest.raises(ModelError, match=r"(?s)Nor can it be packaged.*nobody audited: scipy"):
        _submitted_unallowed(charter, shop, fitted, tmp_path)
    given = submit(
        charter(), shop, "d" * 64, str(tmp_path / "m.pkl"), engines=_LEAVE, allow_pickle="Ana"
    )
    found = _uncompiled(given)
    assert (found.feed, found.permitted) == ("frame", "Ana")
    assert any(name.startswith("scipy.interpolate") for name in found.trusted)
    assert _parity(given)["not_compiled"]["permitted"] == "Ana"


def _submitted_unallowed(charter: Any, shop: pl.DataFrame, fitted: Pipeline, root: Path) -> Built:
    """Build by a train function that brings types which nobody audited."""
    (root / "fitted.pkl").write_bytes(pickle.dumps(fitted))
    source = "import pickle\nfrom pathlib import Path\ndef train(frame, outcomes):\n"
    source += f"    return pickle.loads(Path({str(root / 'fitted.pkl')!r}).read_bytes())\n"
    (root / "strange.py").write_text(source)
    given = charter(build={"train": "strange:train"}, data={"ignore": ["day", "age", "customer"]})
    return build(given, root, shop, "d" * 64, engines=load_model)


CHANCE = """
import numpy as np

class Chance:
    def predict(self, frame):
        return 1 / (1 + np.exp(1 - np.nan_to_num(frame["n.visits"].to_numpy())))

def _load_pyfunc(path):
    return Chance()
"""


def test_an_mlflow_function_runs_only_by_a_recorded_permission(
    charter: Any, shop: pl.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "chance"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "chance_of_visits.py").write_text(CHANCE)
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: chance_of_visits\n    code: code\n"
    )
    with pytest.raises(ModelError, match="--allow-pickle"):
        submit(charter(), shop, "d" * 64, str(folder), engines=load_model)
    with pytest.raises(ModelError, match="Eve is not named"):
        submit(charter(), shop, "d" * 64, str(folder), engines=load_model, allow_pickle="Eve")
    built = submit(charter(), shop, "d" * 64, str(folder), engines=_LEAVE, allow_pickle="Ana")
    assert built.bundle.model_file == "model.pyfunc.zip"
    assert built.permitted[0].what.startswith("run the MLflow model chance with SHA-256 ")
    assert "only the Python function" in _check(built, "compiled to ONNX").note
    assert built.assessment.n == 113


def test_an_estimator_that_reads_texts_by_itself_is_fed_what_it_was_fitted_on(
    charter: Any, shop: pl.DataFrame, tmp_path: Path
) -> None:
    source = "from sklearn.dummy import DummyClassifier\ndef train(frame, outcomes):\n"
    source += "    return DummyClassifier().fit(frame, outcomes)\n"
    (tmp_path / "blind.py").write_text(source)
    given = charter(build={"train": "blind:train"})
    built = build(given, tmp_path, shop, "d" * 64, engines=load_model)
    assert (
        "reads text columns without a ColumnTransformer" in _check(built, "compiled to ONNX").note
    )
    assert isinstance(skops.io.loads(built.bundle.model_bytes), DummyClassifier)
