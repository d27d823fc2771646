"""Intervals of bounded means: exact for two values, covering for few, tight for many."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from assay.stats.bootstrap import bootstrap_mean
from assay.stats.bounded_mean import bounded_ends, expanded_ends

BANK = (-1.0, 9.0)


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("yes", "n"), [(0, 30), (2, 40), (30, 30), (7, 500)])
def test_two_values_have_the_interval_of_clopper_and_pearson(yes: int, n: int) -> None:
    values = np.repeat([9.0, -1.0], [yes, n - yes])
    low, high = bounded_ends(values, BANK, resamples=40_000, rng=_rng())
    least = beta.ppf(0.025, yes, n - yes + 1) if yes else 0.0
    most = beta.ppf(0.975, yes + 1, n - yes) if yes < n else 1.0
    width = 10 * (most - least)
    assert low == pytest.approx(10 * least - 1, abs=0.03 * width)
    assert high == pytest.approx(10 * most - 1, abs=0.03 * width)


def test_a_value_outside_its_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="leave"):
        bounded_ends(np.array([10.0]), BANK, rng=_rng())


def test_an_infinite_bound_leaves_that_end() -> None:
    values = np.repeat([9.0, -1.0], [1, 29])
    assert bounded_ends(values, (-np.inf, 9.0), rng=_rng())[0] == -np.inf
    plain = bootstrap_mean(values, seed=0)
    one_sided = bootstrap_mean(values, seed=0, bounds=(-np.inf, 9.0))
    assert one_sided.low == plain.low
    assert one_sided.high > plain.high


def test_many_different_values_are_gathered_without_moving_the_mean() -> None:
    values = np.random.default_rng(3).gamma(0.5, 2.0, 5000)
    low, high = bounded_ends(values, (0.0, float(values.max())), rng=_rng())
    plain = bootstrap_mean(values, seed=0)
    assert low == pytest.approx(plain.low, abs=0.1 * (plain.high - plain.low))
    assert high == pytest.approx(plain.high, abs=0.25 * (plain.high - plain.low))


def _coverage(n: int, chance: float, *, called: float = 1.0, entities: bool = False) -> float:
    hits = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(1, 6, n) if entities else np.ones(n, dtype=np.int64)
        paid = np.where(rng.random(n) < called, np.where(rng.random(n) < chance, 9.0, -1.0), 0.0)
        estimate = bootstrap_mean(
            np.repeat(paid, sizes),
            seed=seed,
            clusters=np.repeat(np.arange(n), sizes) if entities else None,
            resamples=400,
            bounds=BANK,
        )
        hits += estimate.low <= called * (10 * chance - 1) <= estimate.high
    return hits / 400


@pytest.mark.parametrize("n", [30, 100, 300])
@pytest.mark.parametrize("chance", [0.01, 0.05, 0.12])
def test_rare_payoffs_are_covered_however_few_the_cases(n: int, chance: float) -> None:
    assert _coverage(n, chance) >= 0.93


def test_three_values_and_entities_are_covered_too() -> None:
    assert _coverage(30, 0.05, called=0.3) >= 0.93
    assert _coverage(30, 0.05, entities=True) >= 0.93


def test_bounds_give_a_width_to_values_that_are_all_alike() -> None:
    alike = bootstrap_mean(np.full(40, -1.0), seed=0, bounds=BANK)
    assert alike.low == -1.0
    assert 9 * beta.ppf(0.975, 1, 40) - 1 < alike.high < -0.05
    assert "bounds" in alike.method
    alone = bootstrap_mean(np.array([-1.0]), seed=0, bounds=BANK)
    assert (alone.low, alone.high <= 9) == (-1.0, True)


def test_many_values_keep_their_tight_interval() -> None:
    values = np.random.default_rng(1).choice([9.0, -1.0], 20_000, p=[0.12, 0.88])
    plain = bootstrap_mean(values, seed=0)
    widened = bootstrap_mean(values, seed=0, bounds=BANK)
    assert widened.mean == plain.mean
    assert widened.low <= plain.low
    assert widened.high >= plain.high
    assert widened.high - widened.low < 1.08 * (plain.high - plain.low)


@pytest.mark.parametrize("tail", [0.025, 0.002])
@pytest.mark.parametrize("paid", [0, 1, 5, 40])
@pytest.mark.parametrize("n", [30, 1000])
def test_the_expansion_ends_where_draws_do(n: int, paid: int, tail: float) -> None:
    values, counts = np.array([-1.0, 9.0]), np.array([n, paid])
    held = counts > 0
    rng = np.random.default_rng(1)
    drawn = bounded_ends(
        values[held], (-1.0, 9.0), tail=tail, resamples=100_000, rng=rng, counts=counts[held]
    )
    found = expanded_ends(values[held], counts[held], (-1.0, 9.0), tail=tail)
    width = drawn[1] - drawn[0]
    assert found[0] == pytest.approx(drawn[0], abs=0.1 * width)
    assert found[1] == pytest.approx(drawn[1], abs=0.1 * width)


def test_an_infinite_bound_leaves_its_end_open_in_the_expansion_too() -> None:
    found = expanded_ends(np.array([1.0, 2.0]), np.array([5, 5]), (-np.inf, 2.0))
    assert found[0] == -np.inf
    assert 1.5 < found[1] <= 2.0
    assert expanded_ends(np.array([2.0]), np.array([5]), (2.0, 2.0)) == (2.0, 2.0)
