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
