"""The Open Inference Protocol: what is read, and how everything else is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DataError
from assay.evidence.bundle import Input
from assay.gateway.protocol import columns_of, decode_request, encode_error

NUMBER, CATEGORY = Input("x", "number"), Input("x", "category")


def _body(data: Any, datatype: str = "FP64", shape: Any = None, **fields: Any) -> bytes:
    shape = [len(data)] if shape is None else shape
    tensor = {"name": "x", "shape": shape, "datatype": datatype, "data": data}
    return json.dumps({"inputs": [tensor], **fields}).encode()


def _column(data: Any, datatype: str, as_: Input = NUMBER, shape: Any = None) -> list[Any]:
    column = columns_of(decode_request(_body(data, datatype, shape)), [as_])["x"]
    values: list[Any] = column.tolist()
    return values


@pytest.mark.parametrize(
    ("data", "datatype", "shape"),
    [
        ([1, 2.5], "FP64", None),
        ([1, 2.5], "FP16", [2, 1]),
        ([[1], [2.5]], "FP32", [2, 1]),
    ],
)
def test_numbers_come_flat_or_nested(data: Any, datatype: str, shape: Any) -> None:
    assert _column(data, datatype, shape=shape) == [1.0, 2.5]


@pytest.mark.parametrize(
    ("datatype", "good", "bad"),
    [
        ("INT8", [-128, 127], 128),
        ("UINT8", [0, 255], -1),
        ("INT64", [-(2**63), 2**63 - 1], 2**63),
        ("UINT64", [0, 2**64 - 1], 2**64),
        ("BOOL", [True, False], 1),
        ("INT32", [1], 1.5),
        ("INT32", [1], None),
        ("UINT16", [1], True),
        ("FP64", [1], "1"),
        ("FP64", [1], True),
        ("FP64", [1], 10**400),
    ],
)
def test_data_must_fit_their_datatype(datatype: str, good: list[Any], bad: Any) -> None:
    assert _column(good, datatype) == [float(value) for value in good]
    with pytest.raises(DataError, match="Input x"):
        _column([*good, bad], datatype)


def test_missing_values_are_null() -> None:
    assert np.isnan(_column([None], "FP64")).all()
    assert _column([None, "a"], "BYTES", CATEGORY) == ["", "a"]


def test_booleans_are_numbers_or_texts_as_the_model_has_them() -> None:
    assert _column([True], "BOOL", NUMBER) == [1.0]
    assert _column([True, False], "BOOL", CATEGORY) == ["true", "false"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "no inference request"),
        (b"\xff\xfe", "no inference request"),
        (b"[" * 50_000, "no inference request"),
        (b'{"inputs": ' + b"[" * 50_000, "no inference request"),
        (b"[]", "no inference request"),
        (b"{}", "inputs"),
        (b'{"inputs": []}', "no inputs"),
        (b'{"inputs": [], "id": 7}', r"\$\.id"),
        (b'{"inputs": [{"name": "x"}]}', "shape"),
        (_body([1e300], "FP64").replace(b"1e+300", b"1e999"), "out of range"),
        (_body([1], "FP63"), "datatype 'FP63'"),
        (_body([1], "BYTES"), "must be FP64"),
        (_body([1], shape=[2]), "must agree"),
        (_body([1], shape=[-1]), "shape"),
        (_body([1], shape=[1, 2]), "shape"),
        (_body([1], shape=[1, 1, 1]), "shape"),
        (_body([1], shape=[]), "shape"),
        (_body([], shape=[0]), "0 rows"),
        (_body([1], shape=[10**30]), "rows"),
        (_body([[1, 2]], shape=[1, 1]), "other size"),
        (_body([[1]], shape=[1]), "a list of 1|row 0"),
        (_body([[[1]]], shape=[1, 1]), "a list of 1|row 0"),
        (_body([{"a": 1}]), "an object"),
        (_body([1], id="x" * 201), "200 characters"),
        (_body([1], parameters={"entity": ["a", "b"]}), "2 entities for 1 rows"),
        (_body([1], parameters={"entity": [None]}), "An entity is null"),
        (_body([1], parameters={"entity": True}), "An entity is True"),
        (_body([1], parameters={"entity": 1.5}), r"An entity is 1\.5"),
        (_body([1], parameters={"entity": ""}), "1 to 1000"),
        (_body([1], parameters={"entity": "x" * 1001}), "1 to 1000"),
        (_body([1], parameters={"entity": {"a": 1}}), "an object"),
        (_body([1], parameters=[]), r"\$\.parameters"),
        (_body([1], outputs=["decision"]), r"\$\.outputs"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, text: str) -> None:
    with pytest.raises(DataError, match=text):
        columns_of(decode_request(body), [NUMBER])


def test_every_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="lacks the inputs b, c; it has x"):
        columns_of(decode_request(_body([1])), [NUMBER, Input("b", "number")], frozenset({"c"}))


def test_a_name_given_twice_and_unequal_lengths_are_refused() -> None:
    tensor = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}
    longer = {"name": "y", "shape": [2], "datatype": "FP64", "data": [1, 2]}
    with pytest.raises(DataError, match="same name"):
        decode_request(json.dumps({"inputs": [tensor, tensor]}).encode())
    with pytest.raises(DataError, match="x has 1, y has 2"):
        decode_request(json.dumps({"inputs": [tensor, longer]}).encode())
    short = {**tensor, "name": "z", "shape": [3]}
    with pytest.raises(DataError, match=r"Input z has shape \[3\] and 1 values"):
        decode_request(json.dumps({"inputs": [tensor, short]}).encode())


@pytest.mark.parametrize(
    ("given", "expected"), [("ana", "ana"), (17, "17"), (17.0, "17"), (["b"], "b"), ("é", "é")]
)
def test_an_entity_is_named_by_text_or_whole_number(given: Any, expected: str) -> None:
    request = decode_request(_body([1], parameters={"entity": given}))
    assert request.entities == (expected,)


def test_an_entity_comes_from_its_column_where_no_parameter_names_it() -> None:
    assert decode_request(_body([3, 4], "INT64"), "x").entities == ("3", "4")
    assert decode_request(_body([3.0, 4.0]), "x").entities == ("3", "4")
    assert decode_request(_body(["a"], "BYTES"), "x").entities == ("a",)
    assert decode_request(_body([3]), "y").entities is None
    with pytest.raises(DataError, match="An entity is nan"):
        decode_request(_body([None]), "x")


def test_an_empty_id_is_none_at_all() -> None:
    assert decode_request(_body([1], id="")).id is None


def test_an_error_is_json_whatever_its_text() -> None:
    assert json.loads(encode_error("a\ud800\x00é")) == {"error": "a?\x00é"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
tensors = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["x", "y"]) | json_values,
        "shape": st.sampled_from([[1], [2], [1, 1]]) | json_values,
        "datatype": st.sampled_from(["FP64", "BYTES", "INT8", "BOOL"]) | json_values,
        "data": st.lists(st.integers() | st.none() | st.text(max_size=3), max_size=2) | json_values,
    }
)
bodies = st.fixed_dictionaries(
    {"inputs": st.lists(tensors, max_size=2) | json_values},
    optional={
        "id": st.text(max_size=5) | json_values,
        "parameters": st.fixed_dictionaries({"entity": json_values}) | json_values,
        "outputs": json_values,
    },
)


@given(body=st.binary(max_size=60) | (bodies | json_values).map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for entity in (None, "x"):
        with suppress(DataError):
            columns_of(decode_request(body, entity), [NUMBER], frozenset({"y"}))
