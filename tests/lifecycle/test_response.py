from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.lifecycle.play import Revealing
from assay.lifecycle.response import Newest, Option, best, options
from assay.lifecycle.standing import Standing
from assay.value.valuation import Valuation, valuation

from .conftest import Counted, charter

VALUED = valuation(charter().value, charter().data)


def _standing(rate_a: float, rate_b: float, taught: int = 100) -> Standing:
    model = Counted({"a": rate_a, "b": rate_b}, VALUED)
    return Standing(1, model, np.arange(taught), VALUED)


def _newest(shadow: Standing, yes_a: int, yes_b: int, n: int = 400) -> Newest:
    outcomes = np.zeros(2 * n, dtype=np.int64)
    outcomes[:yes_a], outcomes[n : n + yes_b] = 1, 1
    return Newest(
        rows=np.arange(1000, 1000 + 2 * n),
        outcomes=outcomes,
        columns={},
        weights=np.ones(2 * n),
        n=2 * n,
        inputs=pl.DataFrame({"group": ["a"] * n + ["b"] * n}),
        shadow=shadow,
    )


def test_a_model_that_pays_is_kept() -> None:
    now = _standing(0.4, 0.02)
    found = options(now, _newest(now, 160, 8), VALUED, lambda: now, 0.0)
    assert best(found) is None
    assert [each.kind for each in found] == ["recalibrate", "retrain", "fall_back", "fall_back"]


def test_a_retraining_wins_where_groups_have_changed_places() -> None:
    now, shadow = _standing(0.4, 0.02), _standing(0.05, 0.35)
    chosen = best(options(now, _newest(shadow, 8, 160), VALUED, lambda: shadow, 0.0))
    assert chosen is not None
    assert chosen.kind == "retrain"
    assert chosen.make() is shadow
    # In 800 cases: 160 deposits at 9 and 240 calls in vain, for 8 and 392.
    assert chosen.gain == pytest.approx((160 * 9 - 240 - (8 * 9 - 392)) / 800)


def test_recalibration_wins_where_all_buy_more() -> None:
    now = _standing(0.09, 0.08)
    chosen = best(options(now, _newest(now, 160, 140), VALUED, lambda: now, 0.5))
    assert chosen is not None
    assert chosen.kind == "recalibrate"
    bent = chosen.make()
    assert bent.recalibration is not None
    frame = pl.DataFrame({"group": ["a", "b"]})
    assert (bent.forecast(frame)[:, 1] > 0.1).all()
    assert bent.version == now.version


def test_a_retraining_must_earn_its_cost() -> None:
    now, shadow = _standing(0.4, 0.02), _standing(0.05, 0.35)
    newest = _newest(shadow, 8, 160)
    chosen = best(options(now, newest, VALUED, lambda: shadow, 5.0))
    assert chosen is None or chosen.kind != "retrain"


def test_a_fallback_leaves_the_model_forecasting() -> None:
    now = _standing(0.4, 0.02)
    found = options(now, _newest(now, 2, 2), VALUED, lambda: now, 0.0)
    fallback = next(each for each in found if each.text == "fall back to nobody")
    assert fallback.beyond_doubt > 0
    stands = fallback.make()
    frame = pl.DataFrame({"group": ["a", "b"]})
    forecast = stands.forecast(frame)
    assert VALUED.names(stands.decide(forecast, {})) == ["skip", "skip"]
    assert forecast[0, 1] == 0.4


def test_who_learned_from_the_newest_rows_is_judged_by_the_shadow() -> None:
    now, shadow = _standing(0.4, 0.02, taught=1500), _standing(0.05, 0.35)
    found = options(now, _newest(shadow, 8, 160), VALUED, lambda: shadow, 0.0)
    assert next(each for each in found if each.kind == "retrain").gain == 0


def test_rare_glimpses_weigh_more() -> None:
    revealing = Revealing(("call",), ("call", "skip"), 0.2)
    taken, chance = revealing.explored(np.array([0, 1] * 5000), np.random.default_rng(1))
    assert chance[:2] == pytest.approx([0.9, 0.1])
    assert revealing.shown(taken).mean() == pytest.approx(0.5, abs=0.02)
    assert (taken[1::2] == 0).mean() == pytest.approx(0.1, abs=0.02)
    everything = Revealing((), ("call", "skip"), 0.0)
    assert everything.explored(np.array([0, 1]), np.random.default_rng(1))[1].tolist() == [1, 1]


@dataclass
class _Told:
    """A model whose probability of a deposit is the column `p`."""

    valuation: Valuation

    def forecast(self, frame: pl.DataFrame) -> np.ndarray:
        p = frame["p"].to_numpy()
        return np.column_stack([1 - p, p])


def _recalibration_of(
    valued: Valuation, rng: np.random.Generator, moved: float = 0.0
) -> tuple[Option, float]:
    """Return what is said of a recalibration from 300 outcomes, and what it truly brings.

    The model's log odds were right, and have since moved by `moved`.
    """
    odds = rng.normal(-2.2, 0.8, 300)
    told, truth = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-odds - moved))
    outcomes = (rng.random(300) < truth).astype(np.int64)
    now = Standing(1, _Told(valued), np.arange(10), valued)
    frame, places = pl.DataFrame({"p": told}), np.arange(1000, 1300)
    newest = Newest(places, outcomes, {}, np.ones(300), 300, frame, now)
    found = options(now, newest, valued, lambda: now, 0.0)
    option = next(each for each in found if each.kind == "recalibrate")
    before, after = (
        one.decide(one.forecast(frame), {}) == 0 for one in (now, option.make())
    )  # 0: call
    true = np.where(after, 10 * truth - 1, 0) - np.where(before, 10 * truth - 1, 0)
    return option, float(true.mean())


