"""The charters in `examples/` load, read real columns, and are valid for editors."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import polars as pl
import pytest

from assay.charter.document import read_document
from assay.charter.load import load_charter
from assay.charter.schema import charter_json_schema
from assay.value.valuation import valuation

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(folder.parent.name for folder in EXAMPLES.glob("*/charter.yaml"))


def test_there_are_examples() -> None:
    assert {"adult", "bank", "bike"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_editors_agree(name: str) -> None:
    charter = load_charter(EXAMPLES / name)
    assert charter.title
    text = (EXAMPLES / name / "charter.yaml").read_text(encoding="utf-8")
    jsonschema.validate(read_document(text, name).data, charter_json_schema())


@pytest.mark.parametrize("name", ["adult", "bank", "bike"])
def test_its_columns_are_in_the_data(name: str, shared_data: Path) -> None:
    charter = load_charter(EXAMPLES / name)
    data = charter.data
    schema = pl.read_parquet_schema(shared_data / Path(*Path(data.source).parts[-2:]))
    named = {data.outcome, *data.sensitive, *data.known_after, *data.ignore}
    named |= {name for name in (data.time, data.entity) if name is not None}
    named |= valuation(charter.value, data).columns
    assert named <= set(schema)


@pytest.mark.parametrize(("name", "mean"), [("bank", 5212 / 41188), ("adult", -0.7351)])
def test_everybody_is_worth_what_the_comments_say(
    name: str, mean: float, shared_data: Path
) -> None:
    charter = load_charter(EXAMPLES / name)
    source = shared_data / Path(*Path(charter.data.source).parts[-2:])
    outcomes = pl.read_parquet(source)[charter.data.outcome].to_numpy()
    worth = valuation(charter.value, charter.data)
    everybody = worth.baseline({}, len(outcomes), "everybody")
    realised = worth.realised(everybody, worth.encode(outcomes), {})
    assert realised.mean() == pytest.approx(mean, abs=1e-3)
