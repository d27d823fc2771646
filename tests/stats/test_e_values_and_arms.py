"""The edges of merging e-values, of e-BH, of two arms and of the sequences' arguments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.asymptotic_sequence import AsymptoticSequence
from assay.stats.beta_binomial import BetaBinomialSequence, RateProcess
from assay.stats.confidence_sequence import ConfidenceSequence, sequence_estimate
from assay.stats.e_values import merge_e_values
from assay.stats.empirical_bernstein import EmpiricalBernsteinSequence, empirical_bernstein_sequence
from assay.stats.hedged_betting import HedgedBettingSequence
from assay.stats.multiple_testing import e_benjamini_hochberg
from assay.stats.quantile_sequence import QuantileSequence, quantile_interval
from assay.stats.sample_ratio import sample_ratio_log_e
from assay.stats.two_arms import TwoArms

E_VALUES = st.lists(st.floats(0, 1e300), min_size=1, max_size=30)


@given(E_VALUES)
def test_the_mean_lies_between_and_keeps_infinity(values: list[float]) -> None:
    mean = merge_e_values(values)
    assert min(values) * (1 - 1e-9) <= mean <= max(values) * (1 + 1e-9)
    assert merge_e_values([*values, np.inf]) == np.inf
    assert merge_e_values([*values, np.inf], weights=[*[1.0] * len(values), 0.0]) == pytest.approx(
        mean
    )


def test_products_at_the_ends() -> None:
    assert merge_e_values([0.0, np.inf], independent=True) == 0.0
    assert merge_e_values([2.0, np.inf], independent=True) == np.inf
    assert merge_e_values([1e200, 1e200], independent=True) == np.inf
    assert merge_e_values([1e200, 1e-200], independent=True) == pytest.approx(1.0)
    assert merge_e_values([1.0, 4.0], weights=[3.0, 1.0]) == pytest.approx(1.75)


@pytest.mark.parametrize(
    "merge",
    [
        lambda: merge_e_values([]),
        lambda: merge_e_values([-1.0]),
        lambda: merge_e_values([np.nan]),
        lambda: merge_e_values([1.0, 2.0], weights=[1.0]),
        lambda: merge_e_values([1.0], weights=[0.0]),
        lambda: merge_e_values([1.0], weights=[1.0], independent=True),
    ],
)
def test_what_is_no_e_value_or_weight_is_refused(merge: Callable[[], float]) -> None:
    with pytest.raises(ValueError, match="e-value"):
        merge()


def test_the_mean_of_dependent_e_values_is_one_and_their_product_is_not() -> None:
    # One bet, counted three times: its mean is 1 under the claim, its cube's is not.
    bet = np.where(np.random.default_rng(501).random(20_000) < 0.25, 4.0, 0.0)
    thrice = np.stack([bet] * 3, axis=1)
    assert np.mean([merge_e_values(row) for row in thrice]) == pytest.approx(1.0, abs=0.05)
    assert np.mean([merge_e_values(row, independent=True) for row in thrice]) > 10


def test_e_bh_with_certain_impossible_and_missing_e_values() -> None:
    e = np.array([np.inf, 0.0, 50.0, np.nan, 1.0])
    np.testing.assert_array_equal(e_benjamini_hochberg(e, 0.1), [True, False, True, False, False])
    assert e_benjamini_hochberg(np.full(3, np.inf), 0.01).all()
    assert not e_benjamini_hochberg(np.zeros(3), 0.5).any()
    assert not e_benjamini_hochberg(np.array([]), 0.5).any()
    assert not e_benjamini_hochberg(np.array([np.nan]), 0.5).any()
    with pytest.raises(ValueError, match="zero or more"):
        e_benjamini_hochberg(np.array([1.0, -0.5]), 0.1)


@given(st.lists(st.floats(0, 1e6) | st.just(np.inf), max_size=20), st.floats(0.001, 0.999))
def test_e_bh_is_its_definition(values: list[float], rate: float) -> None:
    e = np.array(values)
    counts = [k for k in range(1, len(e) + 1) if np.sort(e)[-k] * k * rate >= len(e)]
    believed = e_benjamini_hochberg(e, rate)
    assert believed.sum() >= max(counts, default=0)
    if counts:
        np.testing.assert_array_equal(believed, e >= np.sort(e)[-max(counts)])


@given(
    st.tuples(st.floats(-50, 50), st.floats(0.1, 100)),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3),
    st.floats(-20, 20),
    st.integers(0, 10_000),
)
def test_what_a_unit_says_stays_within_its_bounds(
    ends: tuple[float, float], shares: list[float], centre: float, seed: int
) -> None:
    bounds = (ends[0], ends[0] + ends[1])
    arms = TwoArms(bounds, tuple(shares), centre)
    rng = np.random.default_rng(seed)
    paid = rng.uniform(*bounds, 60)
    paid[:2], paid[2:6] = bounds, np.nan
    least, most = arms.split(paid, rng.random(60) < 0.5, rng.choice(shares, 60))
    low, high = arms.difference_bounds
    slack = 1e-9 * max(abs(low), abs(high))
    assert low - slack <= least.min()
    assert (least <= most).all()
    assert most.max() <= high + slack
    paired = TwoArms(bounds)
    worst, best = paired.paired(paid, paid[::-1])
    low, high = paired.difference_bounds
    assert low - 1e-9 <= worst.min()
    assert best.max() <= high + 1e-9


def test_split_differences_have_the_difference_for_their_mean_whatever_the_centre() -> None:
    rng = np.random.default_rng(502)
    on = rng.random(200_000) < 0.2
    paid = np.where(rng.random(200_000) < 0.3 + 0.1 * on, 5.0, 1.0)
    for centre in (0.0, 2.0):
        least, _ = TwoArms((0.0, 5.0), (0.2,), centre).split(paid, on, 0.2)
        assert least.mean() == pytest.approx(0.4, abs=0.05)


def test_bounds_hold_where_all_payoffs_are_above_zero() -> None:
    # [lo / p - hi / (1 - p), hi / p - lo / (1 - p)] would be [-2, 2] and hold no single unit.
    arms = TwoArms((1.0, 2.0), shares=(0.5,))
    assert arms.difference_bounds == (-4.0, 4.0)
    assert arms.split([1.0, 2.0], [True, False], 0.5)[0].tolist() == [2.0, -4.0]
    assert TwoArms((1.0, 2.0), (0.5,), centre=1.5).difference_bounds == (-1.0, 1.0)


@given(st.sampled_from([0.1, 0.3, 0.5]), st.floats(-30, 30), st.integers(0, 10_000))
def test_what_is_known_in_part_lies_between_what_it_may_turn_out_to_be(
    share: float, centre: float, seed: int
) -> None:
    arms = TwoArms((-2.0, 7.0), (share,), centre)
    rng = np.random.default_rng(seed)
    on, paid = rng.random(40) < share, rng.uniform(-2.0, 7.0, 40)
    least = np.where(rng.random(40) < 0.3, np.nan, rng.uniform(-2.0, paid))
    most = np.where(rng.random(40) < 0.3, np.nan, rng.uniform(paid, 7.0))
    low, high = arms.split(least, on, share, most)
    turned_out, same = arms.split(paid, on, share)
    np.testing.assert_array_equal(turned_out, same)
    assert (low <= turned_out).all()
    assert (turned_out <= high).all()
    assert arms.difference_bounds[0] <= low.min()
    assert high.max() <= arms.difference_bounds[1]
    with pytest.raises(ValueError, match="more at the least"):
        arms.split(paid, on, share, paid - 0.5)


def test_arms_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="finite bounds"):
        TwoArms((1.0, 1.0))
    with pytest.raises(ValueError, match="nothing to compare"):
        TwoArms((0.0, 1.0), (1.0,))
    with pytest.raises(ValueError, match=r"shares \[0.3\]"):
        TwoArms((0.0, 1.0), (0.5,)).split([1.0], [True], 0.3)
    with pytest.raises(ValueError, match="leave the bounds"):
        TwoArms((0.0, 1.0), (0.5,)).split([2.0], [True], 0.5)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: EmpiricalBernsteinSequence.start((1.0, 0.0)), "bounds"),
        (lambda: EmpiricalBernsteinSequence.start((0.0, 1.0), 1.0), "confidence"),
        (lambda: EmpiricalBernsteinSequence.start((0.0, 1.0), foreseen=2.0), "foreseen"),
        (lambda: HedgedBettingSequence.start((0.0, np.inf)), "bounds"),
        (lambda: HedgedBettingSequence.start((0.0, 1.0), 0.0), "confidence"),
        (lambda: BetaBinomialSequence().updated(3, 2), "cannot be"),
        (lambda: RateProcess.against(1.0), "strictly between 0 and 1"),
        (lambda: RateProcess.against(0.1, weight=0.0), "weight"),
        (lambda: QuantileSequence.start(0.99, [1.0, 1.0]), "rise"),
        (lambda: QuantileSequence.start(1.0, [1.0]), "quantile"),
        (lambda: QuantileSequence.start(0.9, [1.0]).counted([1, 2, 3]), "2 counts"),
        (lambda: QuantileSequence.start(0.9, [1.0]).updated([np.nan]), "missing"),
        (lambda: quantile_interval([np.nan], 0.5), "missing"),
    ],
)
def test_what_cannot_be_watched_is_refused(make: Callable[[], object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        make()


@pytest.mark.parametrize(
    ("state", "method"),
    [
        (EmpiricalBernsteinSequence.start((0.0, 1.0)).updated([0.0, 1.0]), "empirical-Bernstein"),
        (HedgedBettingSequence.start((0.0, 1.0)).updated([0.0, 1.0]), "hedged betting"),
        (AsymptoticSequence().updated([0.0, 1.0]), "asymptotic"),
        (BetaBinomialSequence().updated(1, 2), "Beta-binomial"),
    ],
)
def test_a_sequence_is_told_as_an_estimate(state: ConfidenceSequence, method: str) -> None:
    told = sequence_estimate(state, "EUR per case")
    assert (told.mean, told.n, told.unit, told.confidence) == (0.5, 2, "EUR per case", 0.95)
    assert told.method == f"{method} confidence sequence"
    assert (told.low, told.high) == state.interval()


def test_before_the_first_case_there_is_no_mean_to_tell() -> None:
    with pytest.raises(ValueError, match="no case has come"):
        sequence_estimate(HedgedBettingSequence.start((0.0, 1.0)))
    assert np.isnan(BetaBinomialSequence().mean)


def test_before_the_first_case_everything_is_possible() -> None:
    assert EmpiricalBernsteinSequence.start((-1.0, 9.0)).interval() == (-1.0, 9.0)
    assert HedgedBettingSequence.start((-1.0, 9.0)).interval() == (-1.0, 9.0)
    assert BetaBinomialSequence().interval() == (0.0, 1.0)
    assert QuantileSequence.start(0.5, [1.0]).interval() == (-np.inf, np.inf)
    assert quantile_interval([], 0.5) == (-np.inf, np.inf)
    assert sample_ratio_log_e(0, 0, 0.3) == pytest.approx(0.0)
    assert RateProcess.against(0.01).log_e == pytest.approx(0.0, abs=1e-9)


def test_the_ends_of_what_is_possible_stay_in_the_interval() -> None:
    for value in (-1.0, 9.0):
        for start in (
            HedgedBettingSequence.start((-1.0, 9.0)),
            EmpiricalBernsteinSequence.start((-1.0, 9.0)),
        ):
            low, high = start.updated(np.full(500, value)).interval()
            assert low <= value <= high
            assert high - low < 1.0
    assert BetaBinomialSequence().updated(0, 500).interval()[0] == 0.0
    assert BetaBinomialSequence().updated(500, 500).interval()[1] == 1.0


def test_a_path_ends_where_the_state_stands() -> None:
    x = np.random.default_rng(503).choice([-1.0, 9.0], 3000, p=[0.8, 0.2])
    low, high = empirical_bernstein_sequence(x, (-1.0, 9.0))
    state = EmpiricalBernsteinSequence.start((-1.0, 9.0))
    for start in range(0, 3000, 700):
        state = state.updated(x[start : start + 700])
    ends = state.interval()
    assert low[-1] <= ends[0] <= ends[1] <= high[-1]
    assert ends[1] - ends[0] == pytest.approx(high[-1] - low[-1], rel=0.006)
