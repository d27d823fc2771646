"""Reading tables: what is no table says so in one paragraph."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assay.adapters.polars_tables import PolarsTables
from assay.errors import DataError

FRAME = pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "z"]})


def test_csv_and_parquet_read_the_same(tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "t.csv")
    FRAME.write_parquet(tmp_path / "t.parquet")
    read = PolarsTables().read
    assert read(tmp_path / "t.csv").equals(read(tmp_path / "t.parquet"))


def test_a_late_word_makes_a_csv_column_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n" + "1\n" * 20_000 + "word\n")
    assert PolarsTables().read(path)["a"].dtype == pl.String


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_other_separators_are_seen(tmp_path: Path, separator: str, bom: bytes) -> None:
    path = tmp_path / "t.csv"
    frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}).with_columns(
        pl.Series("c,d", ["x;y", "x|y,z", "1\t2"])
    )
    frame.write_csv(path, separator=separator, quote_style="non_numeric" if bom else "necessary")
    path.write_bytes(bom + path.read_bytes())
    read = PolarsTables().read(path)
    assert read.columns == ["a", "b", "c,d"]
    assert read["a"].to_list() == [1, 2, 3]
    assert read["c,d"].to_list() == frame["c,d"].to_list()


def test_decimal_commas_between_semicolons_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;b;c;d;e\n1,5;1.234,5;2.5;1,5;2024-01-02\n-2;;3;x;2024-01-03\n")
    frame = PolarsTables().read(path)
    assert frame.row(0)[:4] == (1.5, 1234.5, 2.5, "1,5")
    assert frame.row(1)[:4] == (-2.0, None, 3.0, "x")
    assert frame.schema["e"] == pl.Date


def test_commas_between_tabs_stay_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\tb\n1,234\t2\n")
    assert PolarsTables().read(tmp_path / "t.csv")["a"].to_list() == ["1,234"]


@pytest.mark.parametrize("text", ["a;b\n1\n2\n", "a\n1;2\n", "a;b,c\n1,2\n", "a\n1\n"])
def test_a_table_by_commas_stays_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    header = text.split("\n", maxsplit=1)[0].split(",")
    assert PolarsTables().read(tmp_path / "t.csv").columns == header


def test_a_ragged_row_is_told_with_the_separator_seen(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a;b\n1;2\n3;4;5\n")
    assert "semicolons" in _refusal(tmp_path / "t.csv")


def _refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        PolarsTables().read(path)
    text = str(caught.value)
    assert path.name in text
    assert "\n" not in text, "one paragraph"
    return text


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("empty.csv", b"", "empty"),
        ("blank.csv", b"\n", "CSV"),
        ("header.csv", b"a,b\n", "no rows"),
        ("ragged.csv", b"a,b\n1,2\n3,4,5\n", "fields"),
        ("twice.csv", b"a,a\n1,2\n", "more than once"),
        ("quote.csv", b'a,b\n"1,2\n3,4\n', "CSV"),
        ("latin.csv", "a,b\n1,é\n".encode("latin-1"), "UTF-8"),
        ("empty.parquet", b"", "empty"),
        ("text.parquet", b"a,b\n1,2\n" * 20, "Parquet"),
        ("table.xlsx", b"PK", ".xlsx"),
        ("noname", b"a,b\n1,2\n", "no suffix"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes, word: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert word in _refusal(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no table" in _refusal(tmp_path / "absent.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "folder" in _refusal(tmp_path / "folder.csv")


@pytest.mark.parametrize("left", [4, 12, 100, 0.5, -8, -1])
def test_a_truncated_parquet_file_is_refused(tmp_path: Path, left: float) -> None:
    pl.DataFrame({"a": range(5000)}).write_parquet(tmp_path / "whole.parquet")
    raw = (tmp_path / "whole.parquet").read_bytes()
    cut = int(len(raw) * left) if isinstance(left, float) else left
    (tmp_path / "cut.parquet").write_bytes(raw[:cut])
    assert "cut short" in _refusal(tmp_path / "cut.parquet")
