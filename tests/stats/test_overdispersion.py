from __future__ import annotations

import numpy as np
import pytest

from assay.stats.overdispersion import Movement, movements
from assay.stats.quadratic_form import QuadraticForm

Generator = np.random.Generator


def _means(generator: Generator, sizes: np.ndarray, jitter: float) -> np.ndarray:
    return generator.normal(0, np.sqrt(1 / sizes + jitter**2))


def _form(
    generator: Generator, sizes: np.ndarray, n: int, jitter: float, shift: float = 0.0
) -> QuadraticForm:
    """One window of n rows against windows of `sizes`, by its mean; rows have variance 1."""
    means = _means(generator, sizes, jitter)
    centre = sizes @ means / sizes.sum()
    here = shift + _means(generator, np.array([float(n)]), jitter)[0]
    spread = float(sizes @ (means - centre) ** 2)
    return QuadraticForm(spread, sizes, n * (here - centre) ** 2, n)


EQUAL = np.full(20, 1000.0)
MIXED = np.geomspace(300, 30_000, 20)


@pytest.mark.parametrize("features", [1, 30])
@pytest.mark.parametrize("jitter", [0.0, 0.02])
@pytest.mark.parametrize("n", [1000, 20_000])
@pytest.mark.parametrize("sizes", [EQUAL, MIXED, 10 * EQUAL[:10]], ids=["equal", "mixed", "ten"])
def test_p_values_are_uniform_or_above(
    sizes: np.ndarray, n: int, jitter: float, features: int
) -> None:
    generator = np.random.default_rng(2)
    found = [
        one.p
        for _ in range(1500 // features)
        for one in movements([_form(generator, sizes, n, jitter) for _ in range(features)])
    ]
    # One feature's windows of 1,000 rows cannot tell how windows of 20,000 move; thirty's can.
    slack = 2 if features == 1 and jitter and n == 20_000 else 1
    assert np.mean(np.array(found) < 0.05) <= 0.075 * slack
    assert np.mean(np.array(found) < 0.005) <= 0.015 * slack


def test_features_learn_from_each_other_how_much_is_harmless() -> None:
    generator = np.random.default_rng(3)
    shifted = _form(generator, EQUAL[:10], 1000, 0.0, 0.11)
    alone = movements([shifted])[0]
    calm = [_form(generator, EQUAL[:10], 1000, 0.0) for _ in range(29)]
    beside = movements([shifted, *calm])[0]
    assert beside.p < alone.p / 2


def test_a_feature_that_always_moves_is_judged_by_its_own_windows() -> None:
    generator = np.random.default_rng(4)
    calm = [_form(generator, EQUAL, 1000, 0.0) for _ in range(20)]
    wild = [_form(generator, EQUAL, 1000, 0.5) for _ in range(3)]
    judged = movements([*wild, *calm])
    assert min(one.p for one in judged[:3]) > 0.005
    assert movements([_form(generator, EQUAL, 1000, 0.0, 0.2), *wild, *calm])[0].p < 0.001


@pytest.mark.parametrize("jitter", [0.0, 0.02])
def test_the_effect_is_what_lies_beyond_noise(jitter: float) -> None:
    generator = np.random.default_rng(5)
    found = [
        movements([_form(generator, EQUAL, 1000, jitter, 0.2) for _ in range(10)])[0].effect
        for _ in range(60)
    ]
    assert np.median(found) == pytest.approx(0.2, abs=0.03)


def test_movement_in_one_direction_is_one_degree_of_freedom() -> None:
    generator = np.random.default_rng(6)
    spread = float((50 * generator.chisquare(1, size=20)).sum())
    assert movements([QuadraticForm(spread, EQUAL, 300.0, 1000, freedom=9)])[0].p > 0.005


def test_what_cannot_move_is_not_judged() -> None:
    still = Movement(1.0, 0.0)
    assert movements([]) == []
    assert movements([QuadraticForm(0.0, EQUAL, 0.0, 0)]) == [still]
    one_window = np.array([100.0, 0.0])
    assert movements([QuadraticForm(0.0, one_window, 50.0, 100)]) == [still]


def test_windows_all_alike_still_give_a_verdict() -> None:
    alike = movements([QuadraticForm(0.0, EQUAL, 0.0, 100, freedom=3)])[0]
    assert alike.p > 0.99
    assert alike.effect == 0.0
