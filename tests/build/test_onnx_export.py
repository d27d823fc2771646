"""Packaged models answer as trained ones do, for every family, odd names and spoiled cells."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import onnx
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.candidates import FAMILIES, Recipe, pipeline
from assay.build.columns import infer_inputs, to_columns, to_frame
from assay.build.crossfit import one_thread
from assay.build.onnx_export import SCORE, floored, to_onnx_bytes
from assay.build.raw_scores import raw_scores
from assay.errors import ModelError
from assay.evidence.bundle import Input
from assay.ports.engine import Columns, Floats

Task = Literal["classification", "regression"]


def served(model: bytes, columns: Columns) -> Floats:
    inputs = tuple(
        Input(name, "category" if values.dtype == object else "number")
        for name, values in columns.items()
    )
    return OnnxEngine(model, inputs).score(columns)


def spoiled(columns: Columns) -> Columns:
    random = np.random.default_rng(1)
    changed = {}
    for name, values in columns.items():
        changed[name] = values.copy()
        changed[name][random.random(len(values)) < 0.2] = "" if values.dtype == object else np.nan
        if values.dtype == object:
            changed[name][random.random(len(values)) < 0.2] = "unseen"
    return changed


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_family_is_served_as_trained(
    charter: Any, shop: pl.DataFrame, family: str, task: Task
) -> None:
    # Names that converters and their graphs use themselves, beside dots and blanks.
    frame = shop.rename({"age": "variable", "margin": SCORE, "opened": "label"})
    odd = charter(task, data={"sensitive": []})
    inputs = infer_inputs(frame, odd)
    columns = to_columns(frame, inputs)
    names = [column.name for column in inputs if column.name != SCORE]
    outcomes = (frame["buys"] == "yes").to_numpy() if task == "classification" else frame["sold"]
    recipe = Recipe(family, FAMILIES[family].defaults())
    rows = to_frame({name: columns[name] for name in names})
    with one_thread():
        model = pipeline(recipe, task, columns, names, 7).fit(rows, np.asarray(outcomes))
    content = to_onnx_bytes(model, inputs, names, task)
    assert content == to_onnx_bytes(model, inputs, names, task)
    apart = to_onnx_bytes(model, inputs, names, task, blocks=False)
    domains = [opset.domain for opset in onnx.load_model_from_string(content).opset_import]
    assert domains == sorted(domains, reverse=True), "in any other order bytes change by chance"
    for given_columns in (columns, spoiled(columns)):
        trained = raw_scores(model, to_frame({name: given_columns[name] for name in names}), task)
        scale = np.abs(trained).max()
        np.testing.assert_allclose(
            served(content, given_columns) / scale, trained / scale, atol=1e-5
        )
        assert np.array_equal(served(content, given_columns), served(apart, given_columns))


def test_thresholds_between_neighbouring_numbers_keep_their_side() -> None:
    steps = [np.float32(0.1)]
    for _ in range(40):
        steps.append(np.nextafter(steps[-1], np.float32(1)))
    random = np.random.default_rng(0)
    x = random.choice(np.array(steps), 3000).astype(np.float64)
    y = (x > np.float64(steps[20])).astype(int) ^ (random.random(3000) < 0.1)
    frame = pl.DataFrame({"x": x})
    for family in ("lightgbm", "hist_gradient_boosting"):
        recipe = Recipe(family, FAMILIES[family].defaults())
        with one_thread():
            model = pipeline(recipe, "classification", {"x": x}, ["x"], 0).fit(frame, y)
        content = to_onnx_bytes(model, (Input("x", "number"),), ["x"], "classification")
        np.testing.assert_allclose(
            served(content, {"x": x}), model.predict_proba(frame)[:, 1], atol=1e-6
        )


@given(
    st.floats(-1e30, 1e30),
    st.floats(-(2.0**100), 2.0**100, width=32),
)
def test_a_floored_threshold_decides_alike(threshold: float, x: float) -> None:
    single = floored(np.array([threshold]))[0]
    assert (np.float32(x) <= single) == (x <= threshold)


def test_an_estimator_over_numbers_alone_needs_no_column_transformer() -> None:
    random = np.random.default_rng(0)
    frame = pl.DataFrame({"matrix": random.random(200), "a": random.random(200)})
    target = frame["a"].to_numpy() * 3 + frame["matrix"].to_numpy()
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, target)
    inputs = (Input("a", "number"), Input("unread", "category"), Input("matrix", "number"))
    content = to_onnx_bytes(model, inputs, ["matrix", "a"], "regression")
    columns = {
        "a": frame["a"].to_numpy(),
        "unread": np.full(200, "z", dtype=object),
        "matrix": frame["matrix"].to_numpy(),
    }
    np.testing.assert_allclose(served(content, columns), target, atol=1e-5)


def test_the_positive_outcome_may_be_the_first_class() -> None:
    x = np.linspace(0, 1, 200)
    frame = pl.DataFrame({"x": x})
    model = RandomForestClassifier(5, random_state=0).fit(frame, np.where(x > 0.5, "a", "b"))
    content = to_onnx_bytes(model, (Input("x", "number"),), ["x"], "classification", (0,))
    scores = served(content, {"x": x})
    assert scores[-1] > 0.9
    assert scores[0] < 0.1


def test_what_has_no_counterpart_is_refused() -> None:
    class Odd:
        def predict(self, rows: Any) -> Any:
            return rows

    with pytest.raises(ModelError, match="Odd cannot be converted"):
        to_onnx_bytes(Odd(), (Input("x", "number"),), ["x"], "regression")
    with pytest.raises(ModelError, match="ColumnTransformer"):
        to_onnx_bytes(Odd(), (Input("x", "category"),), ["x"], "regression")
