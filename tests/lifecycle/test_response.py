from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assay.lifecycle.play import Revealing
from assay.lifecycle.response import Newest, best, options
from assay.lifecycle.standing import Standing
from assay.value.valuation import valuation

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
    assert [each.kind for each in found] == ["recalibrate", "retrain", "fall back", "fall back"]


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
