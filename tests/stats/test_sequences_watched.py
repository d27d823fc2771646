"""Coverage while one looks at every case, where it is promised, and what is lost where not.

The long form, with widths and sample sizes, is `make simulate`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import ville

from assay.stats.asymptotic_sequence import AsymptoticSequence
from assay.stats.beta_binomial import BetaBinomialSequence, RateProcess
from assay.stats.betting import BettingProcess
from assay.stats.empirical_bernstein import EmpiricalBernsteinSequence
from assay.stats.hedged_betting import HedgedBettingSequence
from assay.stats.quantile_sequence import QuantileSequence, quantile_interval
from assay.stats.two_arms import TwoArms

BOUNDS = (-1.0, 9.0)
LOOKS = np.unique(np.geomspace(2, 1500, 22).astype(int))
Floats = np.ndarray


def _payoffs(rng: np.random.Generator, rate: float | Floats, n: int = 1500) -> Floats:
    return np.where(rng.random(n) < rate, 9.0, -1.0)


def _missed(state: object, x: Floats, truth: Floats) -> bool:
    """Whether any look, between batches of growing length, misses the truth of its moment."""
    before = 0
    for look in LOOKS:
        state = state.updated(x[before:look])  # type: ignore[attr-defined]
        low, high = state.interval()  # type: ignore[attr-defined]
        before = look
        if not low <= truth[look - 1] <= high:
            return True
    return False


def _error(run: Callable[[np.random.Generator], bool], seed: int, runs: int = 90) -> float:
    return float(np.mean([run(np.random.default_rng([seed, i])) for i in range(runs)]))


def test_skewed_payoffs_of_five_percent_are_covered_at_every_look() -> None:
    truth = np.full(1500, -0.5)
    hedged, bernstein = (
        kind.start(BOUNDS, 0.9) for kind in (HedgedBettingSequence, EmpiricalBernsteinSequence)
    )
    assert _error(lambda rng: _missed(hedged, _payoffs(rng, 0.05), truth), 201) <= 0.1
    assert _error(lambda rng: _missed(bernstein, _payoffs(rng, 0.05), truth), 201) <= 0.1


DRIFT = np.where(np.arange(1500) < 300, 0.6, 0.02)
"""All win, then all lose: a mean for each case, but no common one."""
DRIFTING_MEAN = np.cumsum(10 * DRIFT - 1) / np.arange(1, 1501)


def test_under_drift_the_running_mean_is_covered() -> None:
    start = EmpiricalBernsteinSequence.start(BOUNDS, 0.9)
    assert _error(lambda rng: _missed(start, _payoffs(rng, DRIFT), DRIFTING_MEAN), 202) <= 0.1


def test_under_drift_hedged_intervals_must_not_be_intersected() -> None:
    def intersected(rng: np.random.Generator) -> bool:
        state, before, ends = HedgedBettingSequence.start(BOUNDS, 0.9), 0, BOUNDS
        x = _payoffs(rng, DRIFT)
        for look in LOOKS:
            state, before = state.updated(x[before:look]), look
            low, high = state.interval()
            ends = max(low, ends[0]), min(high, ends[1])
        return not ends[0] <= DRIFTING_MEAN[-1] <= ends[1]

    assert _error(intersected, 213, 40) > 0.9


def test_under_drift_bets_chosen_anew_are_not_valid_for_the_running_mean() -> None:
    def missed(rng: np.random.Generator) -> bool:
        x = (_payoffs(rng, DRIFT) + 1) / 10
        theirs = ville.BettingCS(alpha=0.1, grid=400, intersect=False).fit(x)
        truth = (DRIFTING_MEAN + 1) / 10
        return bool(((truth < theirs.lower_) | (truth > theirs.upper_)).any())

    assert _error(missed, 214, 15) > 0.5


def test_a_fixed_bet_on_the_running_mean_is_an_e_value_at_a_look_under_any_planned_drift() -> None:
    # The means of payoffs on [0, 1] are given; the expected money is the product of its factors.
    rng = np.random.default_rng(215)
    for _ in range(200):
        means = rng.beta(0.5, 0.5, rng.integers(1, 40))
        claimed = means.mean()
        for bet in (0.1, 0.5, 0.99):
            assert np.log1p(bet * (means / claimed - 1)).sum() <= 1e-12


def test_windows_centred_beforehand_and_merged_machines_are_covered() -> None:
    rate = np.where(np.arange(1500) < 500, 0.05, 0.2)
    truth = np.cumsum(10 * rate - 1) / np.arange(1, 1501)
    start = EmpiricalBernsteinSequence.start(BOUNDS, 0.9)

    def run(rng: np.random.Generator) -> bool:
        x = _payoffs(rng, rate)
        on = rng.random(1500) < 0.5
        one, two, window = start, start, start
        missed, before = False, 0
        for look in LOOKS:
            batch, where = x[before:look], on[before:look]
            one, two = one.updated(batch[where]), two.updated(batch[~where])
            window = window.updated(*np.unique(batch, return_counts=True))
            for state in (one.merged(two), window):
                low, high = state.interval()
                missed |= not low <= truth[look - 1] <= high
            before = look
        return missed

    assert _error(run, 203) <= 0.1


def test_machines_that_each_centre_their_own_lose_little_width() -> None:
    x = _payoffs(np.random.default_rng(204), 0.1, 4000)
    start = EmpiricalBernsteinSequence.start(BOUNDS)
    whole = start.updated(x)
    merged = start.updated(x[::2]).merged(start.updated(x[1::2]))
    assert merged.mean == pytest.approx(whole.mean)
    widths = [high - low for low, high in (merged.interval(), whole.interval())]
    assert widths[0] == pytest.approx(widths[1], rel=0.02)


def test_rates_are_covered_at_every_look() -> None:
    def run(rng: np.random.Generator) -> bool:
        events = np.cumsum(rng.random(1500) < 0.03)
        states = [BetaBinomialSequence(0.9).updated(int(events[k - 1]), int(k)) for k in LOOKS]
        return not all(low <= 0.03 <= high for low, high in (each.interval() for each in states))

    assert _error(run, 205) <= 0.1


@pytest.mark.parametrize("below", [False, True])
def test_a_rate_within_its_limit_is_rarely_refused_even_where_it_moves(below: bool) -> None:
    wave = 0.02 * (1 + np.sin(np.arange(1500) / 50)) / 2
    chance = 0.05 + wave if below else 0.05 - wave

    def run(rng: np.random.Generator) -> bool:
        events = np.cumsum(rng.random(1500) < chance)
        process, before, seen = RateProcess.against(0.05, below=below), 0, 0
        for look in LOOKS:
            process = process.updated(int(events[look - 1]) - seen, int(look) - before)
            before, seen = int(look), int(events[look - 1])
        return process.rejects(0.1)

    assert _error(run, 206) <= 0.1


def test_quantiles_are_covered_at_every_look_with_ties_and_from_cells() -> None:
    edges = [0.5, 1.0, 2.0, 3.0, 4.0, 8.0]

    def run(rng: np.random.Generator) -> bool:
        waits = np.round(rng.exponential(1.0, 1500), 1)
        truth = 2.3  # the ninetieth percentile of what is rounded to a tenth
        missed = False
        for look in LOOKS:
            low, high = quantile_interval(waits[:look], 0.9, 0.9)
            state = QuantileSequence.start(0.9, edges, 0.9).updated(waits[:look])
            cell = state.interval()
            assert cell[0] <= low
            assert cell[1] >= high
            missed |= not low <= truth <= high
        return missed

    assert _error(run, 207, 100) <= 0.1


def test_a_slow_tail_is_found_and_a_quick_one_is_not() -> None:
    rng = np.random.default_rng(208)
    start = QuantileSequence.start(0.99, [0.1, 0.2, 0.5, 1.0])
    slow = start.updated(rng.exponential(0.06, 6000))
    quick = start.updated(rng.exponential(0.03, 6000))
    assert slow.log_e_above(0.2) > np.log(20) > 0 > quick.log_e_above(0.2)
    assert slow.log_e_above(0.15) == slow.log_e_above(0.2)
    assert slow.log_e_above(2.0) < 0  # beyond the last edge nothing is known to lie
    with_lost = start.updated([np.inf] * 50, None).updated([0.05] * 950)
    assert with_lost.interval()[1] == np.inf


@pytest.mark.parametrize("centre", [0.0, 3.0])
def test_a_split_that_changes_between_strata_is_covered(centre: float) -> None:
    arms = TwoArms((0.0, 10.0), shares=(0.1, 0.5), centre=centre)
    share = np.where(np.arange(1500) < 600, 0.1, 0.5)
    base = np.where(np.arange(1500) < 600, 0.2, 0.6)  # the population moves with the weights

    def run(rng: np.random.Generator) -> bool:
        on = rng.random(1500) < share
        paid = 10.0 * (rng.random(1500) < base + 0.1 * on)
        least, most = arms.split(paid, on, share)
        np.testing.assert_array_equal(least, most)
        low, high = arms.difference_bounds
        assert low <= least.min() <= least.max() <= high
        return _missed(arms.sequence(0.9), least, np.full(1500, 1.0))

    assert _error(run, 209) <= 0.1


def test_a_centre_near_the_payoffs_takes_away_most_of_the_width() -> None:
    rng = np.random.default_rng(210)
    on = rng.random(4000) < 0.5
    paid = 8.0 + (rng.random(4000) < 0.5 + 0.1 * on)
    widths = []
    for centre in (0.0, 8.5):
        arms = TwoArms((8.0, 9.0), shares=(0.5,), centre=centre)
        low, high = arms.sequence().updated(arms.split(paid, on, 0.5)[0]).interval()
        assert low < 0.1 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 10


def test_the_asymptotic_sequence_is_silent_at_first_and_covers_from_then_on() -> None:
    def run(rng: np.random.Generator) -> bool:
        x = rng.exponential(3.0, 1500)
        return _missed(AsymptoticSequence(0.9), x, np.full(1500, 3.0))

    assert AsymptoticSequence().updated(np.ones(499)).interval() == (-np.inf, np.inf)
    assert _error(run, 211) <= 0.12


def test_a_peeked_z_test_errs_far_more_than_the_bet() -> None:
    wrong_z, wrong_bet = 0, 0
    for seed in range(150):
        x = _payoffs(np.random.default_rng([212, seed]), 0.1)
        count = np.arange(1, 1501)
        mean = np.cumsum(x) / count
        deviation = np.sqrt(np.maximum(np.cumsum(x**2) / count - mean**2, 1e-12))
        z = (mean * np.sqrt(count) / deviation)[LOOKS[LOOKS >= 30] - 1]
        wrong_z += bool((z > 1.645).any())
        process, before = BettingProcess.against(0.0, BOUNDS), 0
        for look in LOOKS:
            process, before = process.updated(x[before:look]), look
        wrong_bet += process.rejects(0.05)
    assert wrong_bet / 150 <= 0.05
    assert wrong_z / 150 > 0.12
