"""The electricity example's table takes everything but the answer from the past."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.charter.load import load_charter
from assay.value.valuation import valuation

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "elec2"
Prepared = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    spec = importlib.util.spec_from_file_location("elec2_prepare", FOLDER / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Prepared = module.prepared
    return function


def _elec(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    names = ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
    columns = {name: rng.random(n) for name in names}
    return pl.DataFrame({**columns, "class": rng.integers(0, 2, n)})


@pytest.mark.parametrize("cut", [340, 400, 500, 699])
def test_no_input_knows_its_own_half_hour_or_a_later_one(prepared: Prepared, cut: int) -> None:
    elec, other = _elec(700), _elec(700, seed=1)
    changed = pl.concat([elec[:cut], other[cut:]])
    one, two = (prepared(table).drop("move")[: cut - 336 + 1] for table in (elec, changed))
    assert one.height == min(cut - 335, 364)
    assert one.equals(two)


def test_the_last_call_is_the_answer_before(prepared: Prepared) -> None:
    made = prepared(_elec(700))
    assert made["last_call"][1:].to_list() == made["move"][:-1].to_list()


def test_the_charter_names_its_columns_and_its_yardstick(
    prepared: Prepared, shared_data: Path
) -> None:
    elec = pl.read_parquet(shared_data / "elec2_electricity" / "elec.parquet")
    made, charter = prepared(elec), load_charter(FOLDER)
    worth = valuation(charter.value, charter.data)
    assert {charter.data.outcome, *worth.columns} <= set(made.columns)
    assert made.null_count().sum_horizontal().item() == 0
    columns = {"last_call": made["last_call"].to_numpy()}
    repeated = worth.baseline(columns, made.height)
    paid = worth.realised(repeated, worth.encode(made["move"].to_numpy()), columns)
    # Zliobaite 2013, arXiv 1301.3524: repeating the last label is right in 85.3 % of the cases.
    assert (1 + paid.mean()) / 2 == pytest.approx(0.853, abs=0.0005)


def test_the_public_table_gives_the_answer_away(shared_data: Path) -> None:
    elec = pl.read_parquet(shared_data / "elec2_electricity" / "elec.parquet")
    mean = elec["nswprice"].shift(1).rolling_mean(48)
    told = (elec["nswprice"] > mean)[48:]
    assert (told.cast(pl.Int64) == elec["class"][48:]).all()
