"""One suite for every adapter of the port that keeps predictions by window."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.adapters.memory_windows import MemoryWindows
from assay.adapters.parquet_windows import ParquetWindows
from assay.errors import StoreError
from assay.ports.served_windows import ServedWindows

ADAPTERS: dict[str, Callable[[Path], ServedWindows]] = {
    "memory": lambda _: MemoryWindows(),
    "parquet": lambda folder: ParquetWindows(folder / "windows"),
}


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ServedWindows:
    return ADAPTERS[request.param](tmp_path)


def _at(day: int, hour: int = 0) -> datetime:
    return datetime.fromisoformat(f"2026-03-{day:02d}T{hour:02d}:00")


def _rows(*ids: str, day: int = 1) -> pl.DataFrame:
    at = [_at(day, hour) for hour in range(len(ids))]
    kinds: dict[str, Any] = {"id": pl.String, "at": pl.Datetime("us"), "in:x": pl.Float64}
    return pl.DataFrame({"id": ids, "at": at, "in:x": [0.5] * len(ids)}, schema=kinds)


def test_nothing_kept_nothing_found(store: ServedWindows) -> None:
    assert dict(store.parts()) == {}
    assert store.locate(pl.Series(["a"])).rows() == []


def test_windows_come_back_in_order_of_their_numbers(store: ServedWindows) -> None:
    store.replace({7: _rows("c", "d", day=2), -1: _rows("a")})
    assert list(store.parts()) == [-1, 7]
    part = store.parts()[7]
    assert (part.n, part.first, part.last) == (2, _at(2), _at(2, 1))
    assert store.read(7).equals(_rows("c", "d", day=2))
    assert store.read(7, ["id", "not there"]).columns == ["id"]


def test_a_window_is_replaced_whole_and_its_stamp_says_so(store: ServedWindows) -> None:
    store.replace({1: _rows("a"), 2: _rows("b")})
    before = store.parts()
    store.replace({1: _rows("a", "c")})
    after = store.parts()
    assert store.read(1)["id"].to_list() == ["a", "c"]
    assert after[1].stamp != before[1].stamp
    assert after[2] == before[2]


def test_a_window_without_rows_goes_away(store: ServedWindows) -> None:
    store.replace({1: _rows("a"), 2: _rows("b")})
    store.replace({1: _rows()})
    assert list(store.parts()) == [2]


def test_ids_are_located(store: ServedWindows) -> None:
    store.replace({1: _rows("a", "b"), 2: _rows("c", day=3)})
    found = store.locate(pl.Series(["c", "b", "nobody"])).sort("id")
    assert found.rows() == [
        ("b", _at(1, 1), 1),
        ("c", _at(3), 2),
    ]


def test_ids_are_located_whatever_else_windows_hold(store: ServedWindows) -> None:
    text = _rows("b", day=2).with_columns(pl.lit("many").alias("in:x"), pl.lit(1).alias("in:y"))
    store.replace({1: _rows("a"), 2: text, 3: _rows("c", day=3).drop("in:x")})
    assert store.locate(pl.Series(["a", "b", "c"]))["window"].sort().to_list() == [1, 2, 3]


def test_parquet_windows_outlive_the_process_and_leave_no_litter(tmp_path: Path) -> None:
    ParquetWindows(tmp_path).replace({1: _rows("a")})
    ParquetWindows(tmp_path).replace({1: _rows("b")})
    assert ParquetWindows(tmp_path).read(1)["id"].to_list() == ["b"]
    assert len(list(tmp_path.glob("*.parquet"))) == 1


def test_what_another_process_kept_meanwhile_is_not_lost(tmp_path: Path) -> None:
    ours, theirs = ParquetWindows(tmp_path), ParquetWindows(tmp_path)
    ours.replace({1: _rows("a")})
    theirs.replace({2: _rows("b")})
    ours.replace({3: _rows("c")})
    assert list(theirs.parts()) == [1, 2, 3]
    assert theirs.read(3)["id"].to_list() == ["c"]


def test_a_run_cut_short_between_files_and_list_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ParquetWindows(tmp_path).replace({1: _rows("a")})

    def fails(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr("assay.adapters.parquet_windows.write_whole", fails)
    with pytest.raises(StoreError):
        ParquetWindows(tmp_path).replace({1: _rows("b"), 2: _rows("c")})
    assert list(ParquetWindows(tmp_path).parts()) == [1]
    assert ParquetWindows(tmp_path).read(1)["id"].to_list() == ["a"]


@pytest.mark.parametrize("content", ["{", '{"format": 99}', "[]"])
def test_a_list_that_does_not_read_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "windows.json").write_text(content)
    with pytest.raises(StoreError, match="read anew from their log"):
        ParquetWindows(tmp_path).parts()


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    store = ParquetWindows(tmp_path)
    store.replace({1: _rows("a")})
    for file in tmp_path.glob("*.parquet"):
        file.unlink()
    with pytest.raises(StoreError, match="window 1 cannot be read"):
        store.read(1)
