"""Inputs that come not as the version was built with are told, and stop nothing."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from tests.monitor.test_monitor_run import Live, Record, _charter, _run

from assay.monitor.input_changes import input_changes, named_by
from assay.monitor.run import MonitorResult

PAID = {
    "currency": "EUR",
    "actions": {"call": {"yes": "9 + x", "no": -1}, "skip": 0},
    "baselines": {"nobody": "skip"},
    "baseline": "nobody",
    "decisions_per_month": 3000,
}


def _schema(found: MonitorResult) -> list[list[str]]:
    for one in found.windows:
        json.dumps(one.document())
    return [[change.text for change in one.measured.schema] for one in found.windows]


def _served(live: Live) -> list[Record]:
    return list(live.serve(1500))


@pytest.mark.parametrize("payoffs", [{}, {"value": PAID}])
def test_text_where_numbers_were_is_told_and_the_window_is_measured(payoffs: Any) -> None:
    charter = _charter(**payoffs)
    live = Live(charter)
    captures = _served(live)
    for one in captures[500:1000]:
        one["inputs"]["x"] = "many"
    for one in captures[1000:1003]:
        one["inputs"]["x"] = "?"
    found = _run(live, charter, captures, live.tell())
    first, second, third = _schema(found)
    assert first == []
    assert second[0] == "x holds text in every row, numbers before"
    assert third[0] == "x holds text in 3 of 500 rows, numbers before"
    assert len(second) == len(third) == (2 if payoffs else 1)
    findings = found.windows[1].judged.findings
    assert [one.kind for one in findings if one.kind == "schema"] == ["schema"]


def test_amounts_that_payoffs_lack_are_valued_as_usual_and_said_to_be() -> None:
    charter = _charter(value=PAID)
    live = Live(charter)
    captures = _served(live)
    for one in captures[500:505]:
        one["inputs"]["x"] = None
    found = _run(live, charter, captures, live.tell())
    said = "x, which payoffs read, is missing in 5 of 500 rows, which are valued at its usual mean"
    assert _schema(found)[1] == [f"{said} 0.4911"]
    assert found.windows[1].measured.drift.features["x"].n == 495


def test_numbers_where_text_was_and_inputs_that_come_or_go_are_told() -> None:
    charter = _charter()
    live = Live(charter)
    captures = _served(live)
    for one in captures[500:1000]:
        one["inputs"]["c"] = 3
        one["inputs"]["height"] = 1.8
    for one in captures[1000:]:
        del one["inputs"]["x"]
    found = _run(live, charter, captures, live.tell())
    assert _schema(found) == [
        [],
        ["c holds numbers, text before", "height is new"],
        ["x is missing in every row"],
    ]


def test_numbers_written_as_text_and_columns_that_are_known_change_nothing() -> None:
    charter = _charter(data={"source": "x.csv", "outcome": "y", "positive": "yes", "ignore": ["z"]})
    watched = Live(charter).watched
    given = {
        "x": pl.Series(["1.5", " 2", "", None]),
        "c": pl.Series(["a", "b", "3", None]),
        "z": pl.Series([1.0, 2.0, 3.0, 4.0]),
        "height": pl.Series([None] * 4, dtype=pl.Float64),
    }
    assert input_changes(watched, given, named_by(charter)) == ()
    assert [one.text for one in input_changes(watched, given)] == ["z is new"]
