from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from assay.stats.overdispersion import movements
from assay.stats.quadratic_form import QuadraticForm, location_form, mix_form, share_form

LAWS = {
    "even": np.full(50, 0.02),
    "zipf": (1 / np.arange(1, 101)) / (1 / np.arange(1, 101)).sum(),
    "one in forty": np.array([0.975, 0.025]),
    "one common, some rare": np.array([0.97, 0.01, 0.01, 0.005, 0.005]),
}


def _draw(law: np.ndarray, n: int, seed: int) -> tuple[QuadraticForm, np.ndarray, np.ndarray]:
    """Forms of many windows against a reference that is the law itself, nearly without error."""
    drawn = np.random.default_rng(seed).multinomial(n, law, size=20_000)
    windows = np.tile(np.round(law * 1e9).astype(np.int64), (10, 1))
    pooled = windows.sum(axis=0)
    form = mix_form(windows, pooled, drawn[0])
    shares = ((drawn / n - law) ** 2).sum(axis=1) * n
    unit = form.measured / shares[0] if shares[0] else np.nan
    return form, shares * unit, drawn


@pytest.mark.parametrize("law", LAWS)
def test_a_mix_has_the_moments_that_it_states(law: str) -> None:
    form, measured, _ = _draw(LAWS[law], 500, 1)
    assert measured.mean() == pytest.approx(form.freedom, rel=0.03)
    assert measured.var() <= 1.1 * (2 * form.freedom + form.extra_variance)
    third = stats.moment(measured, 3)
    assert third <= 1.25 * (8 * form.freedom + form.extra_third)


@pytest.mark.parametrize("law", LAWS)
def test_small_p_values_are_not_too_small(law: str) -> None:
    form, measured, _ = _draw(LAWS[law], 500, 2)
    cut = float(np.quantile(measured, 0.998))
    calm = QuadraticForm(
        9 * form.freedom,
        form.sizes,
        cut,
        form.n,
        form.freedom,
        form.extra_variance,
        form.extra_third,
    )
    assert 0.0007 < movements([calm] * 30)[0].p < 0.02


def test_a_common_category_outweighs_rare_ones() -> None:
    law = np.array([500, 300, 100, 50, 50])
    windows, pooled = np.tile(law, (10, 1)), 10 * law
    common = mix_form(windows, pooled, np.array([450, 350, 100, 50, 50]))
    rare = mix_form(windows, pooled, np.array([500, 300, 100, 60, 40]))
    assert common.measured > 5 * rare.measured


def test_two_categories_are_a_squared_z() -> None:
    windows, pooled, counts = np.full((10, 2), 500), np.full(2, 5000), np.array([450, 550])
    z = (550 - 500) / np.sqrt(1000 / 4)
    assert mix_form(windows, pooled, counts).measured == pytest.approx(z**2, rel=0.01)
    assert share_form(windows, pooled, counts).measured == pytest.approx(z**2)
    assert mix_form(windows, pooled, counts).freedom == pytest.approx(1.0)


def test_values_never_seen_count_as_moved() -> None:
    windows, pooled = np.tile([500, 500, 0], (10, 1)), np.array([5000, 5000, 0])
    assert mix_form(windows, pooled, np.array([400, 400, 200])).measured > 50


def test_location_does_not_depend_on_where_cells_are_cut_equal() -> None:
    generator = np.random.default_rng(3)
    edges = np.linspace(-3, 3, 400)
    cells = [np.histogram(generator.normal(size=1000), edges)[0] for _ in range(10)]
    windows = np.stack(cells)
    shifted = np.histogram(generator.normal(0.3, 1, 1000), edges)[0]
    form = location_form(windows, windows.sum(axis=0), shifted)
    assert np.sqrt(form.measured / form.n) == pytest.approx(0.3, abs=0.1)
    assert form.spread == pytest.approx(9, abs=9)


@pytest.mark.parametrize("counts", [np.zeros(3, dtype=np.int64), np.array([5, 0, 0])])
def test_nothing_to_compare_is_not_told(counts: np.ndarray) -> None:
    windows = np.tile([5, 0, 0], (10, 1))
    empty = np.zeros((10, 3), dtype=np.int64)
    for form in (location_form, mix_form):
        assert not form(windows, windows.sum(axis=0), counts).told
        assert not form(empty, empty.sum(axis=0), counts).told
