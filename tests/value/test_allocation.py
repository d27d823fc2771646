"""Sharing out what there is not enough of."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from assay.value.allocation import allocate, priced, shadow_prices
from assay.value.payoff import Floats, Ints

ONE_PLACE = np.array([[0.0, 1.0]])
GAINS = st.lists(st.integers(-3, 6).map(float), min_size=1, max_size=60)


def acting(gains: list[float]) -> Floats:
    """Return (n, 2): nothing without acting, the gain with it."""
    return np.column_stack([np.zeros(len(gains)), gains])


def total(expected: Floats, codes: Ints) -> float:
    return float(expected[np.arange(len(codes)), codes].sum())


@given(GAINS, st.integers(0, 20))
def test_places_go_to_the_highest_gains_and_to_no_loss(gains: list[float], places: int) -> None:
    taken = allocate(acting(gains), [ONE_PLACE], [places]) == 1
    worth_it = sorted((gain for gain in gains if gain > 0), reverse=True)
    assert sorted(np.array(gains)[taken], reverse=True) == worth_it[:places]


@given(GAINS, st.integers(0, 20))
def test_a_price_keeps_to_the_places_whatever_ties(gains: list[float], places: int) -> None:
    expected = acting(gains)
    prices = shadow_prices(expected, [ONE_PLACE], [places])
    taken = int((priced(expected, [ONE_PLACE], prices) == 1).sum())
    worth_it = sorted((gain for gain in gains if gain > 0), reverse=True)
    assert taken <= places
    if len(worth_it) <= places or (places and worth_it[places - 1] > worth_it[places]):
        assert taken == min(places, len(worth_it))


def test_ties_go_to_who_came_first() -> None:
    codes = allocate(acting([2.0, 3.0, 2.0, 2.0]), [ONE_PLACE], [2])
    assert codes.tolist() == [1, 1, 0, 0]


def test_ties_can_go_to_early_and_late_cases_alike() -> None:
    codes = allocate(acting([2.0] * 1000), [ONE_PLACE], [100], spread_ties=True)
    assert codes.sum() == 100
    by_tenth = codes.reshape(10, 100).sum(axis=1)
    assert by_tenth.min() >= 8
    assert by_tenth.max() <= 12


@given(st.integers(0, 10_000))
def test_a_budget_falls_short_of_the_best_by_less_than_one_case(seed: int) -> None:
    rng = np.random.default_rng(seed)
    expected = np.column_stack([np.zeros(5), rng.normal(1, 2, (5, 2))])
    use = np.column_stack([np.zeros(5), rng.uniform(0.2, 3, (5, 2))])
    amount = float(rng.uniform(0, 8))
    codes = allocate(expected, [use], [amount])
    assert use[np.arange(5), codes].sum() <= amount + 1e-6
    best = max(
        total(expected, np.array(choice))
        for choice in itertools.product(range(3), repeat=5)
        if use[np.arange(5), choice].sum() <= amount
    )
    assert best - float(expected.max()) - 1e-9 <= total(expected, codes) <= best + 1e-9


@given(st.integers(0, 10_000))
def test_several_limits_hold_and_cost_little_against_the_linear_programme(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, amounts = 60, [8.0, 15.0]
    expected = np.column_stack([np.zeros(n), rng.normal(1, 2, (n, 3))])
    uses = [
        np.array([[0.0, 1, 0, 0]]),
        np.column_stack([np.zeros((n, 1)), rng.uniform(0, 1, (n, 3))]),
    ]
    codes = allocate(expected, uses, amounts)
    full = [np.broadcast_to(use, (n, 4)) for use in uses]
    for use, amount in zip(full, amounts, strict=True):
        assert use[np.arange(n), codes].sum() <= amount + 1e-6
    bound = -linprog(
        -expected.ravel(),
        A_ub=np.stack([use.ravel() for use in full]),
        b_ub=amounts,
        A_eq=np.kron(np.eye(n), np.ones(4)),
        b_eq=np.ones(n),
    ).fun
    assert bound - 4 * float(expected.max()) <= total(expected, codes) <= bound + 1e-6


def test_without_limits_each_case_gets_its_best() -> None:
    assert allocate(np.array([[0.0, 2.0], [1.0, -1.0]]), [], []).tolist() == [1, 0]


def test_nobody_is_left_out_where_there_is_enough() -> None:
    expected = acting([1.0, 2.0, -1.0])
    assert shadow_prices(expected, [ONE_PLACE], [5]) == (0.0,)
    assert allocate(expected, [ONE_PLACE], [5]).tolist() == [1, 1, 0]


@pytest.mark.parametrize("amount", [0.0, 10.0, 50.0])
def test_a_price_is_what_one_place_more_brings(amount: float) -> None:
    expected = acting(np.random.default_rng(11).normal(1, 2, 200).tolist())
    (price,) = shadow_prices(expected, [ONE_PLACE], [amount])
    less, more = (
        total(expected, allocate(expected, [ONE_PLACE], [places]))
        for places in (amount, amount + 1)
    )
    assert more - less == pytest.approx(price, abs=0.3)
