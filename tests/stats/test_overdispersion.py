from __future__ import annotations

import numpy as np
import pytest

from assay.stats.overdispersion import Movement, movement


def _window(generator: np.random.Generator, n: int, jitter: float, shift: float = 0.0) -> float:
    return float(generator.normal(generator.normal(shift, jitter), 1 / np.sqrt(n)))


def _judge(
    generator: np.random.Generator, n: int, m: int, jitter: float, shift: float = 0.0
) -> Movement:
    """One window of n rows against 20 of m rows, by its mean; rows have variance 1."""
    means = np.array([_window(generator, m, jitter) for _ in range(20)])
    sizes = np.full(20, float(m))
    centre = means.mean()
    measured = n * (_window(generator, n, jitter, shift) - centre) ** 2
    return movement(sizes * (means - centre) ** 2, sizes, measured, n)


@pytest.mark.parametrize("jitter", [0.0, 0.02])
@pytest.mark.parametrize(("n", "m"), [(1000, 1000), (1000, 10_000), (20_000, 1000)])
def test_false_alarms_stay_near_their_rate(n: int, m: int, jitter: float) -> None:
    generator = np.random.default_rng(2)
    alarms = np.mean([_judge(generator, n, m, jitter).p < 0.05 for _ in range(2000)])
    assert alarms <= 0.06


@pytest.mark.parametrize("jitter", [0.0, 0.02])
def test_a_fifth_of_a_standard_deviation_is_seen(jitter: float) -> None:
    generator = np.random.default_rng(3)
    found = [_judge(generator, 1000, 1000, jitter, 0.2) for _ in range(300)]
    assert np.mean([one.p < 0.002 for one in found]) > 0.8
    assert np.median([one.effect for one in found]) == pytest.approx(0.2, abs=0.02)


def test_harmless_movement_in_one_direction_is_one_degree_of_freedom() -> None:
    generator = np.random.default_rng(4)
    distances = 50 * generator.chisquare(1, size=20)
    sizes = np.full(20, 1000.0)
    many = movement(distances, sizes, 300.0, 1000, freedom=9)
    assert many.p > 0.01


def test_windows_all_alike_still_give_a_verdict() -> None:
    alike = movement(np.zeros(10), np.full(10, 100.0), 0.0, 100, freedom=3)
    assert alike.p == 1.0
    assert alike.effect == 0.0
