"""Where `ville` has the same method, the numbers are the same; else widths are of one order."""

from __future__ import annotations

import numpy as np
import pytest
import ville
from scipy import stats

from assay.stats.asymptotic_sequence import AsymptoticSequence
from assay.stats.beta_binomial import BetaBinomialSequence, RateProcess, log_mixture_above
from assay.stats.beta_function import log_beta, log_beta_below
from assay.stats.e_values import merge_e_values
from assay.stats.empirical_bernstein import EmpiricalBernsteinSequence
from assay.stats.hedged_betting import HedgedBettingSequence
from assay.stats.multiple_testing import benjamini_hochberg, e_benjamini_hochberg
from assay.stats.quantile_sequence import quantile_interval
from assay.stats.sample_ratio import sample_ratio_log_e
from assay.stats.two_arms import TwoArms


def test_beta_binomial_is_the_same() -> None:
    x = (np.random.default_rng(301).random(800) < 0.04).astype(float)
    for n in (1, 20, 800):
        events = int(x[:n].sum())
        ours = BetaBinomialSequence(0.9, (0.7, 2.0)).updated(events, n)
        theirs = ville.BernoulliCS(alpha=0.1, prior=(0.7, 2.0), intersect=False).fit(x[:n])
        assert ours.interval() == pytest.approx(theirs.interval(), abs=1e-9)
        test = ville.BernoulliTest(0.02, prior=(0.7, 2.0)).fit(x[:n])
        assert ours.log_e(0.02) == pytest.approx(test.log_e_values_[-1], abs=1e-9)


def test_the_sample_ratio_test_is_a_beta_binomial_test() -> None:
    x = (np.random.default_rng(302).random(500) < 0.35).astype(float)
    test = ville.BernoulliTest(0.3, prior=(30.0, 70.0)).fit(x)
    ours = sample_ratio_log_e(int(x.sum()), 500 - int(x.sum()), 0.3)
    assert ours == pytest.approx(test.log_e_values_[-1], abs=1e-9)


def test_asymptotic_is_the_same() -> None:
    x = np.random.default_rng(303).gamma(2.0, 3.0, 3000) + 1e5
    theirs = ville.AsymptoticCS(alpha=0.05, min_samples=500)
    r2 = (-2 * np.log(0.05) + np.log(-2 * np.log(0.05)) + 1) / 700
    theirs.rho_ = 1 / r2  # theirs tunes by search, ours by the closed form of the paper
    low, high = theirs.fit(x).interval()
    ours = AsymptoticSequence(tightest_at=700).updated(x[:1200]).updated(x[1200:])
    bessel = np.sqrt(3000 / 2999)
    centre = (low + high) / 2
    assert ours.mean == pytest.approx(centre, abs=1e-6)
    assert (ours.interval()[1] - centre) * bessel == pytest.approx(high - centre, rel=1e-6)


def test_split_differences_are_the_same_where_the_centre_is_zero() -> None:
    rng = np.random.default_rng(304)
    on, y = rng.random(2000) < 0.3, rng.normal(0, 1, 2000).clip(-3, 3)
    least, _ = TwoArms((-3.0, 3.0), shares=(0.3,)).split(y, on, 0.3)
    phi = np.where(on, y / 0.3, -y / 0.7)
    np.testing.assert_allclose(least, phi)
    theirs = ville.AsymptoticABTest(propensity=0.3).fit(y, on.astype(float))
    assert theirs.estimate_[-1] == pytest.approx(least.mean(), abs=0.05)


@pytest.mark.parametrize(("n", "rate"), [(200, 0.05), (3000, 0.05), (3000, 0.5)])
def test_mean_sequences_overlap_and_are_not_wider(n: int, rate: float) -> None:
    x = (np.random.default_rng(305).random(n) < rate).astype(float)
    ours = HedgedBettingSequence.start((0.0, 1.0)).updated(x).interval()
    bets = ville.BettingCS(grid=2000, intersect=False).fit(x).interval()
    bernstein = EmpiricalBernsteinSequence.start((0.0, 1.0)).updated(x).interval()
    theirs = ville.EmpiricalBernsteinCS(intersect=False).fit(x).interval()
    for one, other, wider in ((ours, bets, 1.2), (bernstein, theirs, 1.25)):
        assert one[0] < other[1]
        assert other[0] < one[1]
        assert one[1] - one[0] < wider * (other[1] - other[0])


def test_quantiles_overlap_and_are_narrower_in_the_tail() -> None:
    x = np.random.default_rng(306).exponential(1.0, 4000)
    for level in (0.5, 0.95):
        low, high = quantile_interval(x, level)
        theirs = ville.QuantileCS(q=level, t_opt=4000, intersect=False).fit(x).interval()
        assert low < theirs[1]
        assert theirs[0] < high
        widths = (high - low, theirs[1] - theirs[0])
        assert widths[0] < widths[1] * (1.2 if level == 0.5 else 0.7)


def test_e_values_and_many_tests_are_the_same() -> None:
    rng = np.random.default_rng(307)
    for _ in range(50):
        e = np.exp(rng.normal(0.5, 2.5, 12))
        np.testing.assert_array_equal(e_benjamini_hochberg(e, 0.1), ville.evalues.ebh(e, 0.1))
        p = ville.evalues.e_to_p(e)
        np.testing.assert_array_equal(benjamini_hochberg(p, 0.1), ville.evalues.bh(p, 0.1))
        assert merge_e_values(e) == pytest.approx(ville.evalues.combine(e))
        product = ville.evalues.combine(e, method="product")
        assert merge_e_values(e, independent=True) == pytest.approx(product)


def test_the_beta_distribution_is_scipys() -> None:
    rng = np.random.default_rng(308)
    for _ in range(300):
        a, b = 10 ** rng.uniform(-1.5, 4, 2)
        x = rng.uniform(0.001, 0.999)
        theirs = float(stats.beta.logcdf(x, a, b))
        if np.isfinite(theirs) and theirs > -500:
            assert log_beta_below(x, a, b) == pytest.approx(theirs, abs=1e-7, rel=1e-9)
    # Where the side of the mean is a matter of rounding, and far out where chances underflow.
    assert log_beta_below(0.5, 50.0, 50.0) == pytest.approx(np.log(0.5))
    assert log_beta_below(1e-3, 1e4, 1.0) == pytest.approx(1e4 * np.log(1e-3))
    assert log_beta(2.0, 3.0) == pytest.approx(np.log(1 / 12))


@pytest.mark.parametrize(("events", "n", "limit"), [(0, 0, 0.01), (3, 100, 0.01), (40, 90, 0.4)])
def test_the_one_sided_mixture_is_the_integral_over_rates_beyond_the_limit(
    events: int, n: int, limit: float
) -> None:
    prior = stats.beta(100 * limit, 100 * (1 - limit))
    mass = prior.sf(limit)
    points, weights = np.polynomial.legendre.leggauss(400)
    rates = limit + (1 - limit) * (points + 1) / 2
    odds = (rates / limit) ** events * ((1 - rates) / (1 - limit)) ** (n - events)
    integral = float((1 - limit) / 2 * weights @ (odds * prior.pdf(rates))) / mass
    assert log_mixture_above(events, n, limit) == pytest.approx(np.log(integral), abs=1e-6)
    mirrored = RateProcess.against(1 - limit, below=True).updated(n - events, n)
    assert mirrored.log_e == pytest.approx(np.log(integral), abs=1e-6)
