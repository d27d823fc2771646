"""Value read from tables is the value of the rows, and its intervals hold."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, reduce
from operator import add
from typing import Any

import numpy as np
import pytest
from bench.simulate.traffic import CELLS, Traffic, bank
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.charter.policy import BestAction
from assay.monitor.cases import Cases
from assay.monitor.pricing import pricing
from assay.monitor.table_gaps import table_gaps
from assay.monitor.table_value import expected_value, realised_value
from assay.monitor.tabling import layout, tabled
from assay.monitor.track_record import measured_gaps
from assay.monitor.value import expected_uplift, realised_uplift
from assay.monitor.watched import Watched
from assay.stats.class_calibration import fit_class_calibrator
from assay.stats.profile import named_scores
from assay.stats.reference import make_reference, read_reference
from assay.stats.score_table import ScoreTable
from assay.value.classification import ClassificationValuation
from assay.value.payoff import PayoffTable
from assay.value.reviewer import Reviewer


@cache
def _traffic(cells: str = "numbers", baseline: str = "skip", **more: Any) -> Traffic:
    return Traffic(3, bank(cells, baseline), labels=1500, **more)


def _table(traffic: Traffic, cases: Cases, segments: tuple[str, ...] = ()) -> ScoreTable:
    table = tabled(segments, traffic.watched, cases)
    assert isinstance(table, ScoreTable)
    return table


def _rows(traffic: Traffic, cases: Cases, **known: Any) -> Any:
    watched = traffic.watched
    ripe = cases.ripe()
    return realised_uplift(
        watched.valuation,
        watched.forecast(ripe.score, ripe.columns),
        ripe.decisions,
        ripe.outcomes,
        ripe.labelled,
        ripe.columns,
        blocks=watched.blocks(ripe.score, ripe.columns),
        seed=5,
        **known,
    )


@pytest.mark.parametrize("baseline", ["skip", "column: past"])
@pytest.mark.parametrize("cells", ["amount", "both"])
def test_where_forecasts_hang_on_the_amount_the_table_owes_calibration_what_the_rows_owe(
    cells: str, baseline: str
) -> None:
    traffic = _traffic(cells, baseline, by_amount=-0.6)
    watched, cases = traffic.watched, traffic.cases(4000)
    assert watched.by_amount
    forecast, blocks = (
        watched.forecast(cases.score, cases.columns),
        watched.blocks(cases.score, cases.columns),
    )
    known = (watched.valuation, forecast, cases.decisions, cases.columns)
    rows, table = expected_uplift(*known, blocks), _table(traffic, cases)
    found = expected_value(table, pricing(watched, table))
    assert found.calibration == pytest.approx(rows.calibration)
    alike = expected_uplift(*known, replace(blocks, by_amount=False))
    assert rows.calibration > 1.1 * alike.calibration, "amounts vary within each block"


@pytest.mark.parametrize("baseline", ["skip", "call", "column: past"])
@pytest.mark.parametrize("cells", CELLS)
def test_expected_uplift_from_the_table_is_that_of_the_rows(cells: str, baseline: str) -> None:
    traffic = _traffic(cells, baseline)
    watched, cases = traffic.watched, traffic.cases(4000)
    rows = expected_uplift(
        watched.valuation,
        watched.forecast(cases.score, cases.columns),
        cases.decisions,
        cases.columns,
        watched.blocks(cases.score, cases.columns),
    )
    table = _table(traffic, cases)
    found = expected_value(table, pricing(watched, table))
    if cells in {"numbers", "rare"}:
        assert found.uplift.mean == pytest.approx(rows.uplift.mean)
        assert found.calibration == pytest.approx(rows.calibration)
    error = np.hypot(rows.noise, rows.calibration)
    assert found.uplift.mean == pytest.approx(rows.uplift.mean, abs=0.05 * error)
    assert found.noise == pytest.approx(rows.noise, rel=0.02)
    assert found.calibration == pytest.approx(rows.calibration, rel=0.02)
    assert "table" in found.reading
    assert "row" in rows.reading


@pytest.mark.parametrize("baseline", ["skip", "call", "column: past"])
@pytest.mark.parametrize("cells", ["numbers", "rare"])
def test_realised_uplift_of_all_labels_is_that_of_the_rows(cells: str, baseline: str) -> None:
    traffic = _traffic(cells, baseline)
    cases = traffic.cases(1500)
    rows, table = _rows(traffic, cases), _table(traffic, cases)
    found = realised_value(table, pricing(traffic.watched, table), seed=5)
    assert found is not None
    assert found.uplift.mean == pytest.approx(rows.uplift.mean)
    assert found.uplift.low == pytest.approx(rows.uplift.low)
    assert found.uplift.high == pytest.approx(rows.uplift.high)
    assert found.value == pytest.approx(rows.value)
    assert found.uplift.method == rows.uplift.method
    assert (found.cases, found.labelled, found.pending, found.hidden, found.uplift.n) == (
        rows.cases,
        rows.labelled,
        rows.pending,
        rows.hidden,
        rows.uplift.n,
    )


@pytest.mark.parametrize("known", ["some", "revealed", "moved", "late"])
@pytest.mark.parametrize("cells", CELLS)
def test_realised_uplift_of_some_labels_is_that_of_the_rows(cells: str, known: str) -> None:
    traffic = _traffic(cells, "call")
    cases = traffic.cases(3000)
    told: dict[str, Any] = {}
    if known == "some":
        cases = cases.known(cases.outcomes, traffic.rng.random(3000) < 0.4)
    elif known == "revealed":
        told = {"revealed_by": ("call",)}
        cases = cases.known(cases.outcomes, (cases.decisions == 0) & (cases.score < 0.9))
    elif known == "moved":
        told = {"moved_by": ("call",)}
    else:
        cases = replace(cases, matured=np.arange(3000) < 2000)
        cases = replace(cases, labelled=traffic.rng.random(3000) < 0.8)
    rows, table = _rows(traffic, cases, **told), _table(traffic, cases)
    found = realised_value(table, pricing(traffic.watched, table, **told), seed=5)
    assert found is not None
    width = rows.uplift.high - rows.uplift.low
    assert found.uplift.mean == pytest.approx(rows.uplift.mean, abs=0.06 * width)
    assert found.uplift.low == pytest.approx(rows.uplift.low, abs=0.1 * width)
    assert found.uplift.high == pytest.approx(rows.uplift.high, abs=0.15 * width)
    assert found.value == pytest.approx(rows.value)
    assert found.calibration == pytest.approx(rows.calibration, rel=0.05)
    assert found.uplift.method == rows.uplift.method
    for name in ("cases", "labelled", "pending", "hidden", "moved", "identified"):
        assert getattr(found, name) == getattr(rows, name), name
    assert found.uplift.n == rows.uplift.n


def test_too_few_labels_say_nothing_yet() -> None:
    traffic = _traffic()
    cases = traffic.cases(400)
    few = cases.known(cases.outcomes, np.arange(400) < 10)
    table = _table(traffic, few)
    assert realised_value(table, pricing(traffic.watched, table), seed=1) is None
    assert realised_value(table.unlabelled(), pricing(traffic.watched, table), seed=1) is None


def test_where_the_baseline_is_repeated_no_label_is_needed() -> None:
    traffic = _traffic()
    cases = traffic.cases(400)
    idle = Cases.before_labels(cases.columns, cases.score, np.ones(400, dtype=np.int64))
    table = _table(traffic, idle)
    found = realised_value(table, pricing(traffic.watched, table), seed=1)
    assert found is not None
    assert (found.uplift.mean, found.uplift.n, found.value) == (0.0, 400, 0.0)


def test_no_cases_have_no_expected_value() -> None:
    traffic = _traffic()
    table = _table(traffic, traffic.cases(10).at(np.zeros(10, dtype=bool)))
    with pytest.raises(ValueError, match="no decisions"):
        expected_value(table, pricing(traffic.watched, table))


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(list(CELLS)), st.integers(2, 6), st.integers(0, 99))
def test_value_of_merged_tables_is_that_of_the_whole(cells: str, parts: int, seed: int) -> None:
    traffic = _traffic(cells, "call")
    cases = traffic.cases(800)
    cases = cases.known(cases.outcomes, traffic.rng.random(800) < 0.7)
    part = np.random.default_rng(seed).integers(0, parts, 800)
    plan = layout(("city", "amount"), traffic.watched)
    tables = [tabled(plan, traffic.watched, cases.at(part == one)) for one in range(parts)]
    whole, merged = tabled(plan, traffic.watched, cases), reduce(add, tables)
    assert isinstance(whole, ScoreTable)
    assert isinstance(merged, ScoreTable)
    np.testing.assert_array_equal(merged.n, whole.n)
    np.testing.assert_array_equal(merged.labelled, whole.labelled)
    again = ScoreTable.from_document(merged.document())
    priced = pricing(traffic.watched, whole)
    for segment in range(len(whole.segments)):
        if not whole.n[segment].any():
            continue
        one, two = (expected_value(table.at(segment), priced) for table in (again, whole))
        assert one.uplift.mean == pytest.approx(two.uplift.mean)
        assert one.noise == pytest.approx(two.noise, rel=1e-6, abs=1e-9)
        assert one.calibration == pytest.approx(two.calibration)
        first, second = (realised_value(t.at(segment), priced, seed=1) for t in (again, whole))
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert first.uplift.mean == pytest.approx(second.uplift.mean)
            assert first.uplift.high == pytest.approx(second.uplift.high, rel=0.01, abs=1e-6)


def test_segments_add_up_to_all_rows() -> None:
    traffic = _traffic("amount")
    cases = traffic.cases(3000)
    table = _table(traffic, cases, ("city", "amount", "no such column"))
    priced = pricing(traffic.watched, table)
    assert [column for column, _ in table.segments].count("city") == 4
    for column in ("city", "amount"):
        total = 0.0
        for place, (own, _) in enumerate(table.segments):
            if own == column and table.n[place].any():
                found = expected_value(table.at(place), priced).uplift
                total += found.mean * found.n
        assert total == pytest.approx(expected_value(table, priced).uplift.mean * 3000, rel=1e-3)


def test_changed_payoffs_need_no_second_look_at_the_rows() -> None:
    traffic = _traffic("amount")
    cases = traffic.cases(3000)
    table = _table(traffic, cases)
    for cells, baseline in (("both", "skip"), ("numbers", "call"), ("amount", "column: past")):
        changed = bank(cells, baseline)
        priced = pricing(traffic.watched, table, valuation=changed)
        if baseline == "column: past":
            assert "column" in priced.reread
            with pytest.raises(ValueError, match="does not tell"):
                expected_value(table, priced)
            continue
        rows = realised_uplift(
            changed,
            traffic.watched.forecast(cases.score, cases.columns),
            cases.decisions,
            cases.outcomes,
            cases.labelled,
            cases.columns,
            blocks=traffic.watched.blocks(cases.score, cases.columns),
            seed=5,
        )
        found = realised_value(table, priced, seed=5)
        assert rows is not None
        assert found is not None
        assert found.uplift.mean == pytest.approx(rows.uplift.mean)
        assert found.value == pytest.approx(rows.value)
    strange = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, "city"), (0.0, 0.0)))
    other = replace(bank("amount"), table=strange)
    assert "city" in pricing(traffic.watched, table, valuation=other).reread


def _three(seed: int = 0) -> tuple[Watched, Cases]:
    """Return a model of three outcomes with a reviewer, and cases it decided."""
    rng = np.random.default_rng(seed)

    def drawn(n: int) -> tuple[Any, Any]:
        powers = np.exp(rng.normal(size=(n, 3)) + np.array([1.5, 0.0, -0.5]))
        p = powers / powers.sum(axis=1, keepdims=True)
        return p, (rng.random((n, 1)) > p.cumsum(axis=1))[:, :2].sum(axis=1)

    cells = ((0.0, 0.0, 0.0), (-1.0, 4.0, 6.0), (-6.0, 2.0, 40.0))
    table = PayoffTable(("skip", "letter", "call"), ("none", "small", "large"), cells)
    letters = ClassificationValuation(
        "EUR",
        table,
        BestAction(),
        {"letters": "letter"},
        "letters",
        reviewer=Reviewer(1.0, 0.9),
    )
    p, came = drawn(3000)
    scores = named_scores(p, letters.labels)
    reference = read_reference(make_reference(scores))
    watched = Watched((), letters, fit_class_calibrator(p, came), reference)
    p, came = drawn(1500)
    decisions = letters.decide(watched.forecast(p), {})
    return watched, Cases.before_labels({}, p, decisions).known(came)


def test_three_outcomes_and_a_reviewer_are_read_from_the_table_too() -> None:
    watched, cases = _three()
    assert set(np.unique(cases.decisions).tolist()) == {0, 1, 2, 3}
    forecast, blocks = watched.forecast(cases.score), watched.blocks(cases.score)
    rows = expected_uplift(watched.valuation, forecast, cases.decisions, {}, blocks)
    table = tabled((), watched, cases)
    assert isinstance(table, ScoreTable)
    priced = pricing(watched, table)
    found = expected_value(table, priced)
    assert found.uplift.mean == pytest.approx(rows.uplift.mean)
    assert found.calibration == pytest.approx(rows.calibration)
    assert found.noise == pytest.approx(rows.noise, rel=0.03)
    none: dict[str, Any] = {}
    known = (
        watched.valuation,
        forecast,
        cases.decisions,
        cases.outcomes,
        cases.labelled,
        none,
    )
    real, again = (
        realised_uplift(*known, blocks=blocks, seed=5),
        realised_value(table, priced, seed=5),
    )
    assert real is not None
    assert again is not None
    assert again.uplift.mean == pytest.approx(real.uplift.mean)
    assert (again.uplift.low, again.uplift.high) == pytest.approx(
        (real.uplift.low, real.uplift.high)
    )
    gaps, by_row = table_gaps(table, priced), measured_gaps(*known, blocks)
    assert gaps.keys() == by_row.keys() == {"skip", "letter", "call", "refer"}
    for action, gap in gaps.items():
        assert gap.gap == pytest.approx(by_row[action].gap, abs=0.1 * gap.noise)
        assert gap.noise == pytest.approx(by_row[action].noise, rel=0.1)
