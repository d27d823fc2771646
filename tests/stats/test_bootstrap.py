from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from assay.stats.bootstrap import bootstrap_mean, counted_mean

SKEWED = np.random.default_rng(5).lognormal(0, 1, 400)


@settings(max_examples=50)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=80), st.integers(0, 9))
def test_the_mean_lies_inside_and_the_seed_decides(values: list[float], seed: int) -> None:
    given = np.array(values)
    estimate = bootstrap_mean(given, seed=seed, resamples=200)
    slack = 1e-6 * (1 + np.abs(given).max())
    assert given.min() - slack <= estimate.low <= estimate.high <= given.max() + slack
    assert estimate == bootstrap_mean(given, seed=seed, resamples=200)
    assert estimate.mean == pytest.approx(given.mean())


def test_agrees_with_scipy() -> None:
    ours = bootstrap_mean(SKEWED, seed=0, resamples=9999)
    theirs = bootstrap(
        (SKEWED,), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.03 * width)


def test_the_three_ways_agree() -> None:
    rng = np.random.default_rng(1)
    few = rng.choice([-1.0, 9.0, 0.0], 4000, p=[0.2, 0.02, 0.78])
    jittered = few + rng.normal(0, 1e-6, 4000)
    counted = bootstrap_mean(few, seed=0, resamples=900)
    drawn = bootstrap_mean(jittered, seed=0, resamples=900)
    expanded = bootstrap_mean(jittered, seed=0, resamples=5000)
    width = counted.high - counted.low
    for other in (drawn, expanded):
        assert other.low == pytest.approx(counted.low, abs=0.06 * width)
        assert other.high == pytest.approx(counted.high, abs=0.06 * width)
    assert expanded.high - expanded.mean > expanded.mean - expanded.low  # the skew shows


@pytest.mark.parametrize("n", [40, 400])
def test_coverage_of_rare_payoffs(n: int) -> None:
    truth, hits = 0.15 * 9 - 0.85, 0
    for seed in range(400):
        sample = np.random.default_rng(seed).choice([9.0, -1.0], n, p=[0.15, 0.85])
        estimate = bootstrap_mean(sample, seed=seed, resamples=1000)
        hits += estimate.low <= truth <= estimate.high
    assert hits / 400 > 0.92


def test_entities_that_repeat_widen_the_interval_and_cover() -> None:
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        owner = np.repeat(np.arange(150), rng.integers(1, 8, 150))
        values = rng.normal(0, 1, 150)[owner] + rng.normal(0, 0.3, len(owner))
        alone = bootstrap_mean(values, seed=seed, resamples=300)
        grouped = bootstrap_mean(values, seed=seed, clusters=owner, resamples=300)
        hits += grouped.low <= 0 <= grouped.high
        assert grouped.mean == alone.mean
        assert grouped.high - grouped.low > alone.high - alone.low
    assert hits / 200 > 0.9


def test_edges() -> None:
    with pytest.raises(ValueError, match="no values"):
        bootstrap_mean(np.array([]), seed=0)
    assert np.isinf(bootstrap_mean(np.array([1.0]), seed=0).high)
    assert np.isinf(bootstrap_mean(np.ones(5) + np.arange(5), seed=0, clusters=np.zeros(5)).low)
    still = bootstrap_mean(np.full(30, 2.5), seed=0, unit="EUR")
    assert (still.low, still.mean, still.high, still.unit) == (2.5, 2.5, 2.5, "EUR")


def test_a_million_cases_are_quick_by_the_expansion() -> None:
    values = np.random.default_rng(2).gamma(2, 3, 1_000_000)
    estimate = bootstrap_mean(values, seed=0)
    error = values.std() / 1000
    assert estimate.low == pytest.approx(values.mean() - 1.96 * error, abs=0.01 * error + 1e-4)


@given(
    st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 30)), min_size=1, max_size=12).filter(
        lambda cells: sum(count for _, count in cells) > 1
    ),
    st.booleans(),
)
def test_counted_values_have_the_interval_of_the_values(
    cells: list[tuple[int, int]], bounded: bool
) -> None:
    values = np.array([value for value, _ in cells], dtype=float)
    counts = np.array([count for _, count in cells])
    bounds = (-50.0, 60.0) if bounded else None
    counted = counted_mean(values, counts, seed=3, bounds=bounds)
    one_by_one = bootstrap_mean(np.repeat(values, counts), seed=3, bounds=bounds)
    assert counted.n == one_by_one.n
    for end in ("mean", "low", "high"):
        assert getattr(counted, end) == pytest.approx(getattr(one_by_one, end), abs=1e-9)


def test_many_counted_values_take_the_expansion() -> None:
    values = np.random.default_rng(0).gamma(0.5, 20.0, 5000)
    ones = np.ones(5000, dtype=np.int64)
    counted = counted_mean(values, ones, seed=1, bounds=(0.0, 500.0))
    one_by_one = bootstrap_mean(values, seed=1, bounds=(0.0, 500.0))
    assert counted.low == pytest.approx(one_by_one.low)
    assert counted.high == pytest.approx(one_by_one.high)
    with pytest.raises(ValueError, match="no values"):
        counted_mean(values[:1], ones[:1] * 0, seed=1)
