"""Three outcomes in a build: the charter's order everywhere, whoever made the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import skops.io
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.built import Built
from assay.build.candidates import FAMILIES, Recipe, pipeline
from assay.build.columns import to_columns, to_frame
from assay.build.crossfit import held_out, one_thread
from assay.build.onnx_export import to_onnx_bytes
from assay.build.onnx_outcomes import outcomes_in_order
from assay.build.quality import check_quality, with_outcome
from assay.build.raw_scores import places_of, raw_scores
from assay.build.run import build, made_from
from assay.build.submit import submit
from assay.build.training import refit
from assay.build.training_set import CALIBRATE, training_set
from assay.charter.charter import Charter
from assay.errors import DataError, ModelError
from assay.evidence.bundle import Input
from assay.stats.class_calibration import ClassCalibrator
from assay.value.valuation import valuation

# Not in the order of the alphabet, in which estimators put them.
LABELS = np.array(["small", "none", "large"])
INPUTS = (Input("a", "number"), Input("b", "number"), Input("kind", "category"))


def table(n: int = 900, seed: int = 81) -> pl.DataFrame:
    """Return rows whose `a` speaks for large, whose `b` for small outcomes."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, n)).astype(np.float32).astype(np.float64)
    kind = random.choice(np.array(["x", "y"], dtype=object), n)
    powers = np.exp(np.column_stack([1.5 * b, np.full(n, 0.8), 2 * a - (kind == "y")]))
    p = powers / powers.sum(axis=1, keepdims=True)
    drawn = (random.random((n, 1)) > p.cumsum(axis=1)[:, :2]).sum(axis=1)
    return pl.DataFrame({"a": a, "b": b, "kind": kind, "came": LABELS[drawn]})


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return table()


@pytest.fixture(scope="module")
def classes(charter: Any) -> Charter:
    made: Charter = charter(
        data={"outcome": "came", "positive": None, "ignore": [], "known_after": [],
              "sensitive": ["kind"], "order": "rows"},
        value={"actions": {"send": {"small": 3, "none": -2, "large": 9}, "rest": 0}},
        build={"folds": 2},
    )  # fmt: skip
    return made


def codes(frame: pl.DataFrame) -> NDArray[np.int64]:
    return np.array([LABELS.tolist().index(one) for one in frame["came"]], dtype=np.int64)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_serves_three_outcomes_as_trained(rows: pl.DataFrame, family: str) -> None:
    columns, names = to_columns(rows, INPUTS), ["a", "b", "kind"]
    recipe = Recipe(family, FAMILIES[family].defaults())
    with one_thread():
        unfitted = pipeline(recipe, "classification", columns, names, 5)
        made = unfitted.fit(to_frame(columns), codes(rows))
    trained = raw_scores(made, to_frame(columns), "classification", places_of(made, 3))
    content = to_onnx_bytes(made, INPUTS, names, "classification", places_of(made, 3))
    served = OnnxEngine(content, INPUTS).score(columns)
    np.testing.assert_allclose(served, trained, atol=1e-5)
    mean = np.array([served[codes(rows) == code].mean(axis=0) for code in range(3)])
    assert (mean.argmax(axis=1) == [0, 1, 2]).all()


def test_an_outcome_that_a_fold_lacks_gets_no_probability() -> None:
    frame = np.random.default_rng(82).normal(size=(60, 2))
    seen = LogisticRegression().fit(frame, np.arange(60) % 2 * 2)
    scores = raw_scores(seen, frame, "classification", places_of(seen, 3))
    assert scores.shape == (60, 3)
    assert (scores[:, 1] == 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1.0)


def test_an_estimator_that_learned_from_other_codes_is_refused() -> None:
    frame = np.random.default_rng(83).normal(size=(60, 2))
    strange = LogisticRegression().fit(frame, np.arange(60) % 3 + 1)
    with pytest.raises(ModelError, match="it was given the codes 0, 1, 2"):
        places_of(strange, 3)


