from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.charter.charter import Charter
from assay.charter.load import parse_charter
from assay.envision.draft import draft_charter
from assay.errors import DataError
from assay.value.valuation import valuation
from assay.workspace import Workspace, draft


def drafted(frame: pl.DataFrame, outcome: str, name: str = "case") -> tuple[Charter, str]:
    text = draft_charter(frame, "data.csv", outcome, name)
    known = {"demographic_parity_ratio", "value_kept_under_noise"}
    return parse_charter(text, "charter.yaml", known), text


def sales(rows: int = 400) -> pl.DataFrame:
    source = np.random.default_rng(3)
    bought = source.random(rows) < 0.2
    return pl.DataFrame(
        {
            "row id": range(rows),
            "customer_id": source.integers(0, rows // 2, rows),
            "day": [date(2024, 1, 1) + timedelta(days=i // 10) for i in range(rows)],
            "Age": source.integers(18, 90, rows),
            "income": source.normal(40, 9, rows),
            "country": ["here"] * rows,
            "note": [f"{source.random()}" for _ in range(rows)],
            "paid": np.where(bought, source.random(rows), 0.0),
            "visits": bought * 2.0 + source.normal(0, 1, rows),
            "bought": bought,
        }
    )


def test_what_the_table_says_is_filled_in() -> None:
    charter, text = drafted(sales(), "bought", "Sales Q1 (2024)")
    assert charter.name == "sales-q1-2024"
    assert charter.title == "Sales Q1 (2024)"
    data = charter.data
    assert (data.outcome, data.positive, data.time) == ("bought", True, "day")
    assert data.entity == "customer_id"
    assert data.sensitive == ("Age",)
    assert set(data.ignore) == {"row id", "country", "note"}
    assert data.known_after == ("paid",)
    assert '"visits" 0.' in text
    assert charter.value.actions == {"act": {"true": 4.0, "false": -1.0}, "skip": 0.0}
    assert charter.risk.tier == "medium"
    assert charter.value.decisions_per_month == pytest.approx(400 / (39 / 30.44), abs=1)
    assert [guardrail.column for guardrail in charter.guardrails] == [None, "Age"]


def test_a_table_about_things_has_one_owner() -> None:
    charter, _ = drafted(sales().select("income", "visits", "bought"), "bought")
    assert charter.people.solo
    assert charter.risk.tier == "low"
    assert not charter.data.ordered


def test_numbers_are_predicted_as_amounts() -> None:
    frame = sales(4000).with_columns(double=pl.col("income") * 2 + 0.01 * pl.col("Age"))
    charter, _ = drafted(frame, "double")
    assert charter.task == "regression"
    assert charter.data.positive is None
    assert "income" in charter.data.known_after
    assert charter.value.caps["outcome"][0] == 0


@pytest.mark.parametrize(
    "form", ["%m/%d/%y", "%d.%m.%Y", "%d %b %Y", "%B %d, %Y", "%Y/%m/%d %H:%M"]
)
def test_dates_in_another_form_are_told(form: str) -> None:
    frame = sales().with_columns(day=pl.col("day").cast(pl.Datetime).dt.strftime(form))
    charter, text = drafted(frame, "bought")
    assert charter.data.time is None
    assert "day" in charter.data.ignore
    assert '# "day" looks like dates' in text
    assert "No column of dates" in text


def test_text_with_some_dates_is_no_date() -> None:
    words = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("later"))
    frame = sales().with_columns(day=words.otherwise(pl.lit("1/2/24")))
    assert "day" not in drafted(frame, "bought")[0].data.ignore


def test_rows_without_outcome_are_told() -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0] * 20, "y": ["u", "v", "v", None] * 10})
    charter, text = drafted(frame, "y")
    assert charter.data.positive == "u"
    assert "10 of 40 rows have no outcome" in text


