"""`assay monitor --multivariate`: newest windows against reference rows, all columns at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tests.cli.test_respond_command import serving
from tests.cli.test_sweep_command import models

__all__ = ["models", "serving"]

Run = Callable[..., Any]


def test_columns_that_no_longer_move_together_are_told(run: Run, models: Path) -> None:
    own = models / "models" / "m0000"
    known = pl.read_parquet(own / "reference.parquet")
    log = pl.read_parquet(own / "log" / "0.parquet")
    tied = [frame.with_columns((pl.col("n1") + 0.01).alias("n2")) for frame in (known, log)]
    for frame, place in zip(
        tied, (own / "reference.parquet", own / "log" / "0.parquet"), strict=True
    ):
        place.unlink()
        frame.write_parquet(place)
    assert "all columns together did not move" in run("monitor", own, "--multivariate").out
    shuffled = np.random.default_rng(0).permutation(tied[1]["n2"].to_numpy())
    (own / "log" / "0.parquet").unlink()
    later = log.with_columns(
        pl.col("at") + pl.duration(days=1), pl.col("request") + "b", pl.Series("n2", shuffled)
    )
    tied[1].write_parquet(own / "log" / "0.parquet")
    later.write_parquet(own / "log" / "1.parquet")
    found = run("monitor", own, "--multivariate", "--json").document["multivariate"]
    assert [one["window"] for one in found] == ["rows 601-1200"]
    drift = found[0]["found"]
    assert drift["moved"]
    assert 0.5 < drift["auc"]["low"] < drift["auc"]["mean"] <= 1
    assert {one["feature"] for one in drift["telling"][:2]} <= {"n1", "n2"}
    told = " ".join(run("monitor", own, "--multivariate").out.split())
    assert "told apart by n" in told


def test_rows_that_are_not_at_hand_or_too_few_are_said_to_be_needed(
    run: Run, serving: Path
) -> None:
    few = run("monitor", serving, "--multivariate", "--json").document["multivariate"]
    assert [one["found"] for one in few] == [None]
    assert "1000 of the reference at least" in few[0]["note"]
    table = serving / "history.parquet"
    pl.read_parquet(table).head(1900).write_parquet(table)
    other = run("monitor", serving, "--multivariate", "--json").document["multivariate"]
    assert "the rows that the version was made from" in other[0]["note"]
    told = " ".join(run("monitor", serving, "--multivariate").out.split())
    assert "all columns together were not compared" in told
