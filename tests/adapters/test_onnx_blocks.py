"""The engine with columns in blocks: what it is fed, and metadata that lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from assay.adapters import onnx_lookups
from assay.adapters.onnx_engine import OnnxEngine
from assay.adapters.onnx_lookups import block_of_lookups
from assay.errors import DataError, ModelError
from assay.evidence.bundle import Input
from assay.evidence.input_blocks import KEY, InputBlocks, Lookup
from assay.ports.column_blocks import ColumnBlocks

INPUTS = (Input("job", "category"), Input("age", "number"), Input("pay", "number"))
BLOCKS = InputBlocks(
    INPUTS,
    (Lookup("job", ("a", "b")), Lookup("job", ("b", ""), (0.5, None), -1.0)),
    "numbers",
    "lookups",
)


def _model(metadata: str | None = None, numbers: int = 2, lookups: int = 3) -> bytes:
    """Return a model whose three scores are the sum of numbers, and the second and third lookup."""
    kind = TensorProto.FLOAT
    nodes = [
        helper.make_node("ReduceSum", ["numbers", "one"], ["sum"], keepdims=1),
        helper.make_node("Gather", ["lookups", "places"], ["found"], axis=1),
        helper.make_node("Concat", ["sum", "found"], ["scores"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "blocks",
        [
            helper.make_tensor_value_info("numbers", kind, [None, numbers]),
            helper.make_tensor_value_info("lookups", kind, [None, lookups]),
        ],
        [helper.make_tensor_value_info("scores", kind, [None, 3])],
        [
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("places", TensorProto.INT64, [2], [1, 2]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, {KEY: BLOCKS.document() if metadata is None else metadata})
    raw: bytes = model.SerializeToString()
    return raw


def _columns(jobs: list[Any], ages: list[float]) -> dict[str, Any]:
    values = {"age": np.array(ages), "pay": np.ones(len(ages))}
    return {"job": np.array(jobs, dtype=object), **values}


def _blocks(columns: dict[str, Any]) -> ColumnBlocks:
    numbers = np.array([columns["age"], columns["pay"]])
    return ColumnBlocks(("age", "pay"), numbers, ("job",), np.array([columns["job"]]))


@pytest.mark.parametrize("of", [dict, _blocks])
def test_numbers_and_lookups_reach_the_model(of: Callable[[Any], Any]) -> None:
    engine = OnnxEngine(_model(), INPUTS)
    found = engine.score(of(_columns(["a", "b", "c"], [1.0, 2.0, 3.0])))
    assert found.tolist() == [[2.0, 0.0, -1.0], [3.0, 1.0, 0.5], [4.0, 0.0, -1.0]]
    assert engine.score(of(_columns(["b"], [7.0]))).tolist() == [[8.0, 1.0, 0.5]]


def test_columns_that_no_input_takes_are_left_alone() -> None:
    engine = OnnxEngine(_model(), (Input("note", "category"), *INPUTS, Input("fee", "number")))
    columns = {**_columns(["b"], [7.0]), "note": np.array([""]), "fee": np.array([np.inf])}
    assert engine.score(columns).tolist() == [[8.0, 1.0, 0.5]]


@pytest.mark.parametrize("of", [dict, _blocks])
@pytest.mark.parametrize("rows", [1, 2, 9, 3_000])
def test_a_missing_value_makes_no_score_and_a_number_too_large_is_named(
    of: Callable[[Any], Any], rows: int
) -> None:
    engine = OnnxEngine(_model(), INPUTS)
    columns = _columns(["a"] * rows, [1.0] * rows)
    columns["job"][-1] = ""
    with pytest.raises(DataError, match=f"no finite score for row {rows - 1}:"):
        engine.score(of(columns))
    columns["job"][-1] = "a"
    for number in (1e39, -1e300, np.inf):
        columns["age"][-1] = number
        with pytest.raises(DataError, match=f"Column age, row {rows - 1}: .* is beyond"):
            engine.score(of(columns))
    columns["age"][-1] = float(np.finfo(np.float32).max)
    assert engine.score(of(columns))[-1, 0] == columns["age"][-1]


@pytest.mark.parametrize("rows", [1, 2, 500])
def test_text_that_is_none_is_refused_and_what_is_no_text_is_taken_as_its_text(rows: int) -> None:
    engine = OnnxEngine(_model(), INPUTS)
    with pytest.raises(DataError, match="cannot score"):
        engine.score(_columns(["\ud800"] * rows, [1.0] * rows))
    with pytest.raises(DataError, match="cannot score"):
        engine.score(_columns([["a"]] * rows + [[]], [1.0] * (rows + 1)))
    assert engine.score(_columns([None] * rows, [1.0] * rows))[:, 2].tolist() == [-1.0] * rows


def test_columns_of_unequal_length_are_refused() -> None:
    engine = OnnxEngine(_model(), INPUTS)
    columns = _columns(["a"], [1.0])
    for changed in ({"age": np.zeros(2)}, {"job": np.array(["a", "b"], dtype=object)}):
        with pytest.raises(DataError, match="cannot score"):
            engine.score({**columns, **changed})


_WORDS = st.text(max_size=3)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.lists(_WORDS, unique=True, min_size=1), st.booleans())
    ),
    st.integers(1, 300),
    st.integers(0, 1_000),
    st.booleans(),
)
def test_narrow_and_wide_lookups_fill_the_same_block(
    shape: list[tuple[int, list[str], bool]], n: int, seed: int, in_order: bool
) -> None:
    random = np.random.default_rng(seed)
    names = ["x", "y", "z"]
    if in_order:
        shape = [(place, words, hot) for place, (_, words, hot) in enumerate(shape[:3])]
        names = names[: len(shape)]
    lookups = [
        Lookup(names[at], tuple(words), None if hot else tuple(random.normal(size=len(words))), 0.5)
        for at, words, hot in shape
    ]
    words = sorted({word for _, some, _ in shape for word in some} | {"?"})
    texts = random.choice(np.array(words, dtype=object), (len(names), n))
    expected = np.zeros((n, sum(one.width for one in lookups)), dtype=np.float32)
    for row in range(n):
        expected[row] = [
            cell for one in lookups for cell in _cells(one, texts[names.index(one.column), row])
        ]
    for most in (0, 1 << 18):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(onnx_lookups, "_MOST_NARROW", most)
            patched.setattr(onnx_lookups, "_ROWS_AT_ONCE", 50)
            assert np.array_equal(block_of_lookups(lookups, names)(texts), expected)


def _cells(lookup: Lookup, text: str) -> list[Any]:
    if lookup.values is None:
        return [float(text == name) for name in lookup.categories]
    return [dict(zip(lookup.categories, lookup.values, strict=True)).get(text, lookup.otherwise)]


def _changed(**fields: Any) -> str:
    return json.dumps(json.loads(BLOCKS.document()) | fields)


_JOB = {"column": "job", "categories": ["a", "b", "c"]}
LIES = {
    "no JSON": ("{", "do not say how"),
    "nothing": ("", "do not say how"),
    "a list": ("[]", "do not say how"),
    "no Unicode": ('"\\ud800"', "do not say how"),
    "very deep": ("[" * 100_000, "do not say how"),
    "fields of its own": (_changed(more=1), "do not say how"),
    "a number as a column": (_changed(lookups=[{"column": 7, "categories": []}]), "do not say how"),
    "another format": (_changed(format=2), "have format 2"),
    "no format that there is": (_changed(format=-1), "have format -1"),
    "too few lookups": (_changed(lookups=[]), "inputs are .*lookups .n x 3 floats.*lookups .n x 0"),
    "a huge width": (
        _changed(lookups=[{"column": "job", "categories": [str(n) for n in range(99_999)]}]),
        "n x 99999",
    ),
    "too many numbers": (
        _changed(
            inputs=[*json.loads(BLOCKS.document())["inputs"], {"name": "x", "kind": "number"}]
        ),
        "numbers .n x 3",
    ),
    "a slot that is none": (_changed(number_slot="other"), "other .n x 2"),
    "one slot for both": (_changed(number_slot="lookups"), "do not fit"),
    "no slot for lookups": (_changed(lookup_slot=None), "do not fit"),
    "a column twice": (
        _changed(
            inputs=[{"name": "age", "kind": "number"}] * 2 + [{"name": "job", "kind": "category"}]
        ),
        "column age stands in it twice",
    ),
    "a number looked up": (_changed(lookups=[{**_JOB, "column": "age"}]), "age is looked up"),
    "an unknown column looked up": (_changed(lookups=[{**_JOB, "column": "x"}]), "x is looked up"),
    "a category twice": (
        _changed(lookups=[{"column": "job", "categories": ["a", "a", "b"]}]),
        "a category of job stands in it twice",
    ),
    "values that lack": (
        _changed(lookups=[_JOB, {**_JOB, "values": [1.0]}]),
        "job has 3 categories and 1 values",
    ),
}


@pytest.mark.parametrize("name", list(LIES))
def test_metadata_that_lie_are_refused(name: str) -> None:
    document, text = LIES[name]
    with pytest.raises(ModelError, match=text) as found:
        OnnxEngine(_model(document), INPUTS)
    assert len(str(found.value)) < 1_000
    assert "Package it anew" in str(found.value)


def test_a_signature_without_a_column_is_refused() -> None:
    for inputs in (INPUTS[:2], (*INPUTS[:2], Input("pay", "category"))):
        with pytest.raises(ModelError, match=r"signature lacks pay \(number\)"):
            OnnxEngine(_model(), inputs)


def test_a_model_of_other_widths_than_it_says_is_refused() -> None:
    for model in (_model(numbers=3), _model(lookups=4)):
        with pytest.raises(ModelError, match="do not fit"):
            OnnxEngine(model, INPUTS)
