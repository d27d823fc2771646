from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.value.rule import indifference, learned_capacity_cut, learned_threshold, top_k


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


def test_cuts_of_a_capacity_with_no_or_every_place() -> None:
    uplift = np.array([3.0, 1.0, -1.0])
    assert learned_capacity_cut(uplift, 1, 100) > 3.0, "no place, so nobody reaches it"
    assert learned_capacity_cut(uplift, 1, 1) == 0.0
    assert learned_capacity_cut(np.array([]), 1, 2) == 0.0
    assert not top_k(np.array([-1.0, -2.0]), 1, 1).any()


@given(
    st.lists(st.integers(-3, 6).map(float), min_size=1, max_size=60),
    st.integers(1, 20),
    st.integers(1, 20),
)
def test_a_cut_is_never_above_capacity_whatever_ties(values: list[float], k: int, of: int) -> None:
    uplift, places = np.array(values), len(values) * min(k, of) // of
    cut = learned_capacity_cut(uplift, min(k, of), of)
    taken = int(((uplift >= cut) & (uplift > 0)).sum())
    assert taken <= places
    ranked = np.sort(uplift)[::-1]
    if 0 < places < len(ranked) and ranked[places - 1] > ranked[places]:
        assert taken == min(places, int((uplift > 0).sum()))
    batch = top_k(uplift, min(k, of), of)
    assert int(batch.sum()) == min(places, int((uplift > 0).sum()))


def test_neighbouring_numbers_have_a_cut_between() -> None:
    above = np.nextafter(1.0, 2.0)
    assert learned_capacity_cut(np.array([above, 1.0]), 1, 2) == above