class WithoutClasses(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that keeps its classes to itself."""

    def predict_proba(self, frame: Any) -> NDArray[np.float64]:
        return np.tile([0.5, 0.2, 0.3], (len(frame), 1))


def test_an_estimator_without_classes_answers_in_the_order_of_codes() -> None:
    assert places_of(WithoutClasses(), 3) == (0, 1, 2)
    scores = raw_scores(WithoutClasses(), [1, 2], "classification", (0, 1, 2))
    np.testing.assert_array_equal(scores, [[0.5, 0.2, 0.3]] * 2)
    with pytest.raises(ModelError, match=r"one column for each of 4 outcomes"):
        raw_scores(WithoutClasses(), [1, 2], "classification", (0, 1, 2, 3))


def test_held_out_scores_and_own_training_keep_the_order(
    rows: pl.DataFrame, classes: Charter
) -> None:
    valued = valuation(classes.value, classes.data)
    assert valued.labels == ("small", "none", "large")
    given = training_set(rows, classes, valued, seed=1, folds=2, judge=False)

    def own(frame: pl.DataFrame, outcomes: NDArray[Any]) -> Any:
        prepare = ColumnTransformer([("numbers", "passthrough", ["a", "b"])])
        return make_pipeline(prepare, LogisticRegression()).fit(frame, outcomes)

    for model in (own, Recipe("linear", {"strength": 1.0})):
        held = held_out(given, CALIBRATE, model, 1)
        assert held.raw.shape == (len(rows), 3)
        mean = np.array([held.raw[held.outcomes == code].mean(axis=0) for code in range(3)])
        assert (mean.argmax(axis=1) == [0, 1, 2]).all()


def _built(classes: Charter, rows: pl.DataFrame, tmp_path: Path, model: Path | None) -> Built:
    if model is None:
        return build(classes, tmp_path, rows, "d" * 64, engines=OnnxEngine, trials=1)
    return submit(classes, rows, "d" * 64, str(model), engines=OnnxEngine)


def _roc_auc(built: Built) -> float:
    found = next(piece for piece in built.evidence if piece.kind == "evaluation")
    return float(found.content["statistics"]["roc_auc"])


@pytest.fixture(scope="module")
def named(rows: pl.DataFrame) -> Pipeline:
    """A finished model that knows outcomes by name, in the order of the alphabet."""
    prepare = ColumnTransformer([("numbers", "passthrough", ["a", "b"])])
    return make_pipeline(prepare, LogisticRegression()).fit(
        rows.select("a", "b"), rows["came"].to_list()
    )


def _exported(model: Pipeline, names: list[str]) -> Any:
    slots = [(name, FloatTensorType([None, 1])) for name in names]
    return to_onnx(model, initial_types=slots, options={"zipmap": False})


def test_a_submitted_model_is_put_in_the_charters_order(
    rows: pl.DataFrame, classes: Charter, named: Pipeline, tmp_path: Path
) -> None:
    skops.io.dump(named, tmp_path / "m.skops")
    (tmp_path / "m.onnx").write_bytes(_exported(named, ["a", "b"]).SerializeToString())
    found = [_built(classes, rows, tmp_path, tmp_path / name) for name in ("m.skops", "m.onnx")]
    assert _roc_auc(found[0]) == pytest.approx(_roc_auc(found[1]), abs=1e-3)
    assert _roc_auc(found[0]) > 0.75
    for built in found:
        assert "in this order" not in built.measured_on
        assert built.assessment.uplift_per_decision.mean > 0
        assert all(one.passed for one in built.checks if "test rows" in one.name)


@pytest.mark.parametrize("kind", [LGBMClassifier, HistGradientBoostingClassifier])
def test_class_names_are_found_in_any_converted_classifier(rows: pl.DataFrame, kind: Any) -> None:
    more = {"n_estimators": 10, "verbose": -1} if kind is LGBMClassifier else {"max_iter": 10}
    with one_thread():
        model = kind(**more).fit(rows.select("a", "b").to_numpy(), codes(rows))
    content = to_onnx_bytes(model, INPUTS[:2], ["a", "b"], "classification", (0, 1, 2))
    assert outcomes_in_order(content, LABELS.tolist()) == (content, True)


def test_a_model_of_other_outcomes_is_refused(
    rows: pl.DataFrame, classes: Charter, tmp_path: Path
) -> None:
    prepare = ColumnTransformer([("numbers", "passthrough", ["a", "b"])])
    other = make_pipeline(prepare, LogisticRegression())
    other.fit(rows.select("a", "b"), [{"none": "no"}.get(one, one) for one in rows["came"]])
    skops.io.dump(other, tmp_path / "m.skops")
    (tmp_path / "m.onnx").write_bytes(_exported(other, ["a", "b"]).SerializeToString())
    for name in ("m.skops", "m.onnx"):
        with pytest.raises(ModelError, match="knows the outcomes large, no, small"):
            _built(classes, rows, tmp_path, tmp_path / name)


def _network(outputs: int) -> bytes:
    """Return a model without class names: a softmax of weighted inputs."""
    weights = np.zeros((2, outputs), dtype=np.float32)
    weights[1, 0], weights[0, -1] = 1.5, 2.0
    slots = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in "ab"]
    scores = helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, outputs])
    nodes = [
        helper.make_node("Concat", ["a", "b"], ["x"], axis=1),
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["p"], axis=1),
    ]
    kept = [helper.make_tensor("w", TensorProto.FLOAT, [2, outputs], weights.ravel().tolist())]
    graph = helper.make_graph(nodes, "net", slots, [scores], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def test_a_network_without_class_names_is_taken_in_the_charters_order_and_that_is_said(
    rows: pl.DataFrame, classes: Charter, tmp_path: Path
) -> None:
    (tmp_path / "net.onnx").write_bytes(_network(3))
    built = _built(classes, rows, tmp_path, tmp_path / "net.onnx")
    assert built.bundle.files["model.onnx"] == _network(3)
    assert "taken to be small, none, large, in this order" in built.measured_on
    assert _roc_auc(built) > 0.7


def test_a_network_of_another_number_of_outcomes_is_refused(
    rows: pl.DataFrame, classes: Charter, tmp_path: Path
) -> None:
    for outputs in (2, 4):
        (tmp_path / "net.onnx").write_bytes(_network(outputs))
        with pytest.raises(ModelError, match=r"probability for each of small, none, large"):
            _built(classes, rows, tmp_path, tmp_path / "net.onnx")


def test_rows_without_one_of_the_outcomes_are_refused(rows: pl.DataFrame, classes: Charter) -> None:
    valued = valuation(classes.value, classes.data)
    with pytest.raises(DataError, match="holds large, for which"):
        with_outcome(rows.filter(pl.col("came") != "large"), classes, valued)


def test_training_without_an_outcome_can_be_replayed_but_not_packaged(
    rows: pl.DataFrame, classes: Charter
) -> None:
    few = rows.filter(pl.col("came") != "large")
    valued = valuation(classes.value, classes.data)
    model = refit(Recipe("lightgbm", {"n_estimators": 5}), few, classes, valued)
    assert isinstance(model.forecaster, ClassCalibrator)
    p = model.forecast(rows)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert 0 < p[:, 2].max() < 0.05
    with pytest.raises(ModelError, match="No training row has the outcome large"):
        made_from(model, OnnxEngine, {})


def test_a_column_that_gives_one_outcome_away_is_a_leak(
    rows: pl.DataFrame, classes: Charter
) -> None:
    valued = valuation(classes.value, classes.data)
    leaky = rows.with_columns(fee=(pl.col("came") == "none").cast(pl.Float64))
    inputs = (*INPUTS, Input("fee", "number"))
    found = check_quality(leaky, classes, valued, inputs)
    assert "leak fee" in [check.name for check in found.checks if not check.passed]
    assert "leak a" not in [check.name for check in found.checks]


def test_outcomes_may_be_numbers_with_a_point(classes: Charter, rows: pl.DataFrame) -> None:
    value = classes.value.model_copy(
        update={"actions": {"send": {"0": 3, "1": -2, "2": 9}, "rest": 0}}
    )
    numbered = classes.model_copy(update={"value": value})
    frame = rows.with_columns(came=pl.Series(codes(rows).astype(np.float64)))
    valued = valuation(numbered.value, numbered.data)
    assert with_outcome(frame, numbered, valued).height == len(rows)
    half = frame.with_columns(pl.col("came") + pl.Series(np.arange(len(rows)) % 2 / 2))
    with pytest.raises(DataError, match="the value model names outcomes"):
        with_outcome(half, numbered, valued)


def test_a_threshold_on_the_positive_outcome_has_its_curve(
    rows: pl.DataFrame, classes: Charter, tmp_path: Path
) -> None:
    given = classes.model_copy(
        update={
            "data": classes.data.model_copy(update={"positive": "none"}),
            "value": type(classes.value).model_validate(
                {
                    **classes.value.model_dump(mode="json", exclude_defaults=True),
                    "policy": {"kind": "threshold", "action": "rest", "otherwise": "send"},
                }
            ),
        }
    )
    built = _built(given, rows, tmp_path, None)
    found = next(piece for piece in built.evidence if piece.kind == "evaluation")
    assert found.content["value_curve"]["unit"] == "EUR per decision"
    assert "two outcomes only" in found.content["break_even"]["text"]
    assert built.assessment.uplift_per_decision.mean > 0
