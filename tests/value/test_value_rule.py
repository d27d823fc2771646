from __future__ import annotations

import numpy as np
import pytest

from assay.value.rule import indifference, learned_threshold


@pytest.mark.parametrize(
    ("gain", "cut"),
    [
        ([-1, 9], 0.1),
        ([-3, 1], 0.75),
        ([0, 5], 0.0),
        ([1, 5], 0.0),
        ([1, 0], 0.0),
        ([-1, -2], 1.0),
        ([-1, 0], 1.0),
        ([2, -1], 1.0),
    ],
)
def test_the_probability_from_which_acting_pays(gain: list[float], cut: float) -> None:
    assert indifference(np.array(gain, dtype=float)) == pytest.approx(cut)


def test_a_threshold_learned_from_nothing_is_the_theoretical_one() -> None:
    assert learned_threshold(np.array([]), np.array([]), 0.3) == 0.3


def test_acting_that_always_loses_is_given_up() -> None:
    p = np.array([0.2, 0.5, 1.0])
    cut = learned_threshold(np.tile(p, 50), np.full(150, -4.0), 0.1)
    assert cut > 1.0
    assert learned_threshold(np.tile(p[:2], 50), np.full(100, -4.0), 0.1) > 0.5


def test_acting_that_always_pays_is_done_always() -> None:
    p = np.tile([0.1, 0.5, 0.9], 50)
    assert learned_threshold(p, np.full(150, 4.0), 0.7) <= 0.1
