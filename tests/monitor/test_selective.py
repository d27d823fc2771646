"""Chance tells what no label does, and without it the estimate says what it lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bench.simulate.traffic import bank

from assay.monitor.selective import Selective, Served, explored_uplift
from assay.value.continuous_payoff import UnitCosts
from assay.value.payoff import PayoffTable
from assay.value.regression import RegressionValuation

SHARE = 0.2


class World:
    """A model whose forecasts are wrong; calling shows the outcome, or raises it by `moves`."""

    def __init__(self, seed: int, n: int, share: float = SHARE, moves: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        p = rng.beta(1, 4, n)
        said = np.clip(p - 0.1, 0.01, 0.99)  # the model thinks too little of everybody
        own = np.where(said > 0.1, 0, 1)
        drawn = rng.random(n) < share
        decisions = np.where(drawn, rng.integers(0, 2, n), own)
        propensity = share / 2 + (1 - share) * (decisions == own)
        uniform = rng.random(n)
        self.skipping = np.where(own == 1, 1 - share / 2, share / 2)
        self.skipped, self.called = uniform < p, uniform < np.minimum(p + moves, 1)
        outcomes = np.where(decisions == 0, self.called, self.skipped).astype(np.int64)
        self.served = Served(
            np.column_stack([1 - said, said]),
            decisions.astype(np.int64),
            outcomes,
            np.ones(n, dtype=bool),
            propensity,
            {},
        )

    def lost(self) -> float:
        """Return the uplift over calling everybody of actions with the chances they had."""
        return float((self.skipping * np.where(self.skipped, -9.0, 1.0)).mean())

    def hidden(self, also: float = 1.0) -> Served:
        """Return the cases with labels only where they were called (and some of those)."""
        some = np.random.default_rng(1).random(len(self.served.decisions)) < also
        return replace(self.served, labelled=(self.served.decisions == 0) & some)


CALLING = bank("numbers", "call")  # -1 or 9, over calling everybody
KEEPING = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 10.0)))
KEPT = replace(CALLING, table=KEEPING, baselines={"base": "skip"})


def _read(valuation: Any, served: Served, **known: Any) -> Selective:
    found = explored_uplift(valuation, served, seed=1, **known)
    assert found is not None
    return found


def test_what_the_model_let_go_is_known_from_those_that_chance_called() -> None:
    hits, errors, naive = [], [], []
    for seed in range(60):
        world = World(seed, 3000)
        served = world.hidden()
        truth = world.lost()
        found = _read(CALLING, served, revealed_by=("call",))
        assert found.uplift is not None
        hits.append(found.uplift.low <= truth <= found.uplift.high)
        errors.append(found.uplift.mean - truth)
        expected = served.forecast @ np.array([1.0, -9.0])
        naive.append(float((world.skipping * expected).mean()) - truth)
    assert np.mean(hits) >= 0.85
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(60)
    assert np.mean(naive) > 0.3  # the forecast alone flatters what was let go


@pytest.mark.parametrize("came", [0.6, 1.0])
def test_labels_that_are_still_to_come_do_no_harm(came: float) -> None:
    errors = []
    for seed in range(40):
        world = World(seed, 3000)
        served = world.hidden(came)
        truth = world.lost()
        found = _read(CALLING, served, revealed_by=("call",)).uplift
        assert found is not None
        errors.append(found.mean - truth)
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(40)


def test_what_calling_brings_about_is_known_from_those_that_chance_did_not_call() -> None:
    hits, errors = [], []
    for seed in range(60):
        world = World(seed, 3000, moves=0.15)
        own = np.where(world.served.decisions == 0, 10.0 * world.called - 1, 10.0 * world.skipped)
        truth = float((own - 10.0 * world.skipped).mean())
        found = _read(KEPT, world.served, moved_by=("call",))
        assert found.uplift is not None
        hits.append(found.uplift.low <= truth <= found.uplift.high)
        errors.append(found.uplift.mean - truth)
    assert np.mean(hits) >= 0.85
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(60)


def test_without_chance_it_says_which_side_is_unseen() -> None:
    sure = World(1, 500, share=0.0).hidden()
    found = _read(CALLING, sure, revealed_by=("call",))
    assert found.uplift is None
    assert not found.identified
    assert "one-sided" in found.words
    assert "`call`" in found.words
    assert found.document()["uplift"] is None
    unrecorded = replace(sure, propensity=np.full(500, np.nan))
    assert "no case was left to chance" in _read(CALLING, unrecorded, revealed_by=("call",)).words
    moved = _read(KEPT, World(1, 500, share=0.0, moves=0.1).served, moved_by=("call",))
    assert "not identified" in moved.words


def test_a_few_drawn_cases_say_nothing_yet() -> None:
    served = World(1, 60, share=0.05).hidden()
    found = _read(CALLING, served, revealed_by=("call",))
    assert found.uplift is None
    assert "too few" in found.words


def test_cases_from_before_chance_had_a_say_are_left_out() -> None:
    served = World(1, 3000).hidden()
    early = replace(served, propensity=np.where(np.arange(3000) < 900, 1.0, served.propensity))
    found = _read(CALLING, early, revealed_by=("call",))
    assert found.cases == 2100
    assert "900 cases" in found.words
    assert found.document()["uplift"]["unit"] == "EUR per decision"
    most = replace(served, propensity=np.where(np.arange(3000) < 1900, 1.0, served.propensity))
    assert "most cases were not" in _read(CALLING, most, revealed_by=("call",)).words


def test_a_payoff_that_its_own_action_hides_is_not_guessed() -> None:
    world = World(1, 2000, moves=0.1)
    found = _read(KEPT, world.hidden(), revealed_by=("call",), moved_by=("call",))
    assert found.uplift is None
    assert "depends on what it hides" in found.words
    late = replace(world.served, labelled=np.arange(2000) < 1500)
    assert "still to come" in _read(KEPT, late, moved_by=("call",)).words


def test_among_three_actions_each_has_the_chance_that_was_drawn() -> None:
    table = PayoffTable(
        ("call", "skip", "write"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0), (-0.2, 4.0))
    )
    three = replace(CALLING, table=table, baselines={"base": "call"})
    gains = np.array([[0.0, 0.0], [1.0, -9.0], [0.8, -5.0]])
    hits, errors = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p = rng.beta(1, 4, 3000)
        said = np.clip(p - 0.1, 0.01, 0.99)
        forecast = np.column_stack([1 - said, said])
        own = three.decide(forecast, {})
        chances = np.full((3000, 3), 0.1) + 0.7 * (np.arange(3) == own[:, None])
        taken = (rng.random((3000, 1)) > chances.cumsum(axis=1)).sum(axis=1).astype(np.int64)
        came = (rng.random(3000) < p).astype(np.int64)
        served = Served(forecast, taken, came, taken != 1, chances[np.arange(3000), taken], {})
        truth = float((chances * gains[:, came].T).sum(axis=1).mean())
        found = _read(three, served, revealed_by=("call", "write")).uplift
        assert found is not None
        hits.append(found.low <= truth <= found.high)
        errors.append(found.mean - truth)
    assert np.mean(hits) >= 0.85
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(60)


def test_where_labels_tell_all_nothing_is_weighed() -> None:
    world = World(1, 300)
    assert explored_uplift(CALLING, world.served, seed=1) is None
    skipping = bank("numbers", "skip")  # what is not called pays nothing in either case
    assert explored_uplift(skipping, world.hidden(), seed=1, revealed_by=("call",)) is None
    bikes = RegressionValuation("EUR", UnitCosts(3, 1), {"ten": 10.0}, "ten")
    assert explored_uplift(bikes, world.served, seed=1, moved_by=("call",)) is None
