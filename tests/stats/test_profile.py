from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.grid import NumberAxis, learn_grid
from assay.stats.profile import SCORE, Profile, Tally, merge, merge_all, profile
from assay.stats.score_table import ScoreTable, score_table

values = st.one_of(
    st.floats(-1e6, 1e6), st.just(float("nan")), st.just(float("inf")), st.just(1e200)
)
rows = st.lists(st.tuples(values, st.sampled_from(["a", "b", "z", ""])), min_size=1, max_size=60)


def _columns(cases: list[tuple[float, str]]) -> dict[str, np.ndarray]:
    return {
        "x": np.array([number for number, _ in cases], dtype=np.float64),
        "c": np.array([text for _, text in cases], dtype=object),
    }


GRID = learn_grid(
    {
        "x": np.random.default_rng(0).normal(0, 1e5, 400),
        "c": np.array(["a", "b"], dtype=object),
    },
    cells=16,
)


@given(rows, st.lists(st.integers(0, 60), max_size=4))
def test_merging_any_partition_gives_the_same_counts(
    cases: list[tuple[float, str]], cuts: list[int]
) -> None:
    whole = profile(_columns(cases), GRID)
    edges = sorted({0, len(cases), *(min(cut, len(cases)) for cut in cuts)})
    parts = [cases[a:b] for a, b in pairwise(edges)]
    merged = merge_all(profile(_columns(part), GRID) for part in parts)
    assert merged.n == whole.n
    for name, tally in whole.features.items():
        other = merged.features[name]
        assert np.array_equal(tally.counts, other.counts)
        assert (tally.least, tally.most) == (other.least, other.most)
        assert np.allclose(tally.sums, other.sums, rtol=1e-9, atol=1e-6)
        assert tally.squares == pytest.approx(other.squares)


@given(rows)
def test_a_profile_comes_back_from_its_document(cases: list[tuple[float, str]]) -> None:
    seen = profile(_columns(cases), GRID)
    text = json.dumps(seen.document(), allow_nan=False)
    back = Profile.from_document(json.loads(text))
    assert back.document() == seen.document()
    assert np.array_equal(back.features["x"].counts, seen.features["x"].counts)


def test_mean_and_variance_keep_their_digits_far_from_zero() -> None:
    column = 1e9 + np.random.default_rng(1).normal(size=5000)
    grid = learn_grid({"x": column})
    tally = profile({"x": column}, grid).features["x"]
    axis = grid.axes["x"]
    assert isinstance(axis, NumberAxis)
    assert tally.mean(axis) - 1e9 == pytest.approx(float((column - 1e9).mean()), abs=1e-6)
    assert tally.variance() == pytest.approx(float(column.var()), rel=1e-6)


def test_an_empty_window_has_a_profile() -> None:
    empty = profile({"x": np.empty(0), "c": np.empty(0, dtype=object)}, GRID)
    assert empty.n == 0
    assert np.isnan(empty.features["x"].variance())
    assert Profile.from_document(empty.document()).features["x"].n == 0


def test_the_score_is_profiled_beside_the_columns() -> None:
    score = np.array([0.1, 0.9])
    grid = learn_grid({"x": np.array([1.0, 2.0]), SCORE: score})
    seen = profile({"x": np.array([1.0, 2.0])}, grid, score)
    assert seen.features[SCORE].n == 2
    assert SCORE not in profile({"x": np.array([1.0, 2.0])}, grid).features


def test_a_column_that_is_not_there_or_of_the_other_kind_is_missing_in_every_row() -> None:
    absent = profile({"x": np.array([1.0, 2.0])}, GRID)
    assert (absent.features["c"].n, absent.features["c"].nulls) == (0, 2)
    text = {"x": np.array(["1", "2"], dtype=object), "c": np.array(["a", "b"], dtype=object)}
    assert profile(text, GRID).features["x"].nulls == 2
    whole = merge(absent, profile(text, GRID))
    assert (whole.n, whole.features["c"].n, whole.features["x"].n) == (4, 2, 2)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        profile({"x": np.array([1.0]), "c": np.array(["a", "b"], dtype=object)}, GRID)


def test_profiles_of_different_features_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="one grid"):
        merge(Profile(0, {}), Profile(0, {"x": Tally(np.zeros(2, dtype=np.int64), np.zeros(2))}))


def test_an_unknown_profile_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format None"):
        Profile.from_document({})


def test_score_tables_travel_with_profiles_and_add_up() -> None:
    table = score_table(
        np.array([0, 1, 1]),
        np.array([0, 1, 1]),
        chance=np.array([[0.7, 0.3], [0.6, 0.4], [0.6, 0.4]]),
        pairs=((0, 0), (1, 0)),
        size=2,
        terms=("amount",),
        values=np.array([[5.0], [10.0], [20.0]]),
        outcomes=np.array([-1, 1, 0]),
    )
    with_scores = Profile(3, {}, table)
    both = merge(with_scores, with_scores)
    assert isinstance(both.scores, ScoreTable)
    assert both.scores.n[0].tolist() == [[2, 0], [0, 4]]
    assert both.scores.sums[0, 0].tolist() == [[10.0, 0.0], [0.0, 60.0]]
    assert both.scores.products[0, 0].tolist() == [[50.0, 0.0], [0.0, 1000.0]]
    assert both.scores.labelled[1, 0].tolist() == [[0, 0], [0, 2]]
    back = Profile.from_document(json.loads(json.dumps(both.document()))).scores
    assert back is not None
    assert back.document() == both.scores.document()
    only_one = merge(with_scores, Profile(0, {})).scores
    assert only_one is table
