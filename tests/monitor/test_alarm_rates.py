"""The alarm rule on fresh seeds, in the short form of `python -m bench.simulate alarms`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bench.simulate.alarms import (
    CATEGORIES,
    HARMLESS,
    NUMBERS,
    Setting,
    alarms,
    false_rate,
    mixed,
    plain_p,
    power,
    three_sigma,
)

_MIXED = mixed(np.random.default_rng(0), 20)
SIZES = [
    ((1000,) * 20, 1000),
    ((10_000,) * 10, 10_000),
    ((100_000,) * 20, 100_000),
    ((1000,) * 20, 100_000),
    ((100_000,) * 10, 1000),
    (_MIXED, 1000),
    (_MIXED, 10_000),
]


@pytest.mark.parametrize(("sizes", "n"), SIZES)
def test_any_of_thirty_features_alarms_seldom(sizes: tuple[int, ...], n: int) -> None:
    calm = Setting(sizes, n)
    restless = replace(calm, jitter=HARMLESS)
    # Of 40 windows at 5% more than six alarm once in 300 runs; at 15%, more than twelve.
    assert false_rate(calm, 20, seed=7) * 40 <= 6
    assert false_rate(restless, 20, seed=7) * 40 <= 12


def test_a_shift_is_seen_in_one_feature_of_thirty() -> None:
    one = Setting((1000,) * 20, drifting=frozenset({"x0"}))
    assert power(replace(one, numbers=0.2), 20, seed=8) >= 0.85
    assert power(replace(one, numbers=0.2, jitter=HARMLESS), 20, seed=8) >= 0.8
    # About one in two, within three standard errors of forty windows.
    assert power(replace(one, numbers=0.1), 20, seed=8) >= 0.25


def test_shifts_of_many_features_help_each_other() -> None:
    many = Setting((1000,) * 20, jitter=HARMLESS, numbers=0.1, drifting=frozenset(NUMBERS))
    assert power(many, 10, seed=9) >= 0.5
    tilted = Setting((1000,) * 20, categories=0.3, along=True, drifting=frozenset(CATEGORIES))
    assert power(tilted, 10, seed=9) >= 0.85


def test_usual_rules_cry_wolf_where_ours_does_not() -> None:
    unequal = Setting((10_000,) * 20, 1000)
    named = [len(found) / 30 for found in alarms(unequal, 3, three_sigma, seed=10)]
    assert np.mean(named) > 0.8
    large = Setting((100_000,) * 10, 100_000, jitter=HARMLESS)
    named = [len(found) / 30 for found in alarms(large, 3, plain_p, seed=10)]
    assert np.mean(named) > 0.4
