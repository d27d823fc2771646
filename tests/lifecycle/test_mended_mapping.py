"""A mapping of a log's columns that is mended reaches what was read under the wrong one."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from assay.workspace import Workspace

from .test_served_elsewhere import make, rows


@pytest.mark.parametrize("form", ["parquet", "delta"])
def test_a_mended_mapping_leaves_the_books_as_if_it_had_always_been_so(
    tmp_path: Path, form: str
) -> None:
    if form == "delta":
        pytest.importorskip("deltalake")
    log = rows(600, 0, 1).with_columns((pl.col("gain") / 2).alias("gross"))
    told = []
    for name, first in (("right", "gain"), ("mended", "gross")):
        folder = tmp_path / name
        folder.mkdir()
        make(folder, "logs", form)
        held_out = pl.read_parquet(folder / "held_out.parquet")
        held_out.with_columns((pl.col("gain") / 2).alias("gross")).write_parquet(
            folder / "held_out.parquet"
        )
        if form == "delta":
            log.write_delta(str(folder / "logs"))
        else:
            log.write_parquet(folder / "logs" / "a.parquet")
        charter = folder / "charter.yaml"
        right = charter.read_text()
        charter.write_text(right.replace("{margin: gain}", f"{{margin: {first}}}"))
        Workspace(folder).monitor()
        charter.write_text(right)
        windows = Workspace(folder).monitor().result.windows
        told.append([one.posting() for one in windows])
    assert told[0] == told[1]


def test_another_outcome_column_and_back_again_leaves_the_first(tmp_path: Path) -> None:
    make(tmp_path)
    log = rows(600, 0, 1).with_columns(pl.lit("no").alias("later"))
    log.write_parquet(tmp_path / "logs" / "a.parquet")
    held_out = pl.read_parquet(tmp_path / "held_out.parquet")
    held_out.with_columns(pl.col("repaid").alias("later")).write_parquet(
        tmp_path / "held_out.parquet"
    )
    charter = tmp_path / "charter.yaml"
    right = charter.read_text()
    wrong = right.replace("      outcome: repaid", "      outcome: later")
    told = []
    for text in (right, wrong, right):
        charter.write_text(text)
        told.append([one.posting() for one in Workspace(tmp_path).monitor().result.windows])
    assert told[0] == told[2] != told[1]


def test_a_correction_outlives_the_removal_of_what_monitoring_keeps(tmp_path: Path) -> None:
    make(tmp_path)
    log = rows(600, 0, 1)
    log.write_parquet(tmp_path / "logs" / "a.parquet")
    workspace = Workspace(tmp_path)
    first = workspace.monitor().result.windows[0].measured.realised
    told = log.select(pl.col("request").alias("id"), pl.lit("no").alias("outcome"))
    told.write_csv(tmp_path / "o.csv")
    workspace.outcomes(tmp_path / "o.csv")
    mended = workspace.monitor().result.windows[0].measured.realised
    assert mended != first
    shutil.rmtree(tmp_path / ".assay" / "monitor")
    again = Workspace(tmp_path).monitor()
    assert again.result.windows[0].measured.realised == mended
    assert again.posted == 0
