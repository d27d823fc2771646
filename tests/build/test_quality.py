"""Quality: what makes a table unusable is one paragraph, what makes it doubtful a check."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.build.columns import infer_inputs
from assay.build.quality import Quality, check_quality, with_outcome
from assay.build.schema import schema_of
from assay.charter.charter import Charter
from assay.envision.table_reading import read_table
from assay.errors import DataError
from assay.value.valuation import valuation


def _checked(frame: pl.DataFrame, charter: Charter) -> Quality:
    valued = valuation(charter.value, charter.data)
    return check_quality(frame, charter, valued, infer_inputs(frame, charter, valued.columns))


def _refusal(frame: pl.DataFrame, charter: Charter) -> str:
    with pytest.raises(DataError) as caught:
        with_outcome(frame, charter, valuation(charter.value, charter.data))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_sound_table_passes(charter: Any, shop: pl.DataFrame) -> None:
    quality = _checked(shop, charter())
    assert all(check.passed for check in quality.checks)
    assert quality.content["schema"]["region"]["missing"] > 0
    assert quality.content["rows"] == 900


def test_unusable_outcomes_are_refused(charter: Any, shop: pl.DataFrame) -> None:
    plain = charter()
    assert "lacks columns" in _refusal(shop.drop("buys"), plain)
    assert "one value only" in _refusal(shop.with_columns(buys=pl.lit("no")), plain)
    assert "missing in all" in _refusal(shop.with_columns(buys=pl.lit(None, pl.String)), plain)
    assert "not in the payoff table" in _refusal(
        shop.with_columns(pl.col("buys").str.to_uppercase()), plain
    )
    assert "Float64" in _refusal(shop.with_columns(buys=pl.col("margin")), plain)
    amounts = charter("regression")
    assert "needs numbers" in _refusal(shop.with_columns(sold=pl.lit("many")), amounts)


def test_a_missing_sensitive_column_is_named(charter: Any, shop: pl.DataFrame) -> None:
    assert "`data.sensitive` region" in _refusal(shop.drop("region"), charter())


@pytest.mark.parametrize("bad", ["08/29/22", "29.08.2022", "2024-13-01", "2024-1-5", "soon"])
def test_text_that_does_not_sort_in_time_is_refused(
    charter: Any, shop: pl.DataFrame, bad: str
) -> None:
    timed = charter(data={"time": "day", "ignore": ["customer"]})
    iso = pl.col("day").dt.strftime("%Y-%m-%d")
    first = pl.int_range(pl.len()) == 7
    texts = shop.with_columns(day=pl.when(first).then(pl.lit(bad)).otherwise(iso))
    words = _refusal(texts, timed)
    assert "time column day" in words
    assert repr(bad) in words
    assert "YYYY-MM-DD" in words


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", None])
def test_iso_texts_dates_and_numbers_sort_in_time(
    charter: Any, shop: pl.DataFrame, form: str | None
) -> None:
    timed = charter(data={"time": "day", "ignore": ["customer"]})
    day = pl.col("day").cast(pl.Datetime)
    given = shop.with_columns(day=day.dt.strftime(form) if form else day.cast(pl.Int64))
    assert with_outcome(given, timed, valuation(timed.value, timed.data)).height == shop.height
    assert with_outcome(shop, timed, valuation(timed.value, timed.data)).height == shop.height


def test_times_in_two_offsets_are_refused(charter: Any, shop: pl.DataFrame) -> None:
    timed = charter(data={"time": "day", "ignore": ["customer"]})
    offset = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("Z")).otherwise(pl.lit("+05:00"))
    mixed = shop.with_columns(day=pl.format("{}T10:00{}", pl.col("day"), offset))
    assert "more than one UTC offset (Z, +05:00)" in _refusal(mixed, timed)


def test_rows_without_an_outcome_are_left_out_and_counted(charter: Any, shop: pl.DataFrame) -> None:
    holed = shop.with_columns(pl.when(pl.int_range(pl.len()) >= 90).then("buys").alias("buys"))
    quality = _checked(holed, charter())
    check = next(one for one in quality.checks if one.name == "rows without an outcome")
    assert check.measured == pytest.approx(0.1)
    assert not check.passed
    assert check.severity == "warn"


def test_doubtful_columns_are_named(charter: Any, shop: pl.DataFrame) -> None:
    odd = shop.with_columns(
        constant=pl.lit(1),
        number=pl.int_range(pl.len()),
        code=pl.format("id-{}", pl.int_range(pl.len())),
        hollow=pl.when(pl.int_range(pl.len()) % 5 == 0).then(1.5),
        when=pl.col("day"),
    )
    found = {check.name for check in _checked(odd, charter()).checks if not check.passed}
    assert found == {
        "distinct values of constant",
        "identifier number",
        "identifier code",
        "missing values of hollow",
        "distinct values of hollow",
        "columns without doubt",
        "columns that cannot be read",
    }


def test_a_column_that_tells_the_outcome_alone_blocks(charter: Any, shop: pl.DataFrame) -> None:
    leaky = charter(data={"known_after": ["sold"]})
    check = next(one for one in _checked(shop, leaky).checks if one.name == "leak called_back")
    assert (check.passed, check.severity) == (False, "block")
    assert check.measured == pytest.approx(1.0)


def test_a_draft_mistrusts_what_a_check_warns_of(charter: Any, shop: pl.DataFrame) -> None:
    rng = np.random.default_rng(5)
    bought = (shop["buys"] == "yes").cast(pl.Float64).to_numpy()
    names = {f"near{k}": bought + rng.normal(0, 0.2 + 0.05 * k, len(bought)) for k in range(10)}
    near = shop.select("buys", "age").with_columns(pl.Series(n, v) for n, v in names.items())
    plain = charter(data={"known_after": [], "ignore": [], "sensitive": []})
    warned = {one.name[5:]: one for one in _checked(near, plain).checks if "leak " in one.name}
    assert set(read_table(near, "buys").gives_away) == set(warned)
    assert 0 < len(warned) < len(names)
    assert {one.severity for one in warned.values()} == {"warn", "block"}
    assert all(("waived" in one.note) == (one.severity == "block") for one in warned.values())


def test_columns_left_out_that_are_not_there_are_named(charter: Any, shop: pl.DataFrame) -> None:
    slips = charter(data={"known_after": ["sold", "caled_back"], "ignore": ["day", "zzz"]})
    checks = _checked(shop, slips).checks
    check = next(one for one in checks if one.name == "columns left out are there")
    assert (check.passed, check.severity, check.measured) == (False, "warn", 2.0)
    assert "`data.known_after` caled_back: did you mean `called_back`?" in check.note
    assert "`data.ignore` zzz" in check.note


def test_schema_of_every_kind_of_column() -> None:
    frame = pl.DataFrame({"l": [[1], [2]], "n": [float("nan"), None], "d": [1, 2]}).with_columns(
        pl.col("d").cast(pl.Date)
    )
    schema = schema_of(frame)
    assert schema["n"] == {"type": "Float64", "missing": 2, "distinct": 0}
    assert schema["d"]["least"] == "1970-01-02"
    assert "categories" not in schema["l"]


def test_evidence_tells_no_value_of_the_entity_of_protected_columns_or_of_names(
    charter: Any, shop: pl.DataFrame
) -> None:
    told = shop.with_columns(
        pl.Series("caller", [f"Ana {row % 700}" for row in range(shop.height)]),
        pl.Series("district", ["north", "far west"] * (shop.height // 2)),
    )
    ruled = charter(
        data={"entity": "customer", "ignore": ["day", "caller"]},
        serving={"capture": {"protected": {"customer": "hash", "district": "drop"}}},
    )
    content = _checked(told, ruled).content
    distinct = shop["customer"].n_unique()
    assert content["schema"]["customer"] == {"type": "String", "missing": 0, "distinct": distinct}
    assert content["schema"]["district"] == {"type": "String", "missing": 0, "distinct": 2}
    assert content["schema"]["caller"] == {"type": "String", "missing": 0, "distinct": 700}
    assert content["schema"]["region"]["categories"]
    text = json.dumps(content, default=str)
    assert not any(value in text for value in ('"c1', "Ana ", "far west"))
