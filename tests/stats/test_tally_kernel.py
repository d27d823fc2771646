"""The compiled loops count as numpy does and as plain Python does, whatever the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from assay.stats import tally_kernel
from assay.stats.coded import Coded, coded
from assay.stats.grid import LARGEST, CategoryAxis, NumberAxis, learn_grid
from assay.stats.profile import SCORE, merge_all, profile
from assay.stats.tally_kernel import CategoryTallies, NumberTallies, cells_of, compiled, runs_of
from assay.stats.tally_loops import LOOPS, key_of, keys_of

Floats = NDArray[np.float64]

ODD = [0.0, -0.0, np.nan, np.inf, -np.inf, LARGEST, -LARGEST, 2 * LARGEST, 5e-324, 1e-300, 1.5]

numbers = st.one_of(
    st.sampled_from(ODD), st.floats(width=64), st.integers(-4, 4).map(float), st.floats(-3, 3)
)
columns = arrays.arrays(np.float64, st.integers(0, 60), elements=numbers)


def axis_of(reference: Floats, cells: int = 16) -> NumberAxis:
    axis = learn_grid({"x": reference}, cells=cells).axes["x"]
    assert isinstance(axis, NumberAxis)
    return axis


def test_the_loops_are_compiled_here() -> None:
    assert compiled() is not None


@settings(max_examples=300)
@given(columns, columns, st.integers(1, 40))
def test_cells_are_those_of_a_binary_search(reference: Floats, values: Floats, cells: int) -> None:
    axis = axis_of(reference, cells)
    ties = np.concatenate([values, axis.edges, np.nextafter(axis.edges, np.inf)])
    assert cells_of(axis, ties).tolist() == axis.cells(ties).tolist()


@settings(max_examples=200)
@given(columns, columns, st.data())
def test_numbers_are_counted_as_numpy_counts_them(
    reference: Floats, values: Floats, data: st.DataObject
) -> None:
    axis = axis_of(reference)
    windows = data.draw(arrays.arrays(np.int64, len(values), elements=st.integers(0, 2)))
    fast, slow = NumberTallies(axis, 3), NumberTallies(axis, 3, slowly=True)
    with np.errstate(over="ignore", invalid="ignore"):
        for found in (fast, slow):
            found.add(values, runs_of(windows))
    assert fast.counts.tolist() == slow.counts.tolist()
    np.testing.assert_allclose(fast.sums, slow.sums, rtol=1e-9, atol=1e-9 * LARGEST**0)
    np.testing.assert_allclose(fast.spans[:, 0], slow.spans[:, 0], rtol=1e-9)
    assert fast.spans[:, 1:].tolist() == slow.spans[:, 1:].tolist()


@pytest.mark.parametrize(
    "reference",
    [
        np.random.default_rng(0).normal(size=70_000),
        np.random.default_rng(1).pareto(0.7, 70_000),
        np.random.default_rng(2).standard_cauchy(70_000) * 1e-6 + 1e6,
        np.random.default_rng(3).integers(0, 90, 70_000).astype(np.float64),
        np.full(100, 7.0),
    ],
    ids=["normal", "pareto", "cauchy far from zero", "whole", "constant"],
)
def test_many_values_of_many_shapes_fall_where_they_should(reference: Floats) -> None:
    axis = axis_of(reference, 512)
    values = np.concatenate([reference * 1.3, reference, -reference, axis.edges, ODD])
    assert np.array_equal(cells_of(axis, values), axis.cells(values))


@given(st.lists(st.sampled_from(["a", "b", "c", "strange", "", None]), max_size=40), st.data())
def test_categories_are_counted_as_numpy_counts_them(
    values: list[str | None], data: st.DataObject
) -> None:
    axis = CategoryAxis(("a", "b", "c"))
    column = np.array(values, dtype=object)
    windows = data.draw(arrays.arrays(np.int64, len(values), elements=st.integers(0, 1)))
    fast, slow = CategoryTallies(axis, 2), CategoryTallies(axis, 2, slowly=True)
    for found in (fast, slow):
        found.add(coded(column), runs_of(windows))
    want = np.zeros((2, axis.size), dtype=np.int64)
    np.add.at(want, (windows, axis.cells(column)), 1)
    assert fast.counts.tolist() == slow.counts.tolist() == want.tolist()


@given(columns, columns)
def test_the_loops_do_what_their_python_source_does(reference: Floats, values: Floats) -> None:
    axis = axis_of(reference)
    found, runs = NumberTallies(axis, 1), runs_of(np.zeros(len(values), dtype=np.int64))
    found.add(values, runs)
    counts = np.zeros(axis.size, dtype=np.int64)
    sums, spans = np.zeros(axis.size), np.array([0.0, np.inf, -np.inf])
    loop: Any = LOOPS["count_numbers"][0]
    start = tally_kernel._axis(axis)
    with np.errstate(all="ignore"):
        loop(values, *runs.parts, *start[:4], np.uint64(axis.size), *start[5:], counts, sums, spans)
    assert found.counts[0].tolist() == counts.tolist()
    assert found.sums[0].tolist() == sums.tolist()
    assert found.spans[0].tolist() == spans.tolist()


@given(arrays.arrays(np.float64, 20, elements=st.floats(-1e140, 1e140)), st.floats(1e-10, 1e150))
def test_keys_never_fall(deviations: Floats, inverse: float) -> None:
    keys = keys_of(np.sort(deviations), inverse)
    assert (np.diff(keys) >= 0).all()
    assert keys.tolist() == [int(key_of(d, inverse)) for d in np.sort(deviations)]


@settings(max_examples=60)
@given(columns, st.lists(st.sampled_from("abc"), min_size=60, max_size=60), st.data())
def test_any_partition_of_the_rows_gives_the_same_counts(
    values: Floats, words: list[str], data: st.DataObject
) -> None:
    rows: dict[str, NDArray[Any]] = {"x": values, "c": np.array(words[: len(values)], dtype=object)}
    grid = learn_grid({"x": np.linspace(-3, 3, 50), "c": np.array(["a", "b"], dtype=object)})
    part = data.draw(arrays.arrays(np.int64, len(values), elements=st.integers(0, 3)))
    whole = profile(rows, grid)
    parts = [profile({name: c[part == k] for name, c in rows.items()}, grid) for k in range(4)]
    merged = merge_all(parts)
    assert merged.n == whole.n
    for name, tally in whole.features.items():
        assert merged.features[name].counts.tolist() == tally.counts.tolist()
        ends = (merged.features[name].least, merged.features[name].most)
        assert ends == (tally.least, tally.most)


def test_a_large_profile_counts_as_a_small_one_does() -> None:
    rng = np.random.default_rng(0)
    rows: dict[str, NDArray[Any]] = {
        "x": rng.normal(size=150_000),
        "c": rng.choice(["a", "b", ""], 150_000).astype(object),
    }
    grid = learn_grid({**rows, SCORE: rows["x"]})
    large = profile(rows, grid, rows["x"])
    pieces = [{name: c[k::5] for name, c in rows.items()} for k in range(5)]
    small = merge_all([profile(one, grid, one["x"]) for one in pieces])
    for name, tally in large.features.items():
        assert tally.counts.tolist() == small.features[name].counts.tolist()


def test_coded_text_is_a_column() -> None:
    column = np.array(["a", "b", "", None, "new"], dtype=object)
    grid = learn_grid({"c": np.array(["a", "b"], dtype=object)})
    given_as_codes = profile({"c": coded(column)}, grid)  # type: ignore[dict-item]
    assert given_as_codes.features["c"].counts.tolist() == [1, 1, 1, 2]
    assert Coded(np.array([1, 0], dtype=np.uint32), ("x", None)).decoded().tolist() == [None, "x"]


def test_where_the_compiler_is_missing_numpy_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = axis_of(np.linspace(0, 1, 50))
    values = np.array([0.2, 0.5, np.nan, 3.0])
    compiled_cells = cells_of(axis, values)
    monkeypatch.setattr(tally_kernel, "compiled", lambda: None)
    assert cells_of(axis, values).tolist() == compiled_cells.tolist()
    found = NumberTallies(axis, 1)
    found.add(values, runs_of(np.zeros(4, dtype=np.int64)))
    assert found.counts[0].sum() == 4
