"""Input columns: which, of what kind, and as the served model sees them."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.build.columns import infer_inputs, kind_of, to_columns, to_frame
from assay.errors import DataError
from assay.evidence.bundle import Input


def test_features_leave_out_what_a_decision_cannot_know(charter: Any, shop: pl.DataFrame) -> None:
    inputs = infer_inputs(shop, charter())
    assert {column.name: column.kind for column in inputs} == {
        "age": "number",
        "n.visits": "number",
        "spent so far": "number",
        "region": "category",
        "opened": "category",
        "margin": "number",
    }


def test_columns_that_payoffs_read_are_inputs_though_ignored(
    charter: Any, shop: pl.DataFrame
) -> None:
    given = charter(data={"ignore": ["day", "customer", "margin"]})
    names = [column.name for column in infer_inputs(shop, given, {"margin"})]
    assert "margin" in names
    assert "day" not in names


def test_a_payoff_on_a_date_is_refused(charter: Any, shop: pl.DataFrame) -> None:
    with pytest.raises(DataError, match="reads column day"):
        infer_inputs(shop, charter(), {"day"})


def test_no_column_left_is_refused(charter: Any) -> None:
    with pytest.raises(DataError, match="No column is left"):
        infer_inputs(pl.DataFrame({"buys": ["yes"], "day": [date(2024, 1, 1)]}), charter())


def test_missing_values_and_single_precision() -> None:
    frame = pl.DataFrame(
        {"n": [0.1, None, float("inf")], "c": ["a", None, ""], "b": [True, False, None]}
    )
    inputs = (Input("n", "number"), Input("c", "category"), Input("b", "category"))
    columns = to_columns(frame, inputs)
    assert columns["n"][0] == float(np.float32(0.1))
    assert np.isnan(columns["n"][1:]).all()
    assert columns["c"].tolist() == ["a", "", ""]
    assert columns["b"].tolist() == ["true", "false", ""]
    assert to_frame(columns).schema == {"n": pl.Float64, "c": pl.String, "b": pl.String}


def test_a_column_of_nothing_takes_the_kind_it_is_wanted_as() -> None:
    empty = pl.DataFrame({"c": [None, None]})
    assert to_columns(empty, (Input("c", "category"),))["c"].tolist() == ["", ""]
    assert np.isnan(to_columns(empty, (Input("c", "number"),))["c"]).all()


def test_missing_and_mistyped_columns_are_named() -> None:
    frame = pl.DataFrame({"n": ["x"]})
    with pytest.raises(DataError, match="no column absent"):
        to_columns(frame, (Input("absent", "number"),))
    with pytest.raises(DataError, match="reads it as a number"):
        to_columns(frame, (Input("n", "number"),))


def test_kinds() -> None:
    assert kind_of(pl.Categorical()) == "category"
    assert kind_of(pl.Decimal(10, 2)) == "number"
    assert kind_of(pl.List(pl.Int8)) is None
