"""Splits: the future never teaches the past."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.build.split import in_order, mixed_folds, split, time_folds
from assay.errors import DataError

ORDERED = {"order": "rows"}


def test_the_newest_rows_are_the_test(charter: Any, shop: pl.DataFrame) -> None:
    parts = split(shop, charter(data=ORDERED), None, seed=1)
    assert parts.ordered
    assert parts.train.max() < parts.test.min()
    assert len(parts.test) == 225


def test_rows_without_a_known_outcome_do_not_teach(charter: Any, shop: pl.DataFrame) -> None:
    delayed = charter(data={**ORDERED, "label_delay": "40 rows"})
    parts = split(shop, delayed, None, seed=1)
    assert parts.test.min() - parts.train.max() == 41
    for fold in time_folds(shop, delayed, 3):
        assert fold.test.min() - fold.train.max() == 41


def test_a_delay_in_days_reads_the_time_column(charter: Any, shop: pl.DataFrame) -> None:
    timed = charter(data={"time": "day", "ignore": ["customer"], "label_delay": "10 days"})
    frame = in_order(shop.sample(fraction=1.0, shuffle=True, seed=1), timed)
    parts = split(frame, timed, None, seed=1)
    assert frame["day"].is_sorted()
    gap = frame["day"][int(parts.test.min())] - frame["day"][int(parts.train.max())]
    assert gap >= timedelta(days=10)


@pytest.mark.parametrize("data", [ORDERED, {"time": "visits", "ignore": ["customer"]}])
def test_a_delay_in_days_needs_a_clock(
    charter: Any, shop: pl.DataFrame, data: dict[str, Any]
) -> None:
    delayed = charter(data={**data, "label_delay": "10 days"})
    frame = shop.with_columns(visits=pl.int_range(pl.len()))
    for cut in (lambda: split(frame, delayed, None, seed=1), lambda: time_folds(frame, delayed, 3)):
        with pytest.raises(DataError, match="given in hours or days, but"):
            cut()
    at_once = charter(data={**data, "label_delay": "0 days"})
    assert len(split(frame, at_once, None, seed=1).train) == 675


def test_without_order_the_draw_is_even_in_outcomes(charter: Any, shop: pl.DataFrame) -> None:
    outcomes = (shop["buys"] == "yes").to_numpy().astype(int)
    parts = split(shop, charter(), outcomes, seed=3)
    assert abs(outcomes[parts.train].mean() - outcomes[parts.test].mean()) < 0.01
    assert sorted([*parts.train, *parts.test]) == list(range(shop.height))


def test_an_entity_falls_on_one_side(charter: Any, shop: pl.DataFrame) -> None:
    owned = charter(data={"entity": "customer", "ignore": ["day"]})
    parts = split(shop, owned, None, seed=3)
    names = shop["customer"].to_numpy()
    assert not set(names[parts.train]) & set(names[parts.test])
    for fold in mixed_folds(shop, owned, None, 1, 3):
        assert not set(names[fold.train]) & set(names[fold.test])


def test_a_row_without_an_entity_stands_alone(charter: Any, shop: pl.DataFrame) -> None:
    owned = charter(data={"entity": "customer", "ignore": ["day"]})
    nobodys = shop.with_columns(customer=pl.lit(None, dtype=pl.String))
    parts = split(nobodys, owned, None, seed=3)
    assert len(parts.test) == 225
    assert [len(fold.test) for fold in mixed_folds(nobodys, owned, None, 1, 3)] == [300] * 3


def test_one_entity_cannot_teach_and_judge(charter: Any, shop: pl.DataFrame) -> None:
    owned = charter(data={"entity": "customer", "ignore": ["day"]})
    only = shop.with_columns(customer=pl.lit("only"))
    with pytest.raises(DataError, match="leaves 900 rows to learn from and 0 to judge on"):
        split(only, owned, None, seed=3)
    with pytest.raises(DataError, match="leaves 0 rows to learn from"):
        mixed_folds(only, owned, None, 1, 3)


@pytest.mark.parametrize("seed", range(5))
def test_an_entity_of_most_rows_teaches(charter: Any, shop: pl.DataFrame, seed: int) -> None:
    owned = charter(data={"entity": "customer", "ignore": ["day"]})
    place = pl.int_range(pl.len())
    most = pl.when(place % 10 > 0).then(pl.lit("big")).otherwise(place.cast(pl.String))
    parts = split(shop.with_columns(customer=most), owned, None, seed=seed)
    assert (len(parts.train), len(parts.test)) == (810, 90)
    rows = shop.with_columns(customer=pl.when(place < 890).then(pl.lit("big")))
    with pytest.raises(DataError, match="and 10 to judge on"):
        split(rows, owned, None, seed=seed)


@given(n=st.integers(120, 400), count=st.integers(2, 6))
def test_folds_judge_each_row_at_most_once(charter: Any, n: int, count: int) -> None:
    frame = pl.DataFrame({"x": range(n)})
    in_time = np.concatenate([fold.test for fold in time_folds(frame, charter(data=ORDERED), 2)])
    assert len(in_time) == len(set(in_time.tolist()))
    mixed = mixed_folds(frame, charter(), None, 1, count)
    assert sorted(np.concatenate([fold.test for fold in mixed]).tolist()) == list(range(n))
    assert all(not set(fold.train.tolist()) & set(fold.test.tolist()) for fold in mixed)


def test_too_few_rows_are_refused(charter: Any, shop: pl.DataFrame) -> None:
    with pytest.raises(DataError, match="at least 100"):
        split(shop.head(60), charter(), None, seed=1)
    with pytest.raises(DataError, match="too few to learn from"):
        time_folds(shop, charter(data={**ORDERED, "label_delay": "220 rows"}), 3)


def test_a_gap_in_time_is_refused(charter: Any, shop: pl.DataFrame) -> None:
    timed = charter(data={"time": "day", "ignore": ["customer"]})
    holed = shop.with_columns(pl.when(pl.int_range(pl.len()) > 5).then("day").alias("day"))
    with pytest.raises(DataError, match="missing in 6 rows"):
        in_order(holed, timed)
