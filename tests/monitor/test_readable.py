"""Which predictions can be read, and what the others lack."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from assay.charter.charter import Charter
from assay.monitor.readable import faults, reasons, sound
from assay.value.valuation import Valuation, valuation

AT = datetime(2026, 3, 1)  # noqa: DTZ001 - predictions have UTC without a zone


def _valued(amounts: bool = False) -> Valuation:
    section = {"business": "b", "analytical": "a", "hypothesis": "h"}
    value: dict[str, Any] = {"currency": "EUR", "decisions_per_month": 3000}
    if amounts:
        value |= {"payoff": "min(outcome, decision)", "baselines": {"none": 0}}
        value |= {"baseline": "none", "caps": {"outcome": [0, 9], "decision": [0, 9]}}
    else:
        value |= {"actions": {"call": {"yes": 9, "no": -1}, "skip": 0}}
        value |= {"baselines": {"none": "skip"}, "baseline": "none"}
    data = {"source": "x.csv", "outcome": "y"} | ({} if amounts else {"positive": "yes"})
    charter = Charter.model_validate(
        {
            "name": "bank",
            "title": "Bank",
            "problem": section,
            "strategy": {"objective": "o", "kpi": "k"},
            "people": "solo",
            "data": data,
            "value": value,
            "risk": {"tier": "low"},
        }
    )
    return valuation(charter.value, charter.data)


def _rows(scores: list[Any], decisions: list[Any], kind: Any = pl.Float64) -> pl.DataFrame:
    n = len(scores)
    return pl.DataFrame(
        {
            "id": [f"r{row}" for row in range(n)],
            "at": [AT] * n,
            "bundle": ["d"] * n,
            "score": pl.Series(scores, dtype=kind, strict=False),
            "decision": decisions,
        }
    )


def test_scores_of_many_outcomes_need_each_of_them() -> None:
    scores = [[0.2, 0.3, 0.5], [0.2, None, 0.5], None, [0.1, float("inf"), 0.2], [0.1, 0.2, 0.7]]
    why = faults(_rows(scores, ["call"] * 5, pl.List(pl.Float64)), _valued())
    assert why.to_list() == [None, "no score", "no score", "an infinite score", None]


def test_a_decision_may_wait_for_the_policy_only_where_that_decides() -> None:
    rows = _rows([0.1, 0.2, 0.3], [None, "call", "ring"])
    named = "the decision `ring`, which is none of call, skip"
    assert faults(rows, _valued(), decided=False).to_list() == [None, None, named]
    assert faults(rows, _valued()).to_list() == ["no decision", None, named]


def test_a_decision_on_an_amount_is_a_number() -> None:
    rows = _rows([1.0, 2.0, 3.0], [4.0, float("nan"), float("inf")])
    odd = "a decision that is no number"
    assert faults(rows, _valued(amounts=True)).to_list() == [None, odd, odd]


def test_without_an_id_or_a_time_a_row_cannot_be_read() -> None:
    rows = _rows([0.1, 0.2, 0.3], ["call"] * 3).with_columns(
        pl.Series("id", ["a", None, "c"]), pl.Series("at", [AT, AT, None])
    )
    assert faults(rows, _valued()).to_list() == [None, "no id", "no time"]


def test_many_strange_decisions_are_told_together() -> None:
    rows = _rows([0.1] * 9, [f"act {row}" for row in range(8)] + ["act 7"])
    counts = reasons(faults(rows, _valued()))
    assert sum(counts.values()) == 9
    assert len(counts) == 4
    assert counts["yet another decision"] == 5


def test_rows_of_a_bundle_that_nobody_has_stay() -> None:
    rows = _rows([None, 0.2], ["call", "skip"])
    left, counts = sound(rows, lambda _: None)
    assert left.equals(rows)
    assert counts == {}
