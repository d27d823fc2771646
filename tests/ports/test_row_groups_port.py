"""One suite over every adapter of the row groups port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.adapters.deltalake_row_groups import DeltalakeRowGroups
from assay.adapters.polars_row_groups import PolarsRowGroups
from assay.adapters.polars_tables import PolarsTables
from assay.adapters.pyarrow_row_groups import PyarrowRowGroups
from assay.errors import DataError, MissingLibrary
from assay.ports.row_groups import RowGroups
from assay.stats.coded import Coded

FRAME = pl.DataFrame(
    {
        "number": [1.5, None, -3.0, 4.0, 5.0],
        "whole": [1, 2, None, 4, 5],
        "flag": [True, False, None, True, True],
        "text": ["b", "a", None, "", "b"],
        "at": np.datetime64("2026-01-01T12", "us") + np.arange(5) * np.timedelta64(1, "D"),
    }
)


def _parquet(folder: Path) -> RowGroups:
    FRAME.write_parquet(folder / "a.parquet", row_group_size=2)
    return PyarrowRowGroups([folder / "a.parquet"])


def _files(folder: Path) -> RowGroups:
    for place in range(2):
        table = FRAME.slice(place * 3, 3).to_arrow()
        pq.write_table(table, folder / f"{place}.parquet")
    return PyarrowRowGroups(sorted(folder.glob("*.parquet")))


def _csv(folder: Path) -> RowGroups:
    FRAME.write_csv(folder / "a.csv")
    return PolarsRowGroups(PolarsTables().read(folder / "a.csv"), rows=2)


def _delta(folder: Path) -> RowGroups:
    deltalake = pytest.importorskip("deltalake")
    for start in (0, 3):
        part = FRAME.slice(start, 3).to_arrow()
        deltalake.write_deltalake(str(folder / "d"), part, mode="append")
    return DeltalakeRowGroups(folder / "d")


MAKE: dict[str, Callable[[Path], RowGroups]] = {
    "parquet": _parquet,
    "files": _files,
    "frame": lambda _: PolarsRowGroups(FRAME, rows=2),
    "csv": _csv,
    "delta": _delta,
}


@pytest.fixture(params=MAKE)
def table(request: pytest.FixtureRequest, tmp_path: Path) -> RowGroups:
    return MAKE[request.param](tmp_path)


def test_kinds_are_told_in_the_tables_order(table: RowGroups) -> None:
    kinds = dict(table.kinds())
    csv_flag = kinds.pop("flag")
    assert csv_flag == "number"
    assert kinds == {"number": "number", "whole": "number", "text": "text", "at": "time"}


def test_groups_hold_every_row_once(table: RowGroups) -> None:
    assert sum(table.sizes()) == FRAME.height
    seen: list[tuple[float, float, float, str, str]] = []
    for group, size in enumerate(table.sizes()):
        found = table.read(group, ["text", "number", "whole", "flag", "at"])
        numbers = [np.asarray(found[name]) for name in ("number", "whole", "flag")]
        text, at = found["text"], np.asarray(found["at"])
        assert isinstance(text, Coded)
        assert {len(text), len(at), *map(len, numbers)} == {size}
        assert all(one.dtype == np.float64 for one in numbers)
        assert at.dtype == np.dtype("datetime64[us]")
        words = [word or "" for word in text.decoded().tolist()]
        rows = zip(*(one.tolist() for one in numbers), words, at.astype(str).tolist(), strict=True)
        seen += rows
    seen.sort(key=lambda row: row[-1])
    want = [
        (
            row["number"] if row["number"] is not None else np.nan,
            float(row["whole"]) if row["whole"] is not None else np.nan,
            float(row["flag"]) if row["flag"] is not None else np.nan,
            row["text"] or "",
            row["at"].isoformat() + ".000000",
        )
        for row in FRAME.iter_rows(named=True)
    ]
    assert repr(seen) == repr(want)


def test_one_column_can_be_read_alone(table: RowGroups) -> None:
    assert list(table.read(0, ["whole"])) == ["whole"]


def test_dictionaries_small_numbers_and_zones_are_read(tmp_path: Path) -> None:
    moments = pa.array([0, 1_000_000], pa.timestamp("us", "Europe/Vienna"))
    table = pa.table(
        {
            "word": pa.array(["x", None]).dictionary_encode(),
            "code": pa.array([7, 9]).dictionary_encode(),
            "small": pa.array([1, None], pa.int8()),
            "short": pa.array([0.5, None], pa.float32()),
            "at": moments,
            "list": pa.array([[1], [2]]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    groups = PyarrowRowGroups([tmp_path / "t.parquet"])
    kinds = groups.kinds()
    assert (kinds["word"], kinds["code"], kinds["list"]) == ("text", "number", "other")
    found = groups.read(0, ["word", "code", "small", "short", "at"])
    word = found["word"]
    assert isinstance(word, Coded)
    assert word.decoded().tolist() == ["x", None]
    assert np.asarray(found["code"]).tolist() == [7.0, 9.0]
    assert repr(np.asarray(found["small"]).tolist()) == "[1.0, nan]"
    assert repr(np.asarray(found["short"]).tolist()) == "[0.5, nan]"
    assert np.asarray(found["at"]).astype(np.int64).tolist() == [0, 1_000_000]


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        PyarrowRowGroups([tmp_path / "bad.parquet"])
    with pytest.raises(DataError, match="There is no table at"):
        PyarrowRowGroups([tmp_path / "none.parquet"])
    FRAME.clear().write_parquet(tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="no rows"):
        PyarrowRowGroups([tmp_path / "empty.parquet"]).sizes()
    with pytest.raises(DataError, match="no rows"):
        PolarsRowGroups(FRAME.clear()).sizes()


def test_files_read_together_need_the_same_columns(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet")
    FRAME.drop("whole").write_parquet(tmp_path / "b.parquet")
    groups = PyarrowRowGroups([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    with pytest.raises(DataError, match="has no column whole"):
        groups.read(1, ["whole"])


def test_without_the_library_the_install_command_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "deltalake", None)
    with pytest.raises(MissingLibrary, match=r"pip install 'assay\[delta\]'"):
        DeltalakeRowGroups(tmp_path)
