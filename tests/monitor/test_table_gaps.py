"""Gaps read from tables are those of the rows, and estimates that hold are seldom called stale."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from bench.simulate.traffic import Traffic, bank

from assay.monitor.pricing import pricing
from assay.monitor.table_gaps import table_gaps
from assay.monitor.tabling import tabled
from assay.monitor.track_record import Gap, measured_gaps, track_record
from assay.stats.score_table import ScoreTable


@cache
def _traffic(cells: str, baseline: str) -> Traffic:
    return Traffic(11, bank(cells, baseline), labels=1500)


def _gaps(traffic: Traffic, n: int, drift: float = 0.0) -> dict[str, Gap]:
    table = tabled((), traffic.watched, traffic.cases(n, drift=drift))
    assert isinstance(table, ScoreTable)
    return table_gaps(table, pricing(traffic.watched, table))


@pytest.mark.parametrize("baseline", ["skip", "call", "column: past"])
@pytest.mark.parametrize("cells", ["numbers", "amount"])
def test_gaps_from_the_table_are_those_of_the_rows(cells: str, baseline: str) -> None:
    traffic = _traffic(cells, baseline)
    watched, cases = traffic.watched, traffic.cases(2000)
    rows = measured_gaps(
        watched.valuation,
        watched.forecast(cases.score, cases.columns),
        cases.decisions,
        cases.outcomes,
        cases.labelled,
        cases.columns,
        watched.blocks(cases.score, cases.columns),
    )
    table = tabled((), watched, cases)
    assert isinstance(table, ScoreTable)
    found = table_gaps(table, pricing(watched, table))
    assert found.keys() == rows.keys() == {"call", "skip"}
    for action, gap in found.items():
        assert gap.n == rows[action].n
        assert gap.gap == pytest.approx(rows[action].gap, abs=0.05 * gap.noise)
        assert gap.noise == pytest.approx(rows[action].noise, rel=0.03)
        assert gap.calibration == pytest.approx(rows[action].calibration, rel=0.03)
        assert gap.reach == pytest.approx(rows[action].reach, rel=0.35)
    assert table_gaps(table.unlabelled(), pricing(watched, table)) == {}


def test_many_windows_do_not_make_good_estimates_stale() -> None:
    stale = []
    for seed in range(12):
        traffic = Traffic(100 + seed, bank(), labels=4000)
        stale.append(track_record([_gaps(traffic, 2000) for _ in range(40)]).stale)
    assert np.mean(stale) <= 0.1


def test_what_drifts_is_called_stale_once_labels_tell() -> None:
    traffic = _traffic("numbers", "skip")
    assert track_record([_gaps(traffic, 2000, drift=-0.5) for _ in range(4)]).stale


def test_the_tolerance_is_granted() -> None:
    gaps = [{"call": Gap(-0.4, 0.05, 0.01, 500)}] * 5
    assert track_record(gaps).stale
    assert not track_record(gaps, tolerance=0.4).stale


def test_a_few_large_payoffs_are_no_evidence_by_themselves() -> None:
    """One of the few that pay may fall into one window by chance, as far as that reaches."""
    lucky = {"call": Gap(4.0, 1.0, 0.0, 1000, reach=3.0)}
    assert (
        track_record([lucky]).evidence < track_record([{"call": Gap(4.0, 1.0, 0.0, 1000)}]).evidence
    )
    assert not track_record([lucky]).stale
