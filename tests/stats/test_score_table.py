import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.score_cells import crossed_cells, plain_cells
from assay.stats.score_table import ALL, ScoreTable, empty_table, score_table

PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1))
SEGMENTS = (ALL, ("sex", "f"), ("sex", "m"))


def made(seed: int, n: int, rows: slice = slice(None)) -> ScoreTable:
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    columns = {
        "cells": rng.integers(5, size=n),
        "pair": rng.integers(4, size=n),
        "chance": np.column_stack([1 - p, p]),
        "values": rng.integers(-9, 9, size=(n, 2)).astype(float),
        "outcomes": rng.integers(-1, 2, size=n),
        "ripe": rng.random(n) < 0.7,
        "score": p,
        "sex": rng.integers(1, 3, size=n),
    }
    part = {name: column[rows] for name, column in columns.items()}
    return score_table(
        part["cells"],
        part["pair"],
        chance=part["chance"],
        pairs=PAIRS,
        size=5,
        score=part["score"],
        terms=("a", "b"),
        values=part["values"],
        outcomes=part["outcomes"],
        ripe=part["ripe"],
        segments=SEGMENTS,
        memberships=(part["sex"],),
    )


@given(st.integers(0, 1000), st.integers(0, 60), st.lists(st.integers(0, 60), max_size=4))
def test_any_partition_of_the_rows_gives_the_same_table(seed: int, n: int, cuts: list[int]) -> None:
    whole = made(seed, n)
    ends = [0, *sorted(min(cut, n) for cut in cuts), n]
    parts = [made(seed, n, slice(a, b)) for a, b in pairwise(ends)]
    added = empty_table(SEGMENTS, PAIRS, ("a", "b"), 2, 5)
    for part in parts:
        added = added + part
    for name in ("n", "ripe", "labelled", "sums", "products", "ripe_sums", "labelled_sums"):
        assert (getattr(added, name) == getattr(whole, name)).all(), name
    for name in ("score", "chance", "ripe_chance"):
        np.testing.assert_allclose(getattr(added, name), getattr(whole, name), atol=1e-12)


def test_a_row_counts_once_in_all_and_once_in_its_segment() -> None:
    table = made(3, 500)
    assert table.n[0].sum() == 500
    assert (table.n[1] + table.n[2] == table.n[0]).all()
    assert (table.labelled[:, 1] + table.labelled[:, 2] == table.labelled[:, 0]).all()
    assert table.at(("sex", "m")).n.sum() == table.n[2].sum()
    assert table.pooled.segments == (ALL,)


def test_only_outcomes_of_ripe_cases_count() -> None:
    table = made(5, 500)
    assert 0 < table.labelled.sum(axis=0)[0].sum() < table.ripe[0].sum() < 500
    assert (table.labelled.sum(axis=0) <= table.ripe).all()
    assert table.unlabelled().labelled.sum() == 0
    assert table.unlabelled().n.sum() == table.n.sum()


def test_products_are_found_by_their_terms() -> None:
    table = made(7, 50)
    total = table.products[:, 0].sum(axis=(1, 2))
    assert [table.product_of(s, t) for s, t in ((0, 0), (0, 1), (1, 0), (1, 1))] == [0, 1, 1, 2]
    assert total[table.product_of(0, 1)] ** 2 <= total[0] * total[2]


def test_a_table_travels_as_a_document_and_leaves_empty_cells_out() -> None:
    table = made(9, 3)
    document = json.loads(json.dumps(table.document()))
    assert len(document["cells"]) <= 6
    back = ScoreTable.from_document(document)
    assert back.document() == table.document()
    assert (back.labelled_products == table.labelled_products).all()


def test_tables_of_other_segments_add_up_by_name() -> None:
    women, men = made(1, 20).at(1), made(1, 20).at(2)
    both = women + men
    assert both.segments == (ALL,)
    assert (both.n == made(1, 20).n[:1]).all()
    named = made(1, 20) + women
    assert named.segments == SEGMENTS
    assert (named.n[2] == made(1, 20).n[2]).all()


def test_tables_of_different_models_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="different models"):
        _ = made(1, 5) + empty_table(SEGMENTS, PAIRS, ("a", "b"), 2, 6)


def test_each_score_lies_in_a_cell_of_its_own_block() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(1000)
    cuts = np.array([0.25, 0.6])
    cells = plain_cells(np.quantile(scores, np.arange(1, 50) / 50), cuts, np.array([5, 6, 7]))
    assert (cells.block[cells.of(scores)] == np.searchsorted(cuts, scores)).all()
    assert cells.of(np.array([5.0]))[0] == cells.size - 1


def test_crossed_cells_keep_the_block_given() -> None:
    rng = np.random.default_rng(0)
    scores, blocks = rng.random(300), rng.integers(3, size=300)
    cells = crossed_cells(np.linspace(0.01, 0.99, 500), np.array([5, 6, 7]))
    found = cells.of(scores, blocks)
    assert (cells.block[found] == blocks).all()
    assert found.max() < cells.size <= 3 * 64
    with pytest.raises(ValueError, match="give the blocks"):
        cells.of(scores)
