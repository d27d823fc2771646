"""Other decisions estimated against the truth of worlds where actions hide and move outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.lifecycle.live_cases import live_cases
from assay.lifecycle.live_gains import daily_gain
from assay.monitor.volume import DAYS_PER_MONTH
from assay.stats.estimate import Estimate
from assay.value.identification import is_marked
from assay.value.valuation import valuation

from .conftest import charter

START = datetime(2026, 3, 1, tzinfo=UTC)
Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
CALL = {"yes": 9, "no": -1}


@dataclass(frozen=True)
class _World:
    """Cases whose chance of yes each action has for its own: `chances` (n, actions)."""

    charter: Charter
    chances: Floats
    stands: Codes
    seed: int = 0

    def gain(self, instead: Codes) -> Estimate:
        """Return what is estimated from one draw of the world."""
        made, n = self.charter, len(self.stands)
        rng = np.random.default_rng(self.seed)
        valued = valuation(made.value, made.data)
        share, actions = made.release.exploration_share, len(valued.actions)
        taken = np.where(rng.random(n) < share, rng.integers(actions, size=n), self.stands)
        chance = share / actions + np.where(taken == self.stands, 1 - share, 0.0)
        says_yes = rng.random(n) < self.chances[np.arange(n), taken]
        shows = made.data.revealed_by or valued.actions
        records = [
            {
                "id": f"r/{row}",
                "at": (START + timedelta(seconds=row + 1)).isoformat(),
                "arm": "champion",
                "inputs": {},
                "decision": valued.actions[taken[row]],
                "propensity": float(chance[row]),
            }
            for row in range(n)
        ]
        outcomes = [
            ("yes" if yes else "no") if one["decision"] in shows else None
            for one, yes in zip(records, says_yes.tolist(), strict=True)
        ]
        cases = live_cases(made, records, outcomes, START, START + timedelta(days=1))
        p = self.chances[:, 0]
        forecast = np.column_stack([1 - p, p])
        return daily_gain(made, cases, {}, self.stands, instead, forecast)

    def truth(self, instead: Codes) -> float:
        """Return what it is worth a day, on decisions that are neither control nor explored."""
        made, rows = self.charter, np.arange(len(self.stands))
        valued = valuation(made.value, made.data)
        yes = np.full_like(rows, valued.labels.index("yes"))
        paid = np.empty_like(self.chances)
        for action in range(paid.shape[1]):
            taken, chance = np.full_like(rows, action), self.chances[:, action]
            with_yes, with_no = (valued.realised(taken, one, {}) for one in (yes, 1 - yes))
            paid[:, action] = chance * with_yes + (1 - chance) * with_no
        release = made.release
        share = (1 - release.control_share) * (1 - release.exploration_share)
        apart = float((paid[rows, instead] - paid[rows, self.stands]).mean())
        return apart * share * made.value.decisions_per_month / DAYS_PER_MONTH


def _made(skip: Any, *, moved: bool, hidden: bool, **release: float) -> Charter:
    value = {"actions": {"call": CALL, "skip": skip}}
    data = {
        "label_delay": "0 rows",
        "revealed_by": ["call"] if hidden else [],
        "moved_by": ["call"] if moved else [],
    }
    shares = {"exploration_share": 0.4, **release}
    return charter(value=value, data=data, release=shares, monitoring={"window": "1500 rows"})


def _world(made: Charter, *, seed: int, n: int = 1500) -> _World:
    """A policy that calls whom it pays to call; without a call fewer say yes, if it moves them."""
    p = np.random.default_rng(1000 + seed).beta(1.2, 8.0, n).clip(0.005, 0.9)
    share = 0.5 if made.data.moved_by else 1.0
    stands = (10 * p - 1 < 0).astype(np.int64)
    return _World(made, np.column_stack([p, share * p]), stands, seed)


EVERYBODY, NOBODY = np.zeros(1500, dtype=np.int64), np.ones(1500, dtype=np.int64)


@pytest.mark.parametrize("skip", [0, 2, 3])
@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("hidden", [True, False])
def test_intervals_hold_the_truth_where_skipping_pays_a_fixed_amount(
    skip: int, moved: bool, hidden: bool
) -> None:
    made = _made(skip, moved=moved, hidden=hidden)
    runs, held = 20, {"everybody": 0, "nobody": 0}
    for seed in range(runs):
        world = _world(made, seed=seed)
        for name, instead in (("everybody", EVERYBODY), ("nobody", NOBODY)):
            gain = world.gain(instead)
            assert not is_marked(gain)
            held[name] += gain.low <= world.truth(instead) <= gain.high
    # P(fewer than 17 of 20 | 95%) is 2%
    assert min(held.values()) >= 17


def test_calling_everybody_is_no_gain_where_skipping_pays() -> None:
    for skip in (2, 3):
        world = _world(_made(skip, moved=True, hidden=True), seed=3)
        gain = world.gain(EVERYBODY)
        assert world.truth(EVERYBODY) < -10
        assert gain.high < 0


@pytest.mark.parametrize("skip", [{"yes": 10, "no": 0}, {"yes": 3, "no": 1}])
def test_what_a_hidden_action_pays_by_an_outcome_of_its_own_is_marked(skip: Any) -> None:
    world = _world(_made(skip, moved=True, hidden=True), seed=1)
    assert is_marked(world.gain(EVERYBODY))
    assert is_marked(world.gain(NOBODY))


def test_a_hidden_action_is_marked_also_where_another_shows_its_outcome() -> None:
    """Skipping and waiting leave the outcome as it is; skipping hides it, waiting does not."""
    made = charter(
        value={
            "actions": {"call": CALL, "skip": {"yes": 3, "no": 0}, "wait": {"yes": 2, "no": -1}}
        },
        data={"label_delay": "0 rows", "revealed_by": ["call", "wait"], "moved_by": ["call"]},
        release={"exploration_share": 0.4},
        monitoring={"window": "1500 rows"},
    )
    p = np.random.default_rng(7).beta(1.2, 8.0, 1500)
    stands = (10 * p - 1 < 0).astype(np.int64)
    world = _World(made, np.column_stack([p, p / 2, p / 2]), stands)
    assert is_marked(world.gain(EVERYBODY))
    # what both pay apart is one whatever comes, and nobody has to see it
    instead = np.where(stands == 1, 2, stands)
    gain = world.gain(instead)
    assert not is_marked(gain)
    assert gain.mean == pytest.approx(world.truth(instead))


def test_equal_differences_tell_nothing_where_a_call_changes_the_outcome() -> None:
    """A call pays one less than skipping under each outcome, and brings more of the better one."""
    made = _made({"yes": 10, "no": 0}, moved=True, hidden=False)
    only_calls = np.column_stack([np.full(1500, 0.4), np.zeros(1500)])
    world = _World(made, only_calls, NOBODY)
    gain = world.gain(EVERYBODY)
    assert not is_marked(gain)
    assert 0 < gain.low <= world.truth(EVERYBODY) <= gain.high


def test_without_chance_what_was_done_and_what_pays_alike_are_known() -> None:
    made = _made(3, moved=True, hidden=True, exploration_share=0.0)
    world = _world(made, seed=4)
    nobody = world.gain(NOBODY)
    assert not is_marked(nobody)
    assert nobody.low <= world.truth(NOBODY) <= nobody.high
    assert is_marked(world.gain(EVERYBODY))


@pytest.mark.parametrize("moved", [True, False])
def test_control_and_exploration_go_on_whatever_is_decided(moved: bool) -> None:
    whole = _made(2, moved=moved, hidden=False)
    kept = _made(2, moved=moved, hidden=False, control_share=0.3)
    one, other = (_world(made, seed=5) for made in (whole, kept))
    before, after = one.gain(EVERYBODY), other.gain(EVERYBODY)
    assert after.mean == pytest.approx(0.7 * before.mean)
    assert (after.low, after.high) == pytest.approx((0.7 * before.low, 0.7 * before.high))
