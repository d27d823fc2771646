"""A control share shows an uplift that comparing what was paid does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.value.control import Split, control_uplift
from assay.value.control_sequence import Watch, control_sequence

LIFT = 0.3
OFFERED = np.array([9.0, -1.0])
WAITED = np.array([10.0, 0.0])
TRUE = 0.5 * (10 * LIFT - 1)
"""Half of all cases get the offer: it costs 1 and brings 10 to 30 % more of them."""


@dataclass
class World:
    """Offers that make people buy: the outcome depends on the action."""

    split: Split
    naive_paired: float
    naive_groups: float


def world(rng: np.random.Generator, entities: int, *, repeated: bool = True) -> World:
    """Deal out entities with one to three decisions; the share grows and buying falls half-way."""
    names = np.repeat(np.arange(entities), rng.integers(1, 4, entities) if repeated else 1)
    n = len(names)
    late = np.arange(n) >= n // 2
    place = rng.random(entities)[names]
    share = np.where(late, 0.2, 0.08)
    control = place < share
    eager = (rng.random(entities) < 0.5)[names]
    own = rng.uniform(-0.1, 0.1, entities)[names]
    offers = eager & ~control
    chance = np.where(eager, 0.35, 0.15) + own - 0.05 * late + LIFT * offers
    buys = rng.random(n) < chance
    row = np.where(buys, 0, 1)
    paid = np.where(offers, OFFERED[row], WAITED[row])
    # The same outcome taken for both actions, and offered cases against those not offered.
    same = np.where(offers, OFFERED[row], WAITED[row]) - WAITED[row]
    policy = ~control
    groups = paid[policy & offers].mean() - paid[policy & ~offers].mean()
    return World(
        Split(paid, control, share, names if repeated else None),
        float(same[policy].mean()),
        float(0.5 * groups),
    )


def _covered(kind: str, runs: int, seed: int) -> tuple[float, float, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    means, inside, naive = [], 0, []
    for run in range(runs):
        one = world(rng, 2500)
        found = control_uplift(one.split, seed=run, kind=kind)  # type: ignore[arg-type]
        assert found is not None
        means.append(found.mean)
        inside += found.low <= TRUE <= found.high
        naive.append((one.naive_paired, one.naive_groups))
    error = float(np.std(means) / np.sqrt(runs))
    assert abs(np.mean(means) - TRUE) < 3 * error
    return inside / runs, float(np.std(means)), np.array(naive)


@pytest.mark.parametrize(("kind", "seed"), [("hajek", 101), ("horvitz_thompson", 102)])
def test_covers_where_the_naive_comparisons_are_wrong(kind: str, seed: int) -> None:
    coverage, spread, naive = _covered(kind, 200, seed)
    assert 0.93 <= coverage <= 0.985
    # Taking the outcome as given says that offers lose; comparing groups says far too much.
    assert naive[:, 0].mean() < -0.4 < 0 < TRUE
    assert naive[:, 1].mean() > TRUE + 3 * spread


def test_hajek_is_less_noisy_where_payoffs_lie_far_from_zero() -> None:
    rng = np.random.default_rng(7)
    means: dict[str, list[float]] = {"hajek": [], "horvitz_thompson": []}
    for run in range(60):
        one = world(rng, 1000, repeated=False).split
        far = Split(one.payoffs + 50, one.control, one.share)
        for kind, found in means.items():
            estimate = control_uplift(far, seed=run, kind=kind)  # type: ignore[arg-type]
            assert estimate is not None
            found.append(estimate.mean)
    assert np.std(means["hajek"]) < np.std(means["horvitz_thompson"]) / 5


def test_a_share_that_changes_while_payoffs_drift_does_not_leak() -> None:
    """Pooled over both halves, the drift looks like an uplift; within strata there is none."""
    rng = np.random.default_rng(11)
    share = np.repeat([0.05, 0.5], 20_000)
    control = rng.random(40_000) < share
    paid = rng.normal(np.repeat([5.0, 1.0], 20_000), 1.0)
    pooled = paid[~control].mean() - paid[control].mean()
    found = control_uplift(Split(paid, control, share), seed=0)
    assert pooled > 1
    assert found is not None
    assert found.low < 0 < found.high < 0.1


def test_too_few_controls_say_nothing_and_cases_without_a_share_are_left_out() -> None:
    paid, control = np.ones(1000), np.arange(1000) < 29
    assert control_uplift(Split(paid, control, np.full(1000, 0.05)), seed=0) is None
    share = np.where(np.arange(1000) < 500, 0.2, 0.0)
    alternating = np.tile([0.0, 1.0], 500)
    half = control_uplift(Split(alternating, np.arange(1000) < 100, share), seed=0)
    assert half is not None
    assert (half.n, half.mean) == (500, 0.0)


def test_what_is_no_split_is_refused() -> None:
    two, flags = np.ones(2), np.array([True, False])
    with pytest.raises(ValueError, match="a control had none"):
        Split(two, flags, np.zeros(2))
    with pytest.raises(ValueError, match="not a number"):
        Split(np.array([1.0, np.nan]), flags, np.full(2, 0.5))
    with pytest.raises(ValueError, match="differ in length"):
        Split(two, flags, np.ones(3) / 2)
    twice = Split(two, flags, np.full(2, 0.5), np.array(["a", "a"]))
    with pytest.raises(ValueError, match="an entity comes twice"):
        control_sequence(twice)
    with pytest.raises(ValueError, match="leaves the bounds"):
        control_sequence(Split(two, flags, np.full(2, 0.5)), Watch(bounds=(-1.0, 0.5)))


@pytest.mark.parametrize("bounds", [None, (-1.0, 10.0)])
def test_a_watched_sequence_errs_at_most_as_often_as_promised(
    bounds: tuple[float, float] | None,
) -> None:
    rng = np.random.default_rng(13)
    missed, runs, width = 0, 150, []
    for _ in range(runs):
        one = world(rng, 4000, repeated=False).split
        _, low, high = control_sequence(one, Watch(bounds))
        missed += bool(((low > TRUE) | (high < TRUE)).any())
        width.append(high[-1] - low[-1])
    assert missed / runs <= 0.05
    assert np.mean(width) < (1.4 if bounds is None else 5)


def test_the_sequence_ends_near_the_difference_of_means() -> None:
    one = world(np.random.default_rng(17), 4000, repeated=False).split
    mean, low, high = control_sequence(one)
    once = control_uplift(one, seed=0)
    assert once is not None
    assert mean[-1] == pytest.approx(once.mean, abs=0.05)
    assert high[-1] - low[-1] > once.high - once.low
