"""A control in which the payoff that matters has hardly come yet does not pretend to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.value.control import Split, control_uplift
from assay.value.control_sequence import Watch, control_sequence, control_watched
from assay.value.share_cost import Resolution, Spread, least_control_share

Floats = NDArray[np.float64]
PAYS = (-1.0, 99.0)


def _split(rng: np.random.Generator, n: int, buys: float, share: float) -> Split:
    """Return payoffs of 99 and -1 without any uplift."""
    control = rng.random(n) < share
    return Split(np.where(rng.random(n) < buys, *PAYS[::-1]), control, np.full(n, share))


def _alone(split: Split) -> Split:
    return split


def _slightly_different(split: Split) -> Split:
    """Blur the commonest payoff, so that no two are the same."""
    noise = np.random.default_rng(len(split.payoffs)).normal(0, 0.5, len(split.payoffs))
    return Split(split.payoffs + noise, split.control, split.share)


@pytest.mark.parametrize("seen", [_alone, _slightly_different])
@pytest.mark.parametrize(("buys", "share"), [(0.02, 0.05), (0.01, 0.1), (0.1, 0.05)])
def test_some_look_misses_the_truth_no_more_often_than_promised(
    buys: float, share: float, seen: Callable[[Split], Split]
) -> None:
    """From 500 units on whatever they hold, the first of these missed in 58 of 100 runs."""
    rng = np.random.default_rng(401)
    missed, spoke, runs = 0, 0, 80
    for _ in range(runs):
        _, low, high = control_sequence(seen(_split(rng, 16_000, buys, share)))
        missed += bool(((low > 0) | (high < 0)).any())
        spoke += bool(np.isfinite(low[-1]))
    assert missed / runs <= 0.06
    assert spoke / runs > 0.8


@pytest.mark.parametrize("kind", ["hajek", "horvitz_thompson"])
@pytest.mark.parametrize(("n", "buys"), [(700, 0.02), (700, 0.05), (2000, 0.02)])
def test_one_look_covers_where_bounds_are_known_and_is_silent_where_not(
    n: int, buys: float, kind: Literal["hajek", "horvitz_thompson"]
) -> None:
    """Resampling alone covered 56, 78 and 84 of 100 here."""
    rng = np.random.default_rng(402)
    inside, said, silent, runs = 0, 0, 0, 150
    for run in range(runs):
        split = _split(rng, n, buys, 0.05)
        silent += control_uplift(split, seed=run, kind=kind) is None
        found = control_uplift(split, seed=run, kind=kind, bounds=PAYS)
        if found is not None:
            said, inside = said + 1, inside + (found.low <= 0 <= found.high)
            assert found.high - found.low < 50
    assert said > 0.7 * runs
    assert inside / said >= 0.93
    assert silent == runs


def test_bounds_add_little_where_units_are_many() -> None:
    split = _split(np.random.default_rng(403), 20_000, 0.3, 0.2)
    alone, bounded = (control_uplift(split, seed=1, bounds=each) for each in (None, PAYS))
    assert alone is not None
    assert bounded is not None
    assert bounded.method == f"{alone.method}, widened to its bounds"
    assert 1 <= (bounded.high - bounded.low) / (alone.high - alone.low) < 1.1
    assert control_uplift(split, seed=1, bounds=(-np.inf, 99.0)) == alone
    with pytest.raises(ValueError, match="leaves the bounds"):
        control_uplift(split, seed=1, bounds=(-1.0, 50.0))


def test_entities_are_counted_once_and_widened_whole() -> None:
    """Nobody in the control bought: 40 people with five decisions each, not 200."""
    names = np.repeat(np.arange(400), 5)
    control = names < 40
    buyers = ~control & (names % 20 == 0)
    split = Split(np.where(buyers, *PAYS[::-1]), control, np.full(2000, 0.1), names)
    assert control_uplift(split, seed=2) is None
    found = control_uplift(split, seed=2, bounds=PAYS)
    assert found is not None
    assert found.mean == pytest.approx(100 * buyers.sum() / 1800)
    assert found.low < 0 < found.mean
    assert "by entity" in found.method
    single = Split(split.payoffs, control, split.share)
    narrower = control_uplift(single, seed=2, bounds=PAYS)
    assert narrower is not None
    assert narrower.high - narrower.low < found.high - found.low


def test_a_control_that_can_be_paid_one_amount_alone_need_not_deviate() -> None:
    rng = np.random.default_rng(408)
    control = rng.random(3000) < 0.2
    paid = np.where(control, 0.0, np.where(rng.random(3000) < 0.3, 9.0, -1.0))
    split = Split(paid, control, np.full(3000, 0.2))
    assert control_uplift(split, seed=3) is None
    assert np.isinf(control_watched(split, Watch()).low)
    once = control_uplift(split, seed=3, control_varies=False)
    watched = control_watched(split, Watch(control_varies=False))
    assert once is not None
    assert watched.low < once.low < 2 < once.high < watched.high


def test_looks_before_and_after_a_change_of_the_share_are_one_sequence() -> None:
    rng = np.random.default_rng(405)
    share = np.repeat([0.1, 0.3, 0.05], 1000)
    control = rng.random(3000) < share
    paid = np.where(rng.random(3000) < 0.2, 9.0, -1.0)
    split, first = Split(paid, control, share), np.arange(3000) < 1000
    agreed = Watch((-1.0, 9.0), shares=(0.05, 0.3))
    whole = control_sequence(split, agreed)
    for now, then in zip(whole, control_sequence(split.at(first), agreed), strict=True):
        np.testing.assert_allclose(now[:1000], then, rtol=1e-12)
    raised = np.arange(3000) < 2000
    own = control_sequence(split.at(raised), Watch((-1.0, 9.0)))
    before = control_sequence(split.at(first), Watch((-1.0, 9.0)))
    np.testing.assert_allclose(own[1][:1000], before[1], rtol=1e-12)
    assert (own[2] - own[1])[-1] < (whole[2] - whole[1])[1999], "less was agreed on"
    with pytest.raises(ValueError, match=r"shares from 0\.05 to 0\.3 are not those agreed on"):
        control_sequence(split, Watch((-1.0, 9.0)))
    with pytest.raises(ValueError, match="not those agreed on"):
        control_sequence(split, Watch((-1.0, 9.0), shares=(0.1, 0.3)))
    told = control_watched(split, Watch((-1.0, 9.0)))
    assert told.method == "asymptotic confidence sequence to the control share"
    assert told == control_watched(split, Watch())


def test_two_sequences_watched_together_err_no_more_than_one() -> None:
    rng = np.random.default_rng(406)
    missed, runs = 0, 60
    watch = Watch(PAYS)
    for _ in range(runs):
        split = _split(rng, 6000, 0.1, 0.1)
        _, low, high = control_sequence(split, Watch(), 0.955)
        _, least, most = control_sequence(split, watch, 0.995)
        missed += bool(((np.maximum(low, least) > 0) | (np.minimum(high, most) < 0)).any())
        assert np.isfinite([least, most]).all()
        told = control_watched(split, watch, "EUR per decision")
        alone = control_watched(split, Watch())
        assert 1 <= (told.high - told.low) / (alone.high - alone.low) < 1.1
    assert missed / runs <= 0.07
    early = control_watched(_split(rng, 800, 0.02, 0.1), watch)
    assert early.method == "empirical-Bernstein confidence sequence to the control share"
    assert np.isfinite([early.low, early.high]).all()


def test_the_months_until_a_share_tells_count_rare_payoffs() -> None:
    spread = Spread(14.0, 14.0, policy_deviates=0.02, baseline_deviates=0.02)
    least = spread.least_under_control(0.05)
    assert least == pytest.approx(14.3 / (0.02 * 0.05))
    found = Resolution.of(spread.under_control(0.05), 5.0, 1000, least)
    assert found.watched == found.fixed == least
    common = Resolution.of(spread.under_control(0.05), 5.0, 1000)
    assert common.watched < least / 3
    share = least_control_share(spread, 5.0, 1000, 6)
    assert share is not None
    assert spread.least_under_control(share) <= 6000 < spread.least_under_control(share - 0.001)
    rarer = Spread(14.0, 14.0, policy_deviates=0.02, baseline_deviates=0.002)
    assert least_control_share(rarer, 5.0, 1000, 6) is None
    never = Spread(14.0, 0.0, policy_deviates=0.02, baseline_deviates=0.0)
    assert never.least_under_control(0.05) == pytest.approx(14.3 / (0.02 * 0.95))
    assert np.isinf(spread.least_under_exploration(0.1, 2, 0.0))
    # nine runs in ten have spoken by then
    rng = np.random.default_rng(407)
    spoke = [
        np.isfinite(control_sequence(_split(rng, round(least), 0.02, 0.05))[1][-1])
        for _ in range(60)
    ]
    assert np.mean(spoke) > 0.8
