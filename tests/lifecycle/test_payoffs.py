"""Served decisions are paid by the payoffs agreed now, whichever version took them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.charter.charter import Charter
from assay.lifecycle.payoffs import realised_payoffs
from assay.lifecycle.posting import served_cases
from assay.value.valuation import valuation

from .conftest import charter

NAN = float("nan")


def _record(id_: str, decision: Any, bundle: str = "a" * 64, **inputs: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "at": "2026-03-01T10:00:00+00:00",
        "model": "calls",
        "bundle": bundle,
        "decision": decision,
        "inputs": inputs,
    }


def _paid(given: Charter, *cases: tuple[dict[str, Any], Any]) -> list[float]:
    records, outcomes = [one for one, _ in cases], [outcome for _, outcome in cases]
    paid = realised_payoffs(valuation(given.value, given.data), records, outcomes)
    return [float(one) for one in paid]


def test_both_arms_are_paid_by_the_charter_as_it_is_now() -> None:
    dearer = charter(value={"actions": {"call": {"yes": 19, "no": -1}, "skip": 0}})
    records = [_record("a/0", "call", "a" * 64), _record("a/1", "call", "b" * 64)]
    told = pl.DataFrame({"id": ["a/0", "a/1"], "outcome": ["yes", "yes"], "revision": [1, 1]})
    assert served_cases(dearer, records, told).payoffs.tolist() == [19, 19]
    assert served_cases(charter(), records, told).payoffs.tolist() == [9, 9]


def test_a_payoff_is_unknown_where_nobody_can_tell_it() -> None:
    found = _paid(
        charter(),
        (_record("1", "call"), "no"),
        (_record("2", "call"), None),
        (_record("3", "skip"), None),
        (_record("4", "write"), "yes"),
        (_record("5", "call"), "perhaps"),
    )
    assert np.array_equal(found, [-1, NAN, 0, NAN, NAN], equal_nan=True)


def test_a_payoff_that_reads_a_column_needs_it() -> None:
    given = charter(
        value={
            "actions": {"call": {"yes": "size * 2", "no": -1}, "skip": 0},
            "caps": {"size": [0, 10]},
            "baselines": {"nobody": "skip", "before": "column: earlier"},
        }
    )
    found = _paid(
        given,
        (_record("1", "call", size=4), "yes"),
        (_record("2", "call", size=None), "yes"),
        (_record("3", "call"), "yes"),
        (_record("4", "call", size=400), "yes"),
    )
    assert np.array_equal(found, [8, NAN, NAN, 20], equal_nan=True)


def test_amounts_are_paid_too() -> None:
    document = charter().model_dump(mode="json", exclude_none=True, by_alias=True)
    document["data"] = {"source": "s.csv", "outcome": "y"}
    document["value"] = {
        "currency": "EUR",
        "under": 3,
        "over": 1,
        "baselines": {"fixed": 5},
        "baseline": "fixed",
        "decisions_per_month": 10,
    }
    given = Charter.model_validate(document)
    found = _paid(
        given, (_record("1", 10.0), 8.0), (_record("2", 10.0), None), (_record("3", "call"), 8.0)
    )
    assert np.array_equal(found, [-2, NAN, NAN], equal_nan=True)


@pytest.mark.parametrize("outcomes", [[], ["yes"]])
def test_nothing_served_pays_nothing(outcomes: list[str]) -> None:
    told = pl.DataFrame(
        {"id": ["x"] * len(outcomes), "outcome": outcomes, "revision": [1] * len(outcomes)},
        schema={"id": pl.String, "outcome": pl.String, "revision": pl.Int64},
    )
    assert served_cases(charter(), [], told).payoffs.shape == (0,)
