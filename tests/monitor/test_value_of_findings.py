"""What findings cost a day, by which alerts are ranked and small drift is left aside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.monitor.test_monitor_run import NO_OUTCOMES, Live, _charter, _run
from tests.watched_cases import (
    counted,
    counted_of_three,
    drawn,
    drawn_of_three,
    watched,
    watched_of_three,
)

from assay.monitor.concept import concept_drift, concept_findings
from assay.monitor.track_record import Gap, track_record
from assay.monitor.volume import Volume
from assay.value.payoff import PayoffTable

A_DAY = Volume(100.0, "planned")


def test_concept_drift_costs_what_the_outcomes_that_do_not_come_would_have_paid() -> None:
    model, rng = watched(3), np.random.default_rng(4)
    windows, missed = [], 0.0
    for _ in range(6):
        score, y = drawn(rng, 2000)
        top = score > 0.8
        chance = model.forecast(score)[:, 1]
        y[top] = rng.random(int(top.sum())) < 0.3
        windows.append(counted(model, score, y))
        # Where a call pays 3 or costs 1, each share of "yes" that does not come costs 4.
        missed += 4 * float((chance[top] - 0.3).sum()) / len(score) / 6
    seen = concept_drift(model, windows)
    assert seen.lost is not None
    assert seen.lost.unit == "EUR per decision"
    assert seen.lost.low < missed < seen.lost.high
    assert seen.lost.mean == pytest.approx(missed, rel=0.1)
    finding = concept_findings(seen, A_DAY)[0]
    assert finding.value_per_day is not None
    assert finding.value_per_day.unit == "EUR per day"
    assert finding.value_per_day.mean == pytest.approx(100 * seen.lost.mean)
    assert concept_findings(seen)[0].value_per_day is None
    assert seen.document()["lost"]["mean"] == seen.lost.mean


def test_nobody_knows_what_concept_drift_costs_where_payoffs_read_columns() -> None:
    model, rng = watched(3), np.random.default_rng(4)
    score, y = drawn(rng, 3000, drift=2.0)
    tables = [counted(model, score, y)] * 3
    assert concept_drift(model, tables).lost is not None
    paid = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, "x"), (0.0, 0.0)))
    reading = replace(model, valuation=replace(model.valuation, table=paid))  # type: ignore[type-var]
    seen = concept_drift(reading, tables)
    assert (seen.drifting, seen.lost) == (True, None)


def test_nobody_knows_what_concept_drift_of_three_outcomes_costs() -> None:
    model, rng = watched_of_three(0), np.random.default_rng(1)
    tables = [counted_of_three(model, *drawn_of_three(rng, 3000, turn=1.0)) for _ in range(4)]
    seen = concept_drift(model, tables)
    assert (seen.drifting, seen.lost) == (True, None)


def test_the_interval_of_a_gap_shrinks_with_labels_but_not_below_the_calibrations_error() -> None:
    one = track_record([{"call": Gap(-0.4, 0.1, 0.03, 500)}])
    many = track_record([{"call": Gap(-0.4, 0.1, 0.03, 500)}] * 400)
    assert one.error == pytest.approx(np.hypot(0.1, 0.03))
    assert many.error == pytest.approx(np.hypot(0.1 / 20, 0.03))
    told = many.estimate("EUR per case")
    assert told.n == 200_000
    assert told.mean == pytest.approx(-0.4)
    assert told.high - told.low == pytest.approx(2 * 1.96 * many.error)
    assert track_record([]).estimate("EUR per case").mean == 0


def test_estimates_that_went_stale_say_what_they_promise_too_much_a_day() -> None:
    charter = _charter()
    live = Live(charter)
    captures = list(live.serve(2000, drift=-2.0))
    found = _run(live, charter, captures, live.tell())
    stale = [one.finding for one in found.alerts if one.finding.kind == "stale"]
    record = found.windows[-1].record
    assert stale[-1].value_per_day is not None
    assert stale[-1].value_per_day.unit == "EUR per day"
    assert stale[-1].value_per_day.mean == pytest.approx(-record.gap * 3000 * 12 / 365.25)
    assert 0 < stale[-1].value_per_day.low < stale[-1].value_per_day.high


def test_drift_that_costs_less_than_the_floor_a_day_raises_no_alert() -> None:
    told = {}
    for floor in (0.0, 20.0):
        charter = _charter(monitoring={"window": "500 rows", "least_per_day": floor})
        live = Live(charter)
        captures = list(live.serve(1500, shift=1.0))
        found = _run(live, charter, captures, NO_OUTCOMES)
        assert {one.feature for one in found.windows[0].measured.drift.moved} == {"x"}
        told[floor] = [one.finding for one in found.alerts if one.finding.kind == "drift"]
    assert [one.metric for one in told[0.0]] == ["inputs"]
    assert told[0.0][0].value_per_day is not None
    assert abs(told[0.0][0].value_per_day.mean) < 20
    assert told[20.0] == []


def test_a_floor_holds_nothing_back_whose_effect_nobody_knows() -> None:
    paid = {
        "currency": "EUR",
        "actions": {"call": {"yes": "9 + x", "no": -1}, "skip": 0},
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        "decisions_per_month": 3000,
    }
    charter = _charter(value=paid, monitoring={"window": "500 rows", "least_per_day": 1e9})
    live = Live(charter)
    found = _run(live, charter, list(live.serve(1000, shift=1.0)), NO_OUTCOMES)
    drifted = [one.finding for one in found.alerts if one.finding.kind == "drift"]
    assert [one.value_per_day for one in drifted] == [None]