@pytest.mark.parametrize(
    ("frame", "outcome", "fault"),
    [
        (pl.DataFrame({"bought": [0, 1]}), "bougth", "Did you mean `bought`"),
        (pl.DataFrame({"bought": [0, 1]}), "zzz", "Its columns are: bought"),
        (pl.DataFrame({"y": [1, 1, 1]}), "y", "nothing but 1"),
        (pl.DataFrame({"y": [None, None]}), "y", "no value in 2 rows"),
        (pl.DataFrame({"y": [float("nan")] * 3}), "y", "no value in 3 rows"),
        (pl.DataFrame({"y": []}), "y", "no value in 0 rows"),
        (pl.DataFrame({"y": [f"kind {n}" for n in range(21)]}), "y", "21 different values"),
    ],
)
def test_an_outcome_that_cannot_serve(frame: pl.DataFrame, outcome: str, fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        draft_charter(frame, "data.csv", outcome, "case")


def deposits(kinds: int = 3) -> pl.DataFrame:
    """Return rows whose first kind is most frequent and whose last is rarest."""
    source = np.random.default_rng(5)
    shares = np.arange(kinds, 0, -1) / np.arange(kinds, 0, -1).sum()
    kind = np.concatenate([np.arange(kinds), source.choice(kinds, 500 - kinds, p=shares)])
    return pl.DataFrame(
        {
            "wealth": kind + source.normal(0, kinds, 500),
            "fee": (kind == 1) * 2.0,
            "deposit": [f"size {chosen}" for chosen in kind],
        }
    )


@pytest.mark.parametrize("kinds", [3, 7, 20])
def test_several_outcomes_get_a_payoff_each(kinds: int) -> None:
    charter, text = drafted(deposits(kinds), "deposit")
    assert charter.task == "classification"
    assert charter.data.positive is None
    actions = charter.value.actions
    assert actions is not None
    row = actions["act"]
    assert isinstance(row, dict)
    assert len(row) == kinds
    assert next(iter(row)) == "size 0"
    assert row["size 0"] == -1
    assert all(isinstance(gain, float) and gain >= 1 for gain in list(row.values())[1:])
    assert f"{kinds} outcomes, by their share" in " ".join(text.replace("  # ", "").split("\n"))
    assert charter.data.known_after == ("fee",), "it gives one of the outcomes away"


def test_a_draft_of_three_outcomes_passes_the_check(tmp_path: Path) -> None:
    deposits().write_csv(tmp_path / "deposits.csv")
    draft(tmp_path / "case", tmp_path / "deposits.csv", "deposit")
    workspace = Workspace(tmp_path / "case")
    assert all(one.passed or one.severity == "warn" for one in workspace.check().checks)
    assert valuation(workspace.charter.value, workspace.charter.data).labels == (
        "size 0",
        "size 1",
        "size 2",
    )
    assert workspace.charter.placeholders


def test_few_numbers_may_stand_for_kinds_and_that_is_said() -> None:
    frame = deposits().with_columns(stars=pl.Series(np.arange(500) % 5))
    charter, text = drafted(frame.drop("fee"), "stars")
    assert charter.task == "regression"
    assert "stand for kinds" in text
    assert "stand for kinds" not in drafted(sales(), "income")[1]


@given(
    column=st.text(min_size=1, max_size=12).filter(lambda text: text.strip() not in {"", "y"}),
    labels=st.lists(
        st.text(max_size=6).map(str.strip).filter(bool), min_size=2, max_size=2, unique=True
    ),
    name=st.text(max_size=20),
)
@settings(max_examples=60)
def test_odd_names_and_labels_load(column: str, labels: list[str], name: str) -> None:
    frame = pl.DataFrame({column: [1.0, 2.0] * 8 + [3.0], "y": [labels[0]] + labels * 8})
    charter, _ = drafted(frame, "y", name or "x")
    assert charter.data.positive == labels[1]


@pytest.mark.parametrize(
    ("file", "outcome", "mistrusted"),
    [
        ("bank_marketing/bank-additional-full.parquet", "y", "duration"),
        ("bike_sharing/hour.parquet", "cnt", "registered"),
        ("adult_census_income/adult-train.parquet", "income", "relationship"),
        ("credit_default_taiwan/credit-card-clients.parquet", "default payment", ""),
        ("elec2_electricity/elec.parquet", "class", ""),
    ],
)
def test_real_tables(shared_data: Path, file: str, outcome: str, mistrusted: str) -> None:
    charter, text = drafted(pl.read_parquet(shared_data / file), outcome)
    assert charter.data.outcome == outcome
    assert f'#   "{mistrusted}' in text or not mistrusted
