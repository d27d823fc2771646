from __future__ import annotations

import numpy as np
import pytest

from assay.stats.asymptotic_sequence import asymptotic_sequence
from assay.stats.betting import BettingProcess
from assay.stats.empirical_bernstein import empirical_bernstein_sequence


def payoffs(rng: np.random.Generator, n: int, rate: float | np.ndarray) -> np.ndarray:
    return np.where(rng.random(n) < rate, 9.0, -1.0)


def test_running_mean_that_drifts_is_covered_at_every_moment() -> None:
    rate = np.where(np.arange(1500) < 700, 0.05, 0.3)
    truth = np.cumsum(10 * rate - 1) / np.arange(1, 1501)
    misses = 0
    for seed in range(200):
        low, high = empirical_bernstein_sequence(
            payoffs(np.random.default_rng(seed), 1500, rate), (-1, 9)
        )
        misses += bool(((truth < low) | (truth > high)).any())
    assert misses / 200 <= 0.05


def test_width_shrinks_with_the_cases_and_follows_the_spread() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for n in (1000, 100_000):
        low, high = empirical_bernstein_sequence(payoffs(rng, n, 0.1), (-1, 9))
        fixed = 2 * 1.96 * 3 / np.sqrt(n)
        widths.append((high[-1] - low[-1]) / fixed)
    assert max(widths) < 2.2  # the price of looking at every moment
    low, high = empirical_bernstein_sequence(payoffs(rng, 1000, 0.001), (-1, 9))
    assert high[-1] - low[-1] < 0.4


def test_sequence_edges() -> None:
    low, high = empirical_bernstein_sequence(np.array([2.0]), (-1, 9))
    assert (low[0], high[0]) == (-1, 9)
    assert len(empirical_bernstein_sequence(np.array([]), (0, 1))[0]) == 0
    with pytest.raises(ValueError, match="leave the bounds"):
        empirical_bernstein_sequence(np.array([2.0]), (0, 1))


def test_asymptotic_sequence_covers_a_skewed_mean_at_every_moment() -> None:
    misses = 0
    for seed in range(200):
        low, high = asymptotic_sequence(np.random.default_rng(seed).exponential(3, 4000))
        misses += bool(((low > 3) | (high < 3)).any())
    assert misses / 200 <= 0.06


def test_asymptotic_sequence_is_the_formula_of_the_paper() -> None:
    x = np.random.default_rng(0).normal(1e6, 2, 3000)
    low, high = asymptotic_sequence(x, tightest_at=1000)
    rho2 = (-2 * np.log(0.05) + np.log(-2 * np.log(0.05)) + 1) / 1000
    n = 3000
    radius = x.std() * np.sqrt(
        2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / 0.05)
    )
    assert (high[-1] - low[-1]) / 2 == pytest.approx(radius, rel=1e-6)


@pytest.mark.parametrize("below", [False, True])
def test_a_true_claim_is_rarely_rejected_however_often_one_looks(below: bool) -> None:
    wrong = 0
    for seed in range(300):
        process = BettingProcess.against(0.0, (-1.0, 9.0), below=below)
        x = payoffs(np.random.default_rng(seed), 3000, 0.1)
        for start in range(0, 3000, 50):
            process = process.updated(x[start : start + 50])
        wrong += process.rejects(0.05)
    assert wrong / 300 <= 0.05


@pytest.mark.parametrize(("below", "rate"), [(False, 0.16), (True, 0.06)])
def test_a_false_claim_falls(below: bool, rate: float) -> None:
    process = BettingProcess.against(0.0, (-1.0, 9.0), below=below)
    process = process.updated(payoffs(np.random.default_rng(1), 4000, rate))
    assert process.rejects(0.05)
    assert process.log_e > np.log(20)


def test_counts_and_batches_make_no_difference() -> None:
    x = payoffs(np.random.default_rng(2), 500, 0.2)
    start = BettingProcess.against(0.3, (-1.0, 9.0))
    whole = start.updated(x)
    values, counts = np.unique(x, return_counts=True)
    np.testing.assert_allclose(start.updated(values, counts).log_money, whole.log_money)
    halves = start.updated(x[:250]).updated(x[250:])
    np.testing.assert_allclose(halves.log_money, whole.log_money)
    assert halves.n == whole.n == 500
    assert start.updated(np.array([])) == start


def test_bets_that_cannot_be_made_are_refused() -> None:
    with pytest.raises(ValueError, match="strictly inside"):
        BettingProcess.against(9.0, (-1.0, 9.0))
    with pytest.raises(ValueError, match="leave"):
        BettingProcess.against(0.0, (-1.0, 9.0)).updated(np.array([10.0]))
