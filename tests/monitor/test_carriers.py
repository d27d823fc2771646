"""Money by feature: what moved with the mix, and what was missed where."""

import numpy as np
import pytest

from assay.monitor.carriers import missed_in, moved_mix
from assay.stats.reference import make_reference, read_reference


def _world(n: int, seed: int, north: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    region = np.where(rng.random(n) < north, "north", "south").astype(object)
    return {"region": region, "age": rng.normal(40, 10, n), "noise": rng.normal(0, 1, n)}


def test_the_feature_whose_mix_moved_carries_the_money() -> None:
    reference = read_reference(make_reference(_world(20_000, 0, 0.5)))
    now = _world(4000, 1, 0.8)
    expected = np.where(now["region"] == "north", -1.0, 1.0)
    found = moved_mix(now, expected, reference, 100.0, "EUR")
    assert found[0].feature == "region"
    assert found[0].a_day.mean == pytest.approx(-60, abs=6)
    assert found[0].a_day.low < -60 < found[0].a_day.high
    assert found[0].a_day.unit == "EUR per day"
    quiet = {one.feature: one.a_day for one in found[1:]}
    assert all(one.low < 0 < one.high for one in quiet.values())


def test_intervals_of_a_moved_mix_hold_the_truth() -> None:
    held = 0
    for seed in range(60):
        reference = read_reference(make_reference(_world(3000, seed, 0.5)))
        now = _world(500, 1000 + seed, 0.6)
        expected = np.where(now["region"] == "north", -1.0, 1.0)
        told = {one.feature: one.a_day for one in moved_mix(now, expected, reference, 1.0, "EUR")}
        held += told["region"].low <= -0.2 <= told["region"].high
    assert held >= 53


def test_no_feature_of_many_surely_moved_where_none_did() -> None:
    rng, wrong = np.random.default_rng(9), 0
    for _ in range(60):
        before = {f"x{place}": rng.normal(0, 1, 3000) for place in range(20)}
        now = {name: rng.normal(0, 1, 800) for name in before}
        expected = np.sum(list(now.values()), axis=0)
        reference = read_reference(make_reference(before))
        found = moved_mix(now, expected, reference, 1.0, "EUR")
        wrong += any(one.a_day.low > 0 or one.a_day.high < 0 for one in found)
    # At 5 % each, 20 features would be wrong about one of them in two of three windows.
    assert wrong <= 8


def test_the_band_that_disappoints_is_named_first() -> None:
    reference = read_reference(make_reference(_world(20_000, 0, 0.5)))
    now = _world(6000, 3, 0.5)
    rng = np.random.default_rng(4)
    gaps = rng.normal(0, 1, 6000) - np.where(now["age"] > 50, 2.0, 0.0)
    gaps[rng.random(6000) < 0.3] = np.nan
    found = missed_in(now, gaps, reference, 100.0, "EUR")
    assert found[0].feature == "age"
    assert found[0].band.startswith("above")
    assert found[0].a_day.high < 0
    assert found[0].n < found[0].share * 6000
    sure = {one.feature for one in found if one.a_day.high < 0}
    assert sure == {"age"}


def test_nothing_is_sure_where_nothing_is_missed() -> None:
    reference = read_reference(make_reference(_world(20_000, 0, 0.5)))
    wrong = 0
    for seed in range(20):
        gaps = np.random.default_rng(seed).normal(0, 1, 2000)
        found = missed_in(_world(2000, seed, 0.5), gaps, reference, 1.0, "EUR")
        wrong += any(one.a_day.high < 0 for one in found)
    assert wrong <= 3


def test_missing_values_and_unknown_outcomes_have_their_place() -> None:
    reference = read_reference(make_reference({"age": np.arange(1000.0) % 60}))
    columns = {"age": np.where(np.arange(400) < 200, np.nan, 30.0)}
    gaps = np.where(np.arange(400) < 200, -1.0, 1.0) + np.arange(400) % 2 / 10
    (missed,) = missed_in(columns, gaps, reference, 10.0, "EUR")
    assert (missed.feature, missed.band, missed.share) == ("age", "missing", 0.5)
    assert missed_in(columns, np.full(400, np.nan), reference, 10.0, "EUR") == ()
    (moved,) = moved_mix(columns, gaps, reference, 10.0, "EUR")
    assert moved.words.startswith("missing in 50% of cases, 0% before")
    assert moved.document()["a_day"]["mean"] == moved.a_day.mean
    assert missed.document()["band"] == "missing"
