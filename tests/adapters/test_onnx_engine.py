"""The ONNX engine against the model it was converted from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.adapters.onnx_engine import OnnxEngine
from assay.errors import DataError, ModelError
from assay.evidence.bundle import Input

INPUTS = (Input("emp.var rate", "number"), Input("job", "category"))


def _pipeline(last: Any) -> Pipeline:
    return make_pipeline(
        ColumnTransformer(
            [
                ("numbers", StandardScaler(), [0]),
                ("categories", OneHotEncoder(handle_unknown="ignore"), [1]),
            ]
        ),
        last,
    )


def _columns(n: int = 64) -> dict[str, Any]:
    random = np.random.default_rng(3)
    jobs = random.choice(np.array(["admin", "retired", ""], dtype=object), n)
    return {"emp.var rate": random.normal(size=n), "job": jobs}


def _matrix(columns: dict[str, Any]) -> Any:
    return np.column_stack([columns["emp.var rate"].astype(object), columns["job"]])


def _onnx(model: Pipeline, **options: Any) -> bytes:
    types = [
        ("emp.var rate", FloatTensorType([None, 1])),
        ("job", StringTensorType([None, 1])),
    ]
    raw: bytes = to_onnx(model, initial_types=types, **options).SerializeToString()
    return raw


@pytest.fixture(scope="module")
def classifier() -> Pipeline:
    columns = _columns()
    y = (columns["emp.var rate"] + (columns["job"] == "retired") > 0).astype(int)
    return _pipeline(LogisticRegression()).fit(_matrix(columns), y)


@pytest.fixture(scope="module")
def engine(classifier: Pipeline) -> OnnxEngine:
    return OnnxEngine(_onnx(classifier, options={"zipmap": False}), INPUTS)


def test_a_classifier_scores_as_it_did_before_conversion(
    classifier: Pipeline, engine: OnnxEngine
) -> None:
    columns = _columns(20)
    expected = classifier.predict_proba(_matrix(columns))[:, 1]
    scores = engine.score(columns)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_a_regressor_gives_its_point_prediction() -> None:
    columns = _columns()
    y = 3 * columns["emp.var rate"] + (columns["job"] == "admin")
    model = _pipeline(LinearRegression()).fit(_matrix(columns), y)
    scores = OnnxEngine(_onnx(model), INPUTS).score(columns)
    np.testing.assert_allclose(scores, y, atol=1e-5)


def test_a_category_never_seen_is_scored(engine: OnnxEngine) -> None:
    columns = {"emp.var rate": np.zeros(1), "job": np.array(["\x00é🙂"], dtype=object)}
    assert engine.score(columns).shape == (1,)


def test_a_missing_number_that_the_model_cannot_take_is_refused(engine: OnnxEngine) -> None:
    columns = {
        "emp.var rate": np.array([0, np.nan, np.nan]),
        "job": np.array(["admin"] * 3, dtype=object),
    }
    with pytest.raises(DataError, match="no finite score for row 1 and 1 more"):
        engine.score(columns)


@pytest.mark.parametrize("number", [1e39, -1e300, np.inf])
def test_a_number_beyond_float32_is_refused(engine: OnnxEngine, number: float) -> None:
    columns = {"emp.var rate": np.array([number]), "job": np.array(["admin"], dtype=object)}
    with pytest.raises(DataError, match=r"Column emp.var rate, row 0"):
        engine.score(columns)


def test_text_that_is_no_text_is_refused(engine: OnnxEngine) -> None:
    columns = {"emp.var rate": np.zeros(1), "job": np.array(["\ud800"], dtype=object)}
    with pytest.raises(DataError, match="cannot score"):
        engine.score(columns)


def test_columns_of_unequal_length_are_refused(engine: OnnxEngine) -> None:
    columns = {"emp.var rate": np.zeros(2), "job": np.array(["admin"], dtype=object)}
    with pytest.raises(DataError, match="cannot score"):
        engine.score(columns)


@pytest.mark.parametrize("raw", [b"", b"junk", b"\x08\x07" * 50])
def test_bytes_that_are_no_model_are_refused(raw: bytes) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        OnnxEngine(raw, INPUTS)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (INPUTS[:1], "takes 2 inputs"),
        ((*INPUTS, Input("age", "number")), "takes 2 inputs"),
        ((INPUTS[1], Input("x", "number")), "is a tensor"),
    ],
)
def test_a_signature_that_does_not_fit_is_refused(
    classifier: Pipeline, inputs: tuple[Input, ...], text: str
) -> None:
    raw = _onnx(classifier, options={"zipmap": False})
    with pytest.raises(ModelError, match=text):
        OnnxEngine(raw, inputs)


def test_probabilities_in_dictionaries_are_refused_with_the_mend(classifier: Pipeline) -> None:
    with pytest.raises(ModelError, match="zipmap=False"):
        OnnxEngine(_onnx(classifier), INPUTS)


def test_inputs_that_keep_their_names_are_matched_by_name_in_any_order() -> None:
    graph = helper.make_graph(
        [helper.make_node("Sub", ["a.b c", "d"], ["out"])],
        "difference",
        [
            helper.make_tensor_value_info("a.b c", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("d", TensorProto.FLOAT, [None, 1]),
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [None, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    engine = OnnxEngine(model.SerializeToString(), (Input("d", "number"), Input("a.b c", "number")))
    assert engine.score({"d": np.array([1.0]), "a.b c": np.array([5.0])}).tolist() == [4.0]
