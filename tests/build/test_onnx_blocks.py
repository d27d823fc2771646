"""A model that takes its columns in blocks scores as with one input each, bit by bit."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.columns import to_columns
from assay.build.onnx_blocks import to_blocks
from assay.build.onnx_export import to_onnx_bytes
from assay.errors import InputError
from assay.evidence.bundle import Input
from assay.evidence.input_blocks import KEY
from assay.ports.column_blocks import ColumnBlocks
from assay.ports.engine import Columns, Engine

NUMBERS, TEXTS = ("age", "net pay", "a.b"), ("job", "last call")
COLUMNS = ("job", "age", "net pay", "last call", "a.b")
INPUTS = (
    *(Input(name, "category" if name in TEXTS else "number") for name in COLUMNS),
    Input("unread", "number"),
    Input("note", "category"),
)
WORDS = ("admin", "retired", "", "é🙂")


def _rows(n: int, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            **{name: random.normal(size=n).astype(np.float32).tolist() for name in NUMBERS},
            "job": random.choice(WORDS, n).tolist(),
            "last call": random.choice(WORDS[:3], n, p=[0.9, 0.08, 0.02]).tolist(),
        }
    ).select(COLUMNS)


def _scaled(*encoded: Any) -> Pipeline:
    parts = [("numbers", StandardScaler(), list(NUMBERS)), *encoded]
    return make_pipeline(ColumnTransformer(parts), LogisticRegression())


def _hot(**settings: Any) -> Pipeline:
    return _scaled(("texts", OneHotEncoder(**settings), list(TEXTS)))


def _ordinal(**settings: Any) -> Pipeline:
    parts = [
        ("whole", SimpleImputer(strategy="median"), ["net pay"]),
        ("gaps", "passthrough", ["a.b", "age"]),
        ("texts", OrdinalEncoder(**settings), list(TEXTS)),
    ]
    return make_pipeline(ColumnTransformer(parts), HistGradientBoostingClassifier(max_iter=9))


def _apart() -> Pipeline:
    hot = OneHotEncoder(handle_unknown="ignore")
    parts = [
        ("job", hot, ["job"]),
        ("one", StandardScaler(), ["a.b"]),
        ("call", hot, ["last call"]),
        ("rest", "passthrough", ["net pay", "age"]),
        ("twice", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["job"]),
    ]
    return make_pipeline(ColumnTransformer(parts), LogisticRegression())


def _nested() -> Pipeline:
    inner = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["net pay", "age"]),
            ("call", OneHotEncoder(handle_unknown="ignore"), ["last call"]),
        ]
    )
    parts = [
        (
            "inner",
            make_pipeline(inner, StandardScaler(with_mean=False)),
            ["age", "net pay", "last call"],
        ),
        ("job", OneHotEncoder(handle_unknown="ignore"), ["job"]),
    ]
    return make_pipeline(ColumnTransformer(parts), LogisticRegression())


_KNOWN = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
_FILLED = make_pipeline(
    SimpleImputer(strategy="most_frequent", missing_values=""),
    OneHotEncoder(handle_unknown="ignore"),
)

LOOKED_UP: dict[str, Any] = {
    "one-hot": lambda: _hot(handle_unknown="ignore"),
    "one-hot, dense": lambda: _hot(handle_unknown="ignore", sparse_output=False),
    "one-hot, first dropped": lambda: _hot(handle_unknown="ignore", drop="first"),
    "one-hot, binary dropped": lambda: _hot(handle_unknown="ignore", drop="if_binary"),
    "one-hot, rare ones joined": lambda: _hot(handle_unknown="ignore", min_frequency=30),
    "one-hot of one text": lambda: _scaled(
        ("texts", OneHotEncoder(handle_unknown="ignore"), ["job"])
    ),
    "codes": lambda: _ordinal(**_KNOWN),
    "codes, none for the unknown": lambda: _ordinal(
        handle_unknown="use_encoded_value", unknown_value=np.nan
    ),
    "codes, unknown not foreseen": _ordinal,
    "target": lambda: _scaled(("texts", TargetEncoder(), list(TEXTS))),
    "in several steps": _apart,
    "nested": _nested,
    "only texts": lambda: make_pipeline(
        ColumnTransformer([("texts", OneHotEncoder(handle_unknown="ignore"), list(TEXTS))]),
        LogisticRegression(),
    ),
    "only numbers": lambda: make_pipeline(
        ColumnTransformer([("numbers", "passthrough", ["net pay", "age"])]),
        RandomForestClassifier(5, max_depth=3, random_state=0),
    ),
}
READ_AS_TEXT: dict[str, Any] = {
    "one-hot, unknown refused": _hot,
    "one-hot, unknown among the rare": lambda: _hot(
        handle_unknown="infrequent_if_exist", min_frequency=30
    ),
    "one-hot, at most two": lambda: _hot(handle_unknown="infrequent_if_exist", max_categories=2),
    "gaps in texts filled": lambda: _scaled(("texts", _FILLED, list(TEXTS))),
}
TASKS: dict[str, Any] = {
    "a regression": lambda: make_pipeline(_hot(handle_unknown="ignore")[0], Ridge()),
    "three classes": lambda: _hot(handle_unknown="ignore"),
}


@cache
def _both(name: str) -> tuple[bytes, bytes]:
    """Return a fitted model that takes columns in blocks, and one by one."""
    rows = _rows(400)
    amount = rows["age"].to_numpy() + (rows["job"] == "admin").to_numpy() + rows["a.b"].to_numpy()
    target: Any = (amount > 0.5).astype(int) + (name == "three classes") * (amount > 1)
    task: Any = "regression" if name == "a regression" else "classification"
    model = (LOOKED_UP | READ_AS_TEXT | TASKS)[name]()
    fitted = model.fit(rows, amount if task == "regression" else target)
    places = (2, 0, 1) if name == "three classes" else (1,)
    one, other = (
        to_onnx_bytes(fitted, INPUTS, COLUMNS, task, places, blocks=blocks)
        for blocks in (True, False)
    )
    return one, other


def _spoiled(n: int, seed: int, *, gaps: bool) -> Columns:
    """Return rows with categories never seen, large numbers, and columns that no model reads."""
    random = np.random.default_rng(seed)
    rows = _rows(n, seed).with_columns(unread=pl.lit(1.0), note=pl.lit("x"))
    columns = {name: values.copy() for name, values in to_columns(rows, INPUTS).items()}
    for values in columns.values():
        hit = random.random(n)
        if values.dtype != object:
            values[hit < 0.2 * gaps] = np.nan
            values[hit > 0.95] *= 1e30
        else:
            values[hit < 0.2] = ""
            values[hit > 0.8] = random.choice(
                ["unseen", "admin ", "adm", "Admin", "é", "a\0", "\0"]
            )
    return columns


def _blocks(columns: Columns) -> ColumnBlocks:
    kinds = {one.name: one.kind for one in INPUTS}
    names = [name for name in columns if kinds[name] == "number"]
    texts = [name for name in columns if kinds[name] == "category"]
    return ColumnBlocks(
        tuple(names),
        np.array([columns[name] for name in names]),
        tuple(texts),
        np.array([columns[name] for name in texts], dtype=object),
    )


def _answer(engine: Engine, columns: Columns) -> list[Any] | str:
    try:
        scores: list[Any] = engine.score(columns).tolist()
    except InputError as error:
        return type(error).__name__
    return scores


def _inputs(model: bytes) -> list[str]:
    return [slot.name for slot in onnx.load_model_from_string(model).graph.input]


@pytest.mark.parametrize("name", [*LOOKED_UP, *READ_AS_TEXT, *TASKS])
def test_scores_are_the_same_bit_by_bit(name: str) -> None:
    one, other = (OnnxEngine(model, INPUTS) for model in _both(name))
    for n, seed in ((1, 1), (1, 2), (2, 3), (7, 4), (40, 5), (700, 6)):
        columns = _spoiled(n, seed, gaps=n > 1)
        expected = _answer(other, columns)
        assert _answer(one, columns) == expected
        assert _answer(one, _blocks(columns)) == expected
        whole = to_columns(_rows(n, seed).with_columns(unread=1.0, note=pl.lit("")), INPUTS)
        expected = other.score(whole).tolist()
        assert one.score(whole).tolist() == expected
        assert one.score(_blocks(whole)).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(0, 10_000), st.sampled_from([*LOOKED_UP, *TASKS]))
def test_scores_are_the_same_for_any_rows(n: int, seed: int, name: str) -> None:
    one, other = (OnnxEngine(model, INPUTS) for model in _both(name))
    columns = _blocks(_spoiled(n, seed, gaps=name.startswith("codes")))
    assert _answer(one, columns) == _answer(other, columns)


@pytest.mark.parametrize("name", [*LOOKED_UP, *TASKS])
def test_no_text_is_left(name: str) -> None:
    slots = _inputs(_both(name)[0])
    assert slots == [
        *(["assay:numbers"] if name != "only texts" else []),
        *(["assay:lookups"] if name != "only numbers" else []),
    ]
    assert len(_inputs(_both(name)[1])) == len(INPUTS)


@pytest.mark.parametrize("name", list(READ_AS_TEXT))
def test_what_is_not_surely_a_lookup_stays_text(name: str) -> None:
    assert set(_inputs(_both(name)[0])) - set(TEXTS) <= {"assay:numbers", "assay:lookups"}
    assert set(_inputs(_both(name)[0])) & set(TEXTS)


def test_a_text_that_only_some_steps_look_up_stays_while_another_goes() -> None:
    model = _scaled(
        ("job", OneHotEncoder(handle_unknown="ignore"), ["job"]),
        ("call", OneHotEncoder(), ["last call"]),
    ).fit(_rows(400), (_rows(400)["age"] > 0).to_numpy())
    pair = [
        to_onnx_bytes(model, INPUTS, COLUMNS, "classification", blocks=blocks)
        for blocks in (True, False)
    ]
    assert _inputs(pair[0]) == ["assay:numbers", "assay:lookups", "last call"]
    one, other = (OnnxEngine(content, INPUTS) for content in pair)
    columns = to_columns(_rows(90).with_columns(unread=1.0, note=pl.lit("")), INPUTS)
    assert one.score(columns).tolist() == other.score(columns).tolist()
    assert one.score(_blocks(columns)).tolist() == other.score(columns).tolist()


def _graph(nodes: list[Any], numbers: list[str], texts: list[str]) -> Any:
    slots = [(name, TensorProto.FLOAT) for name in numbers]
    slots += [(name, TensorProto.STRING) for name in texts]
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in slots],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def _encoder(**values: Any) -> Any:
    return helper.make_node(
        "LabelEncoder", ["t"], ["code"], domain="ai.onnx.ml", keys_strings=["a", "b"], **values
    )


def _of_text(*nodes: Any) -> tuple[list[str], Any]:
    """Return the inputs that a graph over a text `t` has in blocks, and its scores."""
    inputs = (Input("t", "category"),)
    model = _graph(list(nodes), [], ["t"])
    columns = {"t": np.array(["a", "b", "c", ""], dtype=object)}
    before = OnnxEngine(model.SerializeToString(), inputs).score(columns)
    to_blocks(model, inputs)
    after = OnnxEngine(model.SerializeToString(), inputs).score(columns)
    assert after.tolist() == before.tolist()
    return [slot.name for slot in model.graph.input], after.tolist()


_ADD = helper.make_node("Add", ["code", "zero"], ["score"])


def test_a_table_of_numbers_is_looked_up_whatever_it_gives_for_other_texts() -> None:
    values = {"values_floats": [0.1, -3.5e30]}
    slots, scores = _of_text(_encoder(**values, default_float=0.3), _ADD)
    assert slots == ["assay:lookups"]
    assert scores == [float(np.float32(x)) for x in (0.1, -3.5e30, 0.3, 0.3)]
    assert _of_text(_encoder(**values), _ADD)[1][2:] == [0.0, 0.0]


def test_codes_beyond_single_precision_stay_as_they_are() -> None:
    cast = helper.make_node("Cast", ["code"], ["single"], to=TensorProto.FLOAT)
    same = helper.make_node("Add", ["single", "zero"], ["score"])
    found = _of_text(_encoder(values_int64s=[7, 8]), cast, same)
    assert found == (["assay:lookups"], [7, 8, -1, -1])
    assert _of_text(_encoder(values_int64s=[7, 2**25 + 1]), cast, same)[0] == ["t"]


def test_codes_that_are_read_as_whole_numbers_stay_as_they_are() -> None:
    added = helper.make_node("Add", ["code", "code"], ["sum"])
    cast = helper.make_node("Cast", ["sum"], ["score"], to=TensorProto.FLOAT)
    assert _of_text(_encoder(values_int64s=[7, 8]), added, cast)[0] == ["t"]


def test_a_category_that_stands_twice_is_left_to_the_runtime() -> None:
    encoder = helper.make_node(
        "LabelEncoder",
        ["t"],
        ["code"],
        domain="ai.onnx.ml",
        keys_strings=["a", "a"],
        values_floats=[1.0, 2.0],
    )
    assert _of_text(encoder, _ADD)[0] == ["t"]


def test_what_an_inner_graph_reads_is_still_there() -> None:
    inner = [
        helper.make_graph(
            [helper.make_node("Add", [name, name], [f"twice {name}"])],
            name,
            [],
            [helper.make_tensor_value_info(f"twice {name}", TensorProto.FLOAT, [None, 1])],
        )
        for name in ("x", "y")
    ]
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "zero"], ["which"]),
        helper.make_node("If", ["which"], ["score"], then_branch=inner[0], else_branch=inner[1]),
    ]
    inputs = (Input("x", "number"), Input("y", "number"))
    model = _graph(nodes, ["x", "y"], [])
    columns = {"x": np.array([-1.0, -2.0]), "y": np.array([5.0, 6.0])}
    to_blocks(model, inputs)
    assert [slot.name for slot in model.graph.input] == ["assay:numbers"]
    engine = OnnxEngine(model.SerializeToString(), inputs)
    assert engine.score(columns).tolist() == [10.0, 12.0]
    assert engine.score({**columns, "x": np.array([1.0, -2.0])}).tolist() == [2.0, -4.0]


def test_names_that_the_blocks_would_have_are_left_to_the_columns() -> None:
    nodes = [helper.make_node("Sub", ["assay:numbers", "assay:numbers:"], ["score"])]
    inputs = tuple(Input(name, "number") for name in ("assay:numbers", "assay:numbers:"))
    model = _graph(nodes, [one.name for one in inputs], [])
    to_blocks(model, inputs)
    assert [slot.name for slot in model.graph.input] == ["assay:numbers::"]
    engine = OnnxEngine(model.SerializeToString(), inputs)
    columns = {"assay:numbers": np.array([5.0]), "assay:numbers:": np.array([3.0])}
    assert engine.score(columns).tolist() == [2.0]


def test_the_same_model_gives_the_same_bytes_and_keeps_its_versions() -> None:
    rows = _rows(300)
    model = _hot(handle_unknown="ignore").fit(rows, (rows["age"] > 0).to_numpy())
    one = to_onnx_bytes(model, INPUTS, COLUMNS, "classification")
    assert one == to_onnx_bytes(model, INPUTS, COLUMNS, "classification")
    apart = to_onnx_bytes(model, INPUTS, COLUMNS, "classification", blocks=False)
    read, was = (onnx.load_model_from_string(content) for content in (one, apart))
    assert (read.ir_version, read.opset_import) == (was.ir_version, was.opset_import)
    assert [one.key for one in read.metadata_props] == [KEY]
    assert not was.metadata_props
