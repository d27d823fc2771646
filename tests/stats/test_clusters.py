"""Intervals of means whose cases hang together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.bootstrap import bootstrap_mean
from assay.stats.clusters import Clusters, clustered_mean, row_blocks, stretch


@given(st.integers(0, 20_000))
def test_blocks_are_consecutive_and_even(n: int) -> None:
    codes = row_blocks(n).codes
    assert len(codes) == n
    if n:
        sizes = np.bincount(codes)
        assert len(sizes) >= min(n, 30)
        assert sizes.max() - sizes.min() <= 1
        assert (np.diff(codes) >= 0).all()


def test_without_clusters_it_is_the_plain_interval() -> None:
    values = np.random.default_rng(0).normal(size=200)
    assert clustered_mean(values, None, seed=1) == bootstrap_mean(values, seed=1)


def test_the_method_names_what_was_resampled() -> None:
    values = np.random.default_rng(0).normal(size=200)
    weeks = Clusters(np.arange(200) // 5, "week")
    assert clustered_mean(values, weeks, seed=1).method == "BCa bootstrap by week"
    assert clustered_mean(values, row_blocks(200), seed=1).method.endswith("by block of 7 rows")


def test_one_cluster_says_nothing() -> None:
    found = clustered_mean(np.arange(5.0), Clusters(np.zeros(5, dtype=np.int64), "entity"), seed=1)
    assert (found.low, found.high) == (-np.inf, np.inf)


@pytest.mark.parametrize(("clusters", "factor"), [(11, 1.1923), (26, 1.0716), (1001, 1.0017)])
def test_the_stretch_is_students(clusters: int, factor: float) -> None:
    assert stretch(clusters, 0.95) == pytest.approx(factor, abs=2e-3)


@pytest.mark.parametrize("clustered", [True, False])
def test_blocks_cover_the_mean_of_a_series_that_remembers(clustered: bool) -> None:
    rng, missed, n = np.random.default_rng(3), 0, 2_500
    for _ in range(200):
        series = np.empty(n)
        series[0], noise = rng.normal(), rng.normal(size=n) * np.sqrt(1 - 0.8**2)
        for place in range(1, n):
            series[place] = 0.8 * series[place - 1] + noise[place]
        found = clustered_mean(series, row_blocks(n) if clustered else None, seed=rng)
        missed += not found.low <= 0 <= found.high
    if clustered:
        assert missed <= 22
    else:
        assert missed > 80, "cases taken as independent promise far too much"
