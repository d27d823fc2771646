from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from assay.stats import distances
from assay.stats.grid import NumberAxis, learn_grid
from assay.stats.profile import Tally, profile

LAWS = {
    "normal": lambda g, n: g.normal(size=n),
    "lognormal": lambda g, n: g.lognormal(size=n),
    "pareto": lambda g, n: g.pareto(2.5, size=n),
    "counts": lambda g, n: g.poisson(3 if n > 10_000 else 3.3, size=n).astype(float),
}


def _pair(law: str, n: int = 20_000, m: int = 5_000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(11)
    a, b = LAWS[law](generator, n), LAWS[law](generator, m)
    return a, b if law == "counts" else b * 1.1 + 0.05


def _tallies(a: np.ndarray, b: np.ndarray) -> tuple[Tally, Tally, NumberAxis]:
    grid = learn_grid({"x": a})
    axis = grid.axes["x"]
    assert isinstance(axis, NumberAxis)
    return profile({"x": a}, grid).features["x"], profile({"x": b}, grid).features["x"], axis


@pytest.mark.parametrize("law", LAWS)
def test_ks_agrees_with_scipy_to_the_width_of_a_cell(law: str) -> None:
    a, b = _pair(law)
    s, t, _ = _tallies(a, b)
    ours = distances.kolmogorov_smirnov(s.counts[:-1], t.counts[:-1])
    exact = stats.ks_2samp(a, b).statistic
    assert abs(ours - exact) <= 0.002
    assert ours <= exact + 1e-12


@pytest.mark.parametrize("law", LAWS)
def test_wasserstein_agrees_with_scipy(law: str) -> None:
    a, b = _pair(law)
    s, t, axis = _tallies(a, b)
    exact = stats.wasserstein_distance(a, b) / a.std()
    assert abs(distances.wasserstein(s, t, axis) - exact) <= 0.01


counts = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=20)


@given(counts)
def test_categorical_distances_agree_with_scipy(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T
    if a.sum() == 0 or b.sum() == 0:
        assert np.isnan(distances.jensen_shannon(a, b))
        return
    expected = jensenshannon(a / a.sum(), b / b.sum(), base=2)
    assert distances.jensen_shannon(a, b) == pytest.approx(expected, abs=1e-7)
    used = (a + b) > 0
    if used.sum() > 1:
        exact = stats.chi2_contingency(np.stack([a, b])[:, used], correction=False)
        ours, freedom = distances.chi_squared(a, b)
        assert ours == pytest.approx(exact.statistic, abs=1e-9)
        assert freedom == exact.dof


@given(counts)
def test_distances_are_symmetric_and_zero_between_equals(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T
    a, b = a + 1, b + 1
    for distance in (
        distances.kolmogorov_smirnov,
        distances.jensen_shannon,
        distances.population_stability,
    ):
        assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-12)
        assert distance(a, a) == pytest.approx(0.0, abs=1e-7)


def test_null_values_are_what_equal_laws_give() -> None:
    generator = np.random.default_rng(5)
    n, m, rounds = 2000, 500, 200
    reference = generator.normal(size=40_000)
    grid = learn_grid({"x": reference})
    axis = grid.axes["x"]
    assert isinstance(axis, NumberAxis)
    pooled = profile({"x": reference}, grid).features["x"]
    measured = {"ks": 0.0, "w": 0.0, "js": 0.0, "psi": 0.0}
    for _ in range(rounds):
        a, b = (profile({"x": generator.normal(size=k)}, grid).features["x"].counts for k in (n, m))
        measured["ks"] += distances.kolmogorov_smirnov(a[:-1], b[:-1]) ** 2 / rounds
        c, d = (generator.multinomial(k, [0.1] * 10) for k in (n, m))
        measured["js"] += distances.jensen_shannon(c, d) ** 2 / rounds
        measured["psi"] += distances.population_stability(c, d) / rounds
        s, t = (profile({"x": generator.normal(size=k)}, grid).features["x"] for k in (n, m))
        measured["w"] += distances.wasserstein(s, t, axis) / rounds
    assert np.sqrt(measured["ks"]) == pytest.approx(
        distances.null_kolmogorov_smirnov(n, m), rel=0.1
    )
    assert measured["w"] == pytest.approx(distances.null_wasserstein(pooled, axis, n, m), rel=0.1)
    assert np.sqrt(measured["js"]) == pytest.approx(
        distances.null_jensen_shannon(10, n, m), rel=0.1
    )
    assert measured["psi"] == pytest.approx(distances.null_population_stability(10, n, m), rel=0.15)


def test_nothing_to_compare_gives_no_number() -> None:
    none, some = np.zeros(3, dtype=np.int64), np.array([1, 2, 3])
    assert np.isnan(distances.kolmogorov_smirnov(none, some))
    assert np.isnan(distances.chi_squared(none, some)[0])
    assert np.isnan(distances.population_stability(some, none))
    assert np.isnan(distances.net_distance(np.nan, 1.0))
    assert np.isnan(distances.net_divergence(np.nan, 1.0))
    s, t, axis = _tallies(np.array([1.0, 1.0]), np.array([np.nan]))
    assert np.isnan(distances.wasserstein(s, t, axis))
    assert distances.null_wasserstein(s, axis, 2, 2) == 0.0