@pytest.mark.parametrize("policy", ["best_action", {"kind": "threshold", "action": "call"}])
def test_a_recalibration_without_need_is_seldom_taken_nor_praised(policy: Any) -> None:
    rng = np.random.default_rng(1)
    own = charter(value={"policy": policy})
    valued = valuation(own.value, own.data)
    if policy != "best_action":
        odds = rng.normal(-2.2, 0.8, 15_000)
        p = 1 / (1 + np.exp(-odds))
        happened = (rng.random(15_000) < p).astype(np.int64)
        valued = valued.tuned(np.column_stack([1 - p, p]), happened, {})
    runs = [_recalibration_of(valued, rng) for _ in range(100)]
    said, true = np.array([each.gain for each, _ in runs]), np.array([gain for _, gain in runs])
    # Judged on the rows that made it, it was taken in a quarter to a half of such runs.
    assert np.mean([each.beyond_doubt > 0 for each, _ in runs]) <= 0.12
    assert said.mean() <= true.mean() + 2 * said.std() / 10


def test_a_recalibration_that_is_needed_is_worth_what_is_said() -> None:
    rng = np.random.default_rng(2)
    runs = [_recalibration_of(VALUED, rng, moved=1.2) for _ in range(60)]
    said, true = np.array([each.gain for each, _ in runs]), np.array([gain for _, gain in runs])
    assert np.mean([each.beyond_doubt > 0 for each, _ in runs]) > 0.7
    assert said.mean() == pytest.approx(true.mean(), abs=3 * said.std() / np.sqrt(60))


def test_a_handful_of_cases_without_a_rare_outcome_is_not_believed() -> None:
    # Ten calls in vain: an eleventh may sell, and would have paid nine times as much.
    now, shadow = _standing(0.11, 0.05), _standing(0.09, 0.05)
    frame = pl.DataFrame({"group": ["a"] * 10 + ["b"] * 490})
    newest = replace(_newest(shadow, 0, 0, n=250), inputs=frame)
    option = next(
        each for each in options(now, newest, VALUED, lambda: shadow, 0.0) if each.kind == "retrain"
    )
    assert option.gain == pytest.approx(10 / 500)
    spread = np.append(np.repeat([1.0, 0.0], [10, 490]), -9.0).std()
    assert option.error == pytest.approx(spread / np.sqrt(500))
    assert option.beyond_doubt < 0


def test_what_stood_before_comes_back_where_it_pays_and_can_be_judged() -> None:
    before, now = _standing(0.4, 0.02), replace(_standing(0.05, 0.35, 200), version=2)
    now = replace(now, former=before)
    newest = _newest(_standing(0.4, 0.02), 160, 8)
    chosen = best(options(now, newest, VALUED, lambda: now, 5.0))
    assert chosen is not None
    found = options(now, newest, VALUED, lambda: now, 5.0)
    rolled = next(each for each in found if each.kind == "roll_back")
    assert rolled.make() is before
    assert rolled.gain == pytest.approx((160 * 9 - 240 - (8 * 9 - 392)) / 800)
    # One that learned from these very outcomes would flatter itself.
    flattered = replace(now, former=replace(before, taught=np.arange(1500)))
    kinds = [each.kind for each in options(flattered, newest, VALUED, lambda: now, 5.0)]
    assert "roll_back" not in kinds


def _threshold() -> Valuation:
    own = charter(value={"policy": {"kind": "threshold", "action": "call"}})
    return valuation(own.value, own.data)


def test_a_policy_moves_only_where_it_has_something_to_learn() -> None:
    now = _standing(0.4, 0.02)
    kinds = {each.kind for each in options(now, _newest(now, 160, 8), VALUED, lambda: now, 0.0)}
    assert "move_policy" not in kinds
    learned = _threshold()
    forecast = np.tile([[0.6, 0.4], [0.98, 0.02]], (200, 1))
    tuned = learned.tuned(forecast, np.tile([1, 0], 200), {})
    model = Counted({"a": 0.4, "b": 0.02}, tuned)
    now = Standing(1, model, np.arange(100), tuned)
    # Group b buys as well by now: a lower cut calls it too, on the same forecasts.
    found = options(now, _newest(now, 160, 140), VALUED, lambda: now, 0.0)
    moved = next(each for each in found if each.kind == "move_policy")
    assert moved.beyond_doubt > 0
    stands = moved.make()
    frame = pl.DataFrame({"group": ["a", "b"]})
    forecast = stands.forecast(frame)
    assert forecast[:, 1].tolist() == [0.4, 0.02]
    assert tuned.names(stands.decide(forecast, {})) == ["call", "call"]
    assert stands.former is now


def test_weights_count_in_a_moved_policy() -> None:
    learned = _threshold()
    model = Counted({"a": 0.4, "b": 0.02}, learned)
    now = Standing(1, model, np.arange(100), learned)
    whole = _newest(now, 160, 140)
    few = np.concatenate([np.arange(400), np.arange(400, 800, 4)])
    part = replace(whole.part(few), weights=np.repeat([1.0, 4.0], [400, 100]), n=800)
    moves = [
        next(each for each in options(now, one, VALUED, lambda: now, 0.0) if each.kind == kind)
        for one in (whole, part)
        for kind in ("recalibrate",)
    ]
    one, two = (each.make().policy.document()["learned"] for each in moves)
    assert one == pytest.approx(two, rel=0.1)
