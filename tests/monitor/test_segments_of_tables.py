"""Where money is lost is found, ranked, and not made up by looking at many segments."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from bench.simulate.traffic import Traffic, bank

from assay.charter.data import Data
from assay.monitor.cases import Cases
from assay.monitor.tabling import layout, tabled
from assay.monitor.valued import valued, valued_segments
from assay.value.payoff import PayoffTable

BY = ("city", "amount", "past")
DATA = Data(source="x.csv", outcome="y", positive="yes")


@cache
def _traffic(cells: str = "numbers") -> Traffic:
    return Traffic(21, bank(cells), labels=1500)


def _lossy(traffic: Traffic, n: int) -> Cases:
    """Return cases of which nobody in Faro says yes, though the score says so."""
    cases = traffic.cases(n)
    return cases.known(np.where(cases.columns["city"] == "Faro", 0, cases.outcomes))


def test_the_segment_that_loses_comes_first() -> None:
    traffic = _traffic()
    table = tabled(BY, traffic.watched, _lossy(traffic, 3000))
    found = valued_segments(DATA, traffic.watched, table, per_day=600)
    assert (found[0].column, found[0].value) == ("city", "Faro")
    assert [one.value for one in found if one.loses] == ["Faro"]
    assert found[0].a_day.unit == "EUR per day"
    assert found[0].a_day.mean == pytest.approx(600 * found[0].share * found[0].per_decision.mean)
    assert found[0].document()["basis"] == "realised"
    cities = [one for one in found if one.column == "city"]
    assert sum(one.share for one in cities) == pytest.approx(1.0)


def test_before_labels_segments_have_what_is_expected() -> None:
    traffic = _traffic("amount")
    table = tabled(BY, traffic.watched, _lossy(traffic, 2000)).unlabelled()
    found = valued_segments(DATA, traffic.watched, table, per_day=600)
    assert {one.basis for one in found} == {"expected"}
    assert not any(one.loses for one in found)


def test_segments_that_lose_nothing_are_seldom_said_to() -> None:
    wrong = 0
    traffic = _traffic()
    for _ in range(40):
        cases = traffic.cases(600)
        # Calling everybody whose chance is a tenth gains nothing and loses nothing.
        even = np.where(traffic.rng.random(600) < 0.1, 1, 0)
        idle = replace(cases.known(even), decisions=np.zeros(600, dtype=np.int64))
        table = tabled(BY, traffic.watched, idle)
        wrong += any(one.loses for one in valued_segments(DATA, traffic.watched, table, per_day=1))
    assert wrong <= 5


def test_the_table_tells_a_window_s_value_without_its_rows() -> None:
    traffic = _traffic()
    cases = traffic.cases(900)
    table = tabled(layout(BY, traffic.watched), traffic.watched, cases)
    alone, beside = (valued(DATA, traffic.watched, table, given) for given in (None, cases))
    assert alone == beside
    assert "without a row" in alone.reading
    assert alone.realised is not None
    assert alone.gaps


def test_entities_need_the_rows_for_the_interval_and_it_says_so() -> None:
    traffic = _traffic()
    cases = traffic.cases(900)
    owned = replace(cases, entities=np.repeat(np.arange(90), 10).astype(str))
    found = valued(DATA, traffic.watched, tabled((), traffic.watched, owned), owned)
    assert "entity" in found.reading
    assert found.realised is not None
    assert "by entity" in found.realised.uplift.method
    assert "table" in found.expected.reading


def test_segments_of_entities_that_say_the_same_ten_times_are_no_surer_than_of_each_once() -> None:
    traffic = _traffic()
    once = _lossy(traffic, 400)
    tenfold = Cases(
        {name: np.repeat(column, 10) for name, column in once.columns.items()},
        np.repeat(once.score, 10),
        np.repeat(once.decisions, 10),
        np.repeat(once.outcomes, 10),
        np.ones(4000, dtype=np.bool_),
        np.repeat(np.arange(400), 10).astype(str),
    )

    def widths(cases: Cases, given: Cases | None) -> dict[tuple[str, str], float]:
        table = tabled(BY, traffic.watched, cases)
        found = valued_segments(DATA, traffic.watched, table, given, per_day=1.0)
        assert given is None or all("row by row" in one.per_decision.method for one in found)
        return {(one.column, one.value): one.a_day.high - one.a_day.low for one in found}

    alone, clustered, naive = widths(once, None), widths(tenfold, tenfold), widths(tenfold, None)
    assert set(alone) == set(clustered)
    for name, width in alone.items():
        assert clustered[name] == pytest.approx(width, rel=0.2)
        assert naive[name] < 0.5 * width, "the table alone takes them as independent"


def test_before_labels_segments_of_entities_are_widened_as_much_as_can_be() -> None:
    traffic = _traffic()
    cases = traffic.cases(900)
    owners = np.repeat(np.arange(225), 4).astype(str)
    early = replace(cases, labelled=np.zeros(900, dtype=np.bool_), entities=owners)
    table = tabled(("past",), traffic.watched, early)
    plain = valued_segments(DATA, traffic.watched, table, per_day=1.0)
    wider = valued_segments(DATA, traffic.watched, table, early, per_day=1.0)
    for one, other in zip(plain, wider, strict=True):
        rows = early.columns["past"] == one.value
        _, sizes = np.unique(owners[rows], return_counts=True)
        most = np.sqrt((sizes**2).sum() / sizes.sum())
        assert other.a_day.high - other.a_day.mean == pytest.approx(
            most * (one.a_day.high - one.a_day.mean)
        )
        assert "as much as cases of one entity can need" in other.a_day.method


def test_payoffs_that_no_table_keeps_are_read_row_by_row_and_it_says_so() -> None:
    cells = tuple(tuple(f"min(amount, {3 * a + k + 2})" for k in range(2)) for a in range(5))
    many = PayoffTable(("call", "skip", "wait", "write", "visit"), ("no", "yes"), cells)
    traffic = _traffic()
    odd = replace(traffic.watched, valuation=replace(bank(), table=many))
    cases = traffic.cases(400)
    table = tabled(BY, odd, cases)
    found = valued(DATA, odd, table, cases)
    assert "the rows keep no sum of `min(2.0, amount)`" in found.reading
    assert found.realised is not None
    assert valued_segments(DATA, odd, table, per_day=1.0) == ()
    with pytest.raises(ValueError, match="rows are needed"):
        valued(DATA, odd, table)


def test_where_an_action_hides_outcomes_chance_tells_what_labels_do_not() -> None:
    calling = Traffic(22, bank("numbers", "call"), labels=1500)
    hiding = DATA.model_copy(update={"revealed_by": ("call",)})
    cases, rng = calling.cases(3000), np.random.default_rng(3)
    drawn = np.where(rng.random(3000) < 0.2, rng.integers(0, 2, 3000), cases.decisions)
    chance = np.where(drawn == cases.decisions, 0.9, 0.1)
    explored = replace(cases, decisions=drawn, labelled=drawn == 0, propensity=chance)
    table = tabled((), calling.watched, explored)
    found = valued(hiding, calling.watched, table, explored)
    assert found.realised is not None
    assert found.by_chance is not None
    assert found.realised.identified
    assert found.realised.uplift == found.by_chance.uplift
    assert "chance" in found.reading
    alone = valued(hiding, calling.watched, table, replace(explored, propensity=None))
    assert alone.realised is not None
    assert alone.by_chance is not None
    assert not alone.realised.identified
    assert "one-sided" in alone.by_chance.words


def test_a_segment_of_few_cases_is_left_out() -> None:
    traffic = _traffic()
    table = tabled(("city",), traffic.watched, traffic.cases(45))
    assert valued_segments(DATA, traffic.watched, table, per_day=1.0) == ()
