"""Columns of somebody else's log that change, as findings."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from tests.lifecycle.test_served_elsewhere import make, rows

from assay.workspace import Workspace


def test_columns_of_a_log_that_come_go_or_turn_into_text_are_told(tmp_path: Path) -> None:
    make(tmp_path)
    rows(500, 0, 1).write_parquet(tmp_path / "logs" / "a.parquet")
    later = rows(500, 500, 2).drop("region").with_columns(pl.lit(1).alias("height"))
    later.write_parquet(tmp_path / "logs" / "b.parquet")
    worse = rows(500, 1000, 3).with_columns(pl.lit("n/a").alias("ability"))
    worse.write_parquet(tmp_path / "logs" / "c.parquet")
    found = Workspace(tmp_path).monitor().result
    assert [[one.text for one in window.measured.schema] for window in found.windows] == [
        [],
        ["height is new", "region is missing in every row"],
        ["ability holds text in every row, numbers before"],
    ]
    told = [one.text for one in found.windows[1].judged.findings if one.kind == "schema"]
    assert told == ["columns are not as they were: height is new; region is missing in every row"]
    assert [one.windows for one in found.alerts if one.finding.kind == "schema"] == [
        ("rows 501-1000", "rows 1001-1500")
    ]


def test_a_column_that_the_charter_names_is_not_new(tmp_path: Path) -> None:
    make(tmp_path)
    charter = (tmp_path / "charter.yaml").read_text()
    named = charter.replace('positive: "yes"}', 'positive: "yes", ignore: [height]}')
    (tmp_path / "charter.yaml").write_text(named)
    table = rows(500, 0, 1).with_columns(pl.lit("tall").alias("height"))
    table.write_parquet(tmp_path / "logs" / "a.parquet")
    assert Workspace(tmp_path).monitor().result.windows[0].measured.schema == ()
