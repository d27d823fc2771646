from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.grid import CategoryAxis, Grid, NumberAxis, learn_grid

numbers = st.lists(
    st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=1, max_size=200
)


@given(numbers, numbers)
def test_every_number_falls_into_exactly_one_cell(learned: list[float], seen: list[float]) -> None:
    axis = learn_grid({"x": np.array(learned)}, cells=16).axes["x"]
    cells = axis.cells(np.array(seen))
    assert cells.min() >= 0
    assert cells.max() < axis.size


@given(numbers)
def test_cells_keep_the_order_of_numbers(learned: list[float]) -> None:
    axis = learn_grid({"x": np.array(learned)}, cells=8).axes["x"]
    usable = np.sort(np.array([value for value in learned if abs(value) <= 1e140]))
    assert np.all(np.diff(axis.cells(usable)) >= 0)


def test_few_values_get_a_cell_each_and_strangers_are_told_apart() -> None:
    axis = learn_grid({"x": np.array([3, 1, 2, 2])}).axes["x"]
    values = np.array([0.0, 1, 1.5, 2, 3, 4, np.nan, np.inf])
    assert axis.cells(values).tolist() == [0, 1, 2, 3, 5, 6, 7, 7]


def test_many_values_get_quantile_cells_of_even_size() -> None:
    values = np.random.default_rng(0).lognormal(size=50_000)
    axis = learn_grid({"x": values}).axes["x"]
    shares = np.bincount(axis.cells(values), minlength=axis.size) / len(values)
    assert shares.max() < 1.5 / 512
    assert shares[0] == shares[-1] == shares[-2] == 0


def test_a_column_without_a_value_has_an_axis_of_its_own() -> None:
    axis = learn_grid({"x": np.array([np.nan, np.nan])}).axes["x"]
    assert axis.cells(np.array([np.nan, 1.0])).tolist() == [1, 0]


def test_categories_count_others_and_missing_ones_apart() -> None:
    axis = learn_grid({"c": np.array(["b", "a", "", "b"], dtype=object)}).axes["c"]
    assert isinstance(axis, CategoryAxis)
    seen = np.array(["a", "b", "z", "", None], dtype=object)
    assert axis.cells(seen).tolist() == [0, 1, 2, 3, 3]


def test_too_many_categories_keep_the_common_ones() -> None:
    rare = [f"r{i}" for i in range(1500)]
    axis = learn_grid({"c": np.array([*rare, *["common"] * 9], dtype=object)}).axes["c"]
    assert isinstance(axis, CategoryAxis)
    assert len(axis.values) == 1000
    assert "common" in axis.values


def test_booleans_and_whole_numbers_are_numbers() -> None:
    grid = learn_grid({"b": np.array([True, False]), "i": np.array([1, 2])})
    assert all(isinstance(axis, NumberAxis) for axis in grid.axes.values())


@given(numbers)
def test_a_grid_comes_back_from_its_document(learned: list[float]) -> None:
    grid = learn_grid({"x": np.array(learned), "c": np.array(["a", "b"], dtype=object)}, cells=8)
    text = json.dumps(grid.document(), allow_nan=False)
    back = Grid.from_document(json.loads(text))
    assert back.document() == grid.document()


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 9"):
        Grid.from_document({"format": 9, "axes": {}})
