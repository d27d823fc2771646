"""A mapping of a log's columns that is mended reaches what was read under the wrong one."""

from __future__ import annotations

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
