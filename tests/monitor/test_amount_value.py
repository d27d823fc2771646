"""Value of decided amounts read from tables is the value of the rows."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from assay.monitor.amount_value import amount_gaps, expected_amounts, realised_amounts
from assay.monitor.cases import Cases
from assay.monitor.tabling import tabled
from assay.monitor.track_record import measured_gaps
from assay.monitor.value import expected_uplift, realised_uplift
from assay.monitor.watched import Watched
from assay.stats.amount_table import AmountTable
from assay.stats.reference import make_reference, read_reference
from assay.stats.residuals import fit_predictive
from assay.value.continuous_payoff import UnitCosts
from assay.value.regression import RegressionValuation

BIKES = RegressionValuation("EUR", UnitCosts(3, 1), {"ten": 10.0}, "ten")


@cache
def _watched() -> Watched:
    level, outcome = _drawn(0, 3000)
    reference = read_reference(make_reference({"hour": np.arange(3000.0) % 24}, level))
    return Watched((), BIKES, fit_predictive(level, outcome), reference)


def _drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    level = rng.uniform(5, 20, n)
    return level, level + rng.gamma(2.0, level / 10) - level / 5


def _cases(seed: int, n: int) -> Cases:
    level, outcome = _drawn(seed, n)
    decisions = BIKES.decide(_watched().forecast(level), {})
    decisions[: n // 10] = 10.0  # as the baseline would
    columns = {"hour": np.arange(float(n)) % 24}
    return Cases.before_labels(columns, level, decisions).known(outcome)


def _table(cases: Cases) -> AmountTable:
    table = tabled(("hour",), _watched(), cases)
    assert isinstance(table, AmountTable)
    return table


def test_expected_uplift_of_amounts_is_that_of_the_rows() -> None:
    watched, cases = _watched(), _cases(1, 700)
    forecast = watched.forecast(cases.score)
    rows = expected_uplift(
        BIKES, forecast, cases.decisions, {}, watched.blocks(cases.score), ("x",)
    )
    found = expected_amounts(_table(cases), BIKES, watched.cells, moved=True)
    assert found.uplift.mean == pytest.approx(rows.uplift.mean)
    assert found.uplift.low == pytest.approx(rows.uplift.low)
    assert (found.noise, found.calibration) == pytest.approx((rows.noise, rows.calibration))
    assert found.uplift.method == rows.uplift.method


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_realised_uplift_of_amounts_is_that_of_the_rows(share: float) -> None:
    watched, cases = _watched(), _cases(2, 900)
    known = np.random.default_rng(1).random(900) < share
    cases = replace(cases.known(cases.outcomes, known), matured=np.arange(900) < 800)
    ripe = cases.ripe()
    rows = realised_uplift(
        BIKES,
        watched.forecast(ripe.score),
        ripe.decisions,
        ripe.outcomes,
        ripe.labelled,
        {},
        blocks=watched.blocks(ripe.score),
        seed=1,
    )
    found = realised_amounts(_table(cases), BIKES, seed=1)
    assert rows is not None
    assert found is not None
    width = rows.uplift.high - rows.uplift.low
    assert found.uplift.mean == pytest.approx(rows.uplift.mean)
    assert found.uplift.low == pytest.approx(rows.uplift.low, abs=0.1 * width)
    assert found.uplift.high == pytest.approx(rows.uplift.high, abs=0.1 * width)
    assert found.value == pytest.approx(rows.value)
    for name in ("cases", "labelled", "pending", "hidden", "moved"):
        assert getattr(found, name) == getattr(rows, name), name
    assert found.uplift.n == rows.uplift.n


def test_gaps_of_amounts_are_those_of_the_rows() -> None:
    watched, cases = _watched(), _cases(3, 600)
    forecast, blocks = watched.forecast(cases.score), watched.blocks(cases.score)
    rows = measured_gaps(
        BIKES, forecast, cases.decisions, cases.outcomes, cases.labelled, {}, blocks
    )
    found = amount_gaps(_table(cases), watched.cells)
    assert found[""].gap == pytest.approx(rows[""].gap)
    assert found[""].noise == pytest.approx(rows[""].noise)
    assert found[""].calibration == pytest.approx(rows[""].calibration)
    assert found[""].reach == pytest.approx(rows[""].reach)
    assert found[""].n == rows[""].n


def test_tables_of_amounts_add_up_and_read_back() -> None:
    cases = _cases(4, 500)
    first = np.arange(500) < 170
    merged = _table(cases.at(first)) + _table(cases.at(~first))
    again = AmountTable.from_document(merged.document())
    whole = _table(cases)
    for name in ("n", "told", "certain", "ripe", "labelled"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    for name in ("expected", "uplift_gap", "by_level", "told_by_level", "reach", "absolute"):
        np.testing.assert_allclose(getattr(again, name), getattr(whole, name))
    band = again.segments[1]
    assert again.at(band).n.sum() == whole.n[1].sum() > 0
    assert not again.unlabelled().told.any()
    assert realised_amounts(again.unlabelled(), BIKES, seed=1) is None
    assert amount_gaps(again.unlabelled(), _watched().cells) == {}
    with pytest.raises(ValueError, match="different models"):
        _ = again + replace(again, by_level=again.by_level[:3])
    none = _table(cases.at(np.zeros(500, dtype=bool)))
    with pytest.raises(ValueError, match="no decisions"):
        expected_amounts(none, BIKES, _watched().cells)
