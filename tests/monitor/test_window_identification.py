"""A window's uplift that actions could have changed is marked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.charter.policy import BestAction
from assay.monitor.possible import Blocks
from assay.monitor.value import Expected, Realised, expected_uplift, realised_uplift
from assay.value.classification import ClassificationValuation
from assay.value.continuous_payoff import UnitCosts
from assay.value.identification import is_marked
from assay.value.payoff import PayoffTable
from assay.value.regression import RegressionValuation

TABLE = PayoffTable(
    ("offer", "mail", "wait"), ("no", "yes"), ((-1.0, 9.0), (-0.1, 8.0), (0.0, 10.0))
)


def _both(moved_by: tuple[str, ...], baseline: str, taken: list[int]) -> tuple[Expected, Realised]:
    bank = ClassificationValuation("EUR", TABLE, BestAction(), {"b": baseline}, "b")
    n = 120
    decisions = np.resize(np.array(taken, dtype=np.int64), n)
    forecast = np.tile([0.6, 0.4], (n, 1))
    blocks = Blocks(np.zeros(n, dtype=np.int64), np.array([500]))
    expected = expected_uplift(bank, forecast, decisions, {}, blocks, moved_by)
    outcomes = np.resize(np.array([0, 1, 1], dtype=np.int64), n)
    labelled = np.ones(n, dtype=np.bool_)
    realised = realised_uplift(
        bank,
        forecast,
        decisions,
        outcomes,
        labelled,
        {},
        blocks=blocks,
        seed=3,
        moved_by=moved_by,
    )
    assert realised is not None
    return expected, realised


@pytest.mark.parametrize(
    ("moved_by", "baseline", "taken", "moved"),
    [
        ((), "wait", [0, 1, 2], 0),
        (("offer",), "wait", [0, 1, 2], 40),  # where it was taken in place of waiting
        (("offer",), "offer", [0, 1, 2], 80),  # where it was left out
        (("offer",), "wait", [1, 2, 2], 0),  # never at stake
        (("offer", "mail"), "wait", [0, 1, 2], 80),
        (("gone",), "wait", [0, 1, 2], 0),  # an action that this version does not know
    ],
)
def test_cases_are_moved_where_an_action_at_stake_moves_outcomes(
    moved_by: tuple[str, ...], baseline: str, taken: list[int], moved: int
) -> None:
    expected, realised = _both(moved_by, baseline, taken)
    assert realised.moved == moved
    assert realised.identified == (moved == 0)
    assert is_marked(realised.uplift) == is_marked(expected.uplift) == (moved > 0)
    plain = _both((), baseline, taken)[1]
    assert (realised.uplift.mean, realised.value) == (plain.uplift.mean, plain.value)


def test_amounts_move_outcomes_wherever_they_are_not_the_baselines() -> None:
    costs = RegressionValuation("EUR", UnitCosts(3.0, 1.0), {"ten": 10.0}, "ten")
    n = 40
    decisions = np.where(np.arange(n) < 30, 12.0, 10.0)
    forecast = np.tile([8.0, 12.0], (n, 1))
    blocks = Blocks(np.zeros(n, dtype=np.int64), np.array([500]))
    found = realised_uplift(
        costs,
        forecast,
        decisions,
        np.full(n, 11.0),
        np.ones(n, dtype=np.bool_),
        {},
        blocks=blocks,
        seed=1,
        moved_by=("decision",),
    )
    assert found is not None
    assert found.moved == 30
    assert "actions moved outcomes" in found.uplift.method


def test_a_baseline_that_pays_the_same_whatever_comes_needs_no_other_outcome() -> None:
    table = PayoffTable(("offer", "wait"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    bank = ClassificationValuation("EUR", table, BestAction(), {"a": "wait", "b": "offer"}, "a")
    n = 60
    decisions, outcomes = np.resize([0, 1], n), np.resize([0, 0, 1], n)
    for valued, moved in ((bank, 0), (replace(bank, baseline_name="b"), n // 2)):
        found = realised_uplift(
            valued,
            np.tile([0.6, 0.4], (n, 1)),
            decisions,
            outcomes,
            np.ones(n, dtype=np.bool_),
            {},
            blocks=Blocks(np.zeros(n, dtype=np.int64), np.array([500])),
            seed=2,
            moved_by=("offer",),
        )
        assert found is not None
        assert (found.moved, is_marked(found.uplift)) == (moved, moved > 0)
