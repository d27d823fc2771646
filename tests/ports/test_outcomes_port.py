"""One suite for every adapter of the outcomes port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from assay.adapters.memory_outcomes import MemoryOutcomes
from assay.adapters.parquet_outcomes import ParquetOutcomes
from assay.errors import StoreError
from assay.ports.outcomes import Outcomes

Make = Callable[[Path], Outcomes]
ADAPTERS: dict[str, Make] = {
    "memory": lambda _: MemoryOutcomes(),
    "parquet": lambda folder: ParquetOutcomes(folder / "outcomes"),
}


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Outcomes:
    return ADAPTERS[request.param](tmp_path)


def _rows(**columns: list[object]) -> pl.DataFrame:
    return pl.DataFrame(columns)


def test_nothing_in_nothing_out(store: Outcomes) -> None:
    assert store.read().columns == ["id", "outcome", "revision"]
    assert store.read().height == 0


def test_the_same_delivery_counts_once(store: Outcomes) -> None:
    first = _rows(id=["a", "b"], outcome=["yes", "no"])
    assert store.add(first)
    assert not store.add(first)
    assert store.read().rows() == [("a", "yes", 1), ("b", "no", 1)]


def test_a_correction_has_a_higher_revision(store: Outcomes) -> None:
    store.add(_rows(id=["a"], outcome=["yes"]))
    store.add(_rows(id=["a"], outcome=["no"]))
    assert store.read().rows() == [("a", "yes", 1), ("a", "no", 2)]


def test_a_correction_that_is_taken_back_counts(store: Outcomes) -> None:
    yes, no = _rows(id=["a"], outcome=["yes"]), _rows(id=["a"], outcome=["no"])
    assert [store.add(one) for one in (yes, no, no, yes, yes)] == [True, True, False, True, False]
    assert store.read().rows() == [("a", "yes", 1), ("a", "no", 2), ("a", "yes", 3)]
    assert store.read(2).rows() == [("a", "yes", 3)]


def test_what_older_deliveries_said_together_is_nothing_new(store: Outcomes) -> None:
    store.add(_rows(id=["a", "b"], outcome=["yes", "no"]))
    store.add(_rows(id=["c"], outcome=["no"]))
    assert not store.add(_rows(id=["c", "b"], outcome=["no", "no"]))
    assert not store.add(_rows(id=["a", "a"], outcome=["yes", "yes"]))
    assert store.add(_rows(id=["c", "d"], outcome=["no", "no"])), "nobody told of d"


def test_a_table_that_grows_is_taken_once_for_each_growth(store: Outcomes) -> None:
    ids = [f"p{place}" for place in range(6)]
    for end in (2, 4, 6):
        table = _rows(id=list(ids[:end]), outcome=["yes"] * end)
        assert [store.add(table) for _ in range(3)] == [True, False, False]
    newest = store.read().sort("revision").unique("id", keep="last")
    assert newest.height == 6


def test_a_table_without_rows_says_nothing(store: Outcomes) -> None:
    assert not store.add(_rows(id=["a"], outcome=["yes"]).clear())


def test_amounts_after_names_are_something_new(store: Outcomes) -> None:
    store.add(_rows(id=["a"], outcome=["yes"]))
    assert store.add(_rows(id=["a"], outcome=[1.5]))


def test_numbers_stay_numbers(store: Outcomes) -> None:
    store.add(_rows(id=["a"], outcome=[1.25]))
    assert store.read().rows() == [("a", 1.25, 1)]


def test_parquet_outcomes_outlive_the_process(tmp_path: Path) -> None:
    ParquetOutcomes(tmp_path).add(_rows(id=["a"], outcome=["yes"]))
    assert ParquetOutcomes(tmp_path).read().rows() == [("a", "yes", 1)]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file stands where the folder should be")
    with pytest.raises(StoreError, match="Nothing was taken in"):
        ParquetOutcomes(blocked / "outcomes").add(_rows(id=["a"], outcome=["yes"]))
