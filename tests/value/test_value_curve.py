from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.charter.policy import BestAction, Policy, Threshold
from assay.stats.clusters import Clusters
from assay.value import curve_band
from assay.value.classification import ClassificationValuation
from assay.value.continuous_payoff import UnitCosts
from assay.value.curve import value_curve
from assay.value.payoff import PayoffTable
from assay.value.regression import RegressionValuation


def bank(policy: Policy | None = None, yes: Any = 9.0) -> ClassificationValuation:
    caps = {"amount": (0.0, 100.0)} if isinstance(yes, str) else {}
    table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, yes), (0.0, 0.0)), caps)
    baselines = {"nobody": "skip", "everybody": "call"}
    return ClassificationValuation("EUR", table, policy or BestAction(), baselines, "everybody")


def chances(p: Any) -> np.ndarray:
    p = np.asarray(p, dtype=float)
    return np.column_stack([1 - p, p])


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 20).map(lambda i: i / 20), st.integers(0, 1)),
        min_size=1,
        max_size=60,
    )
)
def test_each_point_is_what_acting_from_there_would_have_paid(
    cases: list[tuple[float, int]],
) -> None:
    p, y = np.array([c[0] for c in cases]), np.array([c[1] for c in cases])
    amount = np.linspace(5, 50, len(p))
    valued = bank(yes="amount")
    columns = {"amount": amount}
    curve = value_curve(valued, chances(p), y, columns, seed=0, points=10)
    base = valued.realised(valued.baseline(columns, len(p)), y, columns)
    for threshold, mean in zip(curve.thresholds, curve.mean, strict=True):
        decided = np.where(p >= threshold, 0, 1)
        assert mean == pytest.approx((valued.realised(decided, y, columns) - base).mean())
    assert (curve.low <= curve.mean).all()
    assert (curve.mean <= curve.high).all()
    assert curve.cost_of(curve.best) == 0


def test_against_everybody_acting_always_is_worth_nothing_surely() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 6, 5_000)
    y = (rng.random(5_000) < p).astype(int)
    curve = value_curve(bank(), chances(p), y, {}, seed=0)
    assert curve.mean[0] == curve.low[0] == curve.high[0] == 0
    assert curve.best == pytest.approx(0.1, abs=0.03)
    assert curve.cost_of(0.5) > curve.cost_of(0.2) > 0
    json.dumps(curve.document(), allow_nan=False)


def test_the_band_holds_the_whole_true_curve() -> None:
    def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        p = rng.integers(0, 20, n) / 20  # the same thresholds in every sample
        return p, (rng.random(n) < p**2).astype(int)

    levels = np.arange(20) / 20
    gain = np.array([10 * q**2 - 1 for q in levels])
    covered = 0
    for seed in range(90):
        p, y = sample(800, seed)
        curve = value_curve(bank(), chances(p), y, {}, seed=seed, points=200)
        truth = np.array([-gain[levels < t].sum() / 20 for t in curve.thresholds])
        inside = (curve.low - 1e-9 <= truth) & (truth <= curve.high + 1e-9)
        covered += bool(inside.all())
    assert covered / 90 > 0.9


def test_nothing_to_tell_apart() -> None:
    curve = value_curve(
        bank(Threshold(action="skip", otherwise="call")), chances([0.5]), np.array([1]), {}, seed=0
    )
    assert np.isfinite(curve.low).all()


def test_regression_has_no_thresholds() -> None:
    valued = RegressionValuation("EUR", UnitCosts(3, 1), {"ten": 10.0}, "ten")
    with pytest.raises(ValueError, match="between actions"):
        value_curve(valued, np.ones((2, 3)), np.ones(2), {}, seed=0)
    with pytest.raises(ValueError, match="cases"):
        value_curve(bank(), chances([]), np.array([]), {}, seed=0)


def test_rows_of_one_entity_do_not_narrow_the_band() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(300) * 0.4
    y = (rng.random(300) < p).astype(int)
    once = value_curve(bank(), chances(p), y, {}, seed=0)
    owner = Clusters(np.repeat(np.arange(300), 20), "entity")
    often = chances(np.repeat(p, 20)), np.repeat(y, 20)
    repeated = value_curve(bank(), *often, {}, seed=0, clusters=owner)
    np.testing.assert_allclose(repeated.mean, once.mean)
    np.testing.assert_allclose(
        repeated.high - repeated.mean, once.high - once.mean, rtol=0.08, atol=1e-9
    )
    alone = value_curve(bank(), chances(p), y, {}, seed=0, clusters=Clusters(np.arange(300), "x"))
    np.testing.assert_allclose(alone.high - alone.mean, once.high - once.mean, rtol=0.08, atol=1e-9)
    with pytest.raises(ValueError, match="one cluster"):
        value_curve(bank(), *often, {}, seed=0, clusters=Clusters(np.zeros(6000, dtype=int), "x"))


def test_many_entities_are_summed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    p, owner = rng.random(2_000), Clusters(np.arange(2_000) // 2, "entity")
    y = (rng.random(2_000) < p).astype(int)
    whole = value_curve(bank(), chances(p), y, {}, seed=0, clusters=owner)
    monkeypatch.setattr(curve_band, "_AT_ONCE", 7)
    parts = value_curve(bank(), chances(p), y, {}, seed=0, clusters=owner)
    np.testing.assert_allclose(
        parts.high - parts.mean, whole.high - whole.mean, rtol=0.08, atol=1e-9
    )
