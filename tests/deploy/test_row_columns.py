"""Rows in every form that programs have them in."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.deploy.row_columns import Kinds, columns_of
from assay.errors import DataError

_KINDS: Kinds = {"age": "number", "job": "category"}


class _Frame:
    """What all data frames have in common."""

    def __init__(self, **columns: Any) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]


class _Gone:
    """A sign for missing as pandas has it: comparing it tells nothing."""

    def __eq__(self, other: object) -> Any:
        return self

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


_FORMS: dict[str, Any] = {
    "dict": {"age": [31, None, 40.5], "job": ["nurse", None, ""], "more": [1, 2, 3]},
    "dict of arrays": {
        "age": np.array([31, np.nan, 40.5]),
        "job": np.array(["nurse", None, np.nan], dtype=object),
    },
    "dicts": [{"age": 31, "job": "nurse"}, {"age": None}, {"age": 40.5, "job": float("nan")}],
    "polars": pl.DataFrame({"age": [31, None, 40.5], "job": ["nurse", None, ""]}, strict=False),
    "like pandas": _Frame(
        age=np.array([np.float64(31), _Gone(), 40.5], dtype=object),
        job=np.array(["nurse", _Gone(), None], dtype=object),
    ),
    "named fields": np.array(
        [(31.0, "nurse"), (np.nan, ""), (40.5, "")], dtype=[("age", "f8"), ("job", "U9")]
    ),
    "matrix": np.array([[31, "nurse"], [None, None], [40.5, ""]], dtype=object),
}


@pytest.mark.parametrize("form", list(_FORMS))
def test_every_form_gives_the_same_columns(form: str) -> None:
    columns = columns_of(_FORMS[form], _KINDS)
    assert list(columns) == ["age", "job"]
    np.testing.assert_array_equal(columns["age"], [31.0, np.nan, 40.5])
    assert columns["age"].dtype == np.float64
    assert columns["job"].tolist() == ["nurse", "", ""]
    assert columns["job"].dtype == object


def test_pandas_frames_are_rows() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "age": pandas.array([31, None], dtype="Int64"),
            "job": pandas.Series(["nurse", None], dtype="category"),
        }
    )
    columns = columns_of(frame, _KINDS)
    np.testing.assert_array_equal(columns["age"], [31.0, np.nan])
    assert columns["job"].tolist() == ["nurse", ""]


def test_booleans_are_numbers_or_texts_and_an_open_kind_takes_what_comes() -> None:
    columns = columns_of({"a": [True, False], "b": [True, None]}, {"a": "number", "b": "category"})
    assert columns["a"].tolist() == [1.0, 0.0]
    assert columns["b"].tolist() == ["true", ""]
    open_ = columns_of({"a": [1, None], "b": ["x", None]}, {"a": None, "b": None})
    np.testing.assert_array_equal(open_["a"], [1.0, np.nan])
    assert open_["b"].tolist() == ["x", ""]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({"agee": [1], "job": ["a"]}, "did you mean `agee`"),
        ({"age": [1, 2], "job": ["a"]}, "different lengths"),
        ({"age": ["old"], "job": ["a"]}, "read as a number"),
        ({"age": [1], "job": [7]}, "is a category"),
        ({"age": [[1]], "job": ["a"]}, "shape"),
        ({"age": [10**400], "job": ["a"]}, "read as a number, and holds '1000"),
        ({"age": np.array(["2020-01-01"], "M8[D]"), "job": ["a"]}, "and holds '2020-01-01'"),
        (np.ones((2, 3)), "has no names"),
        ("age", "cannot be read from str"),
        (7, "cannot be read from int"),
    ],
)
def test_what_cannot_be_read_is_said(rows: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        columns_of(rows, _KINDS)


def test_texts_of_numbers_are_numbers_as_a_csv_file_has_them() -> None:
    rows = list(csv.DictReader(io.StringIO("age,job\n31,nurse\n,\n 40.5 ,cook\n")))
    columns = columns_of(rows, _KINDS)
    np.testing.assert_array_equal(columns["age"], [31.0, np.nan, 40.5])
    assert columns["job"].tolist() == ["nurse", "", "cook"]
    with pytest.raises(DataError, match=r"holds 'old'\. Give numbers") as caught:
        columns_of([{"age": "31", "job": "a"}, {"age": "old", "job": "a"}], _KINDS)
    assert "<U" not in str(caught.value)
