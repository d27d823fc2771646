"""What is told of a release before it starts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from assay.deploy.release_plan import Arms, Pace, ReleasePlan, plan_release
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.stats.estimate import Estimate

BOUNDS = (-1.0, 9.0)
ROLLOUT = RolloutPlan("EUR", BOUNDS, tolerance=0.1, most_units=20_000, shares=(0.1, 0.5))


def _plan(
    uplift: float,
    rollout: RolloutPlan = ROLLOUT,
    most_days: float | None = None,
    paired: float = 0.5,
) -> ReleasePlan:
    promised = Estimate(uplift, uplift - 0.1, uplift + 0.1, 900, "bootstrap", "EUR per unit")
    one, other = (Spread.around(mean, 3.0, BOUNDS) for mean in (1.0, 1.0 - uplift))
    pace = Pace(decisions_per_month=3650, decisions_per_unit=2, waiting_days=10)
    arms = Arms(one, other, promised, paired=0.5)
    return plan_release(rollout, arms, pace, unit="Each is one.", most_days=most_days)


def test_a_large_uplift_is_settled_and_told_with_its_cost_in_days() -> None:
    plan = _plan(0.8)
    assert plan.best.share == 0.5
    assert plan.resolvable
    units = plan.best.units.expected
    assert plan.best.decisions == 2 * units
    assert plan.best.days == pytest.approx(10 + 2 * units / 120)
    assert plan.best.units.fixed < units < plan.best.units.mostly
    told = " ".join(plan.words)
    assert "Value is expected to be settled within the agreed 20,000 units." in told
    assert "A z-test of a fixed number, looked at once, takes" in told
    assert "(0.8 EUR per unit [0.7, 0.9])" in plan.line


@pytest.mark.parametrize(
    ("undecided", "then"),
    [("promote", "and promotes where they hold"), ("roll_back", "an unsettled canary rolls back")],
)
def test_what_cannot_be_resolved_is_left_to_guardrails_and_that_is_said(
    undecided: str, then: str
) -> None:
    rollout = RolloutPlan.from_document({**ROLLOUT.document(), "undecided": undecided})
    for uplift in (0.01, -0.3):
        plan = _plan(uplift, rollout)
        assert not plan.resolvable
        assert "Value cannot be resolved within the agreed 20,000 units" in plan.line
        assert "the decision rests on guardrails alone" in plan.line
        assert then in plan.line
    assert "promises no uplift over the champion" in plan.line


def test_the_time_given_may_be_too_short_where_the_units_are_not() -> None:
    assert _plan(0.8, most_days=365).resolvable
    short = _plan(0.8, most_days=15)
    assert not short.resolvable
    assert "20,000 units and 15 days (chance 100% by the units)" in short.line


def test_a_paired_shadow_takes_as_many_times_fewer_as_its_deviation_says() -> None:
    """Variances alone tell where value is never settled; bounds limit what is gained besides."""
    never, soon = _plan(-0.3), _plan(0.02)
    split = np.sqrt(2 * (9 + 1) / 0.5)
    assert never.times_fewer == pytest.approx((split / 0.5) ** 2, rel=1e-6)
    assert 20 < soon.times_fewer < never.times_fewer
    assert "160 times fewer units" in never.words[-1]


def test_a_centre_is_told_and_takes_away_what_payoffs_far_from_0_add() -> None:
    """By hand: at half of traffic the variance is 2 (4 + 4), and 2 (104 + 104) from 0."""
    promised = Estimate(0.0, -0.1, 0.1, 900, "bootstrap", "EUR per unit")
    paid = Spread.around(10.0, 2.0, (6.0, 14.0))
    arms, pace = Arms(paid, paid, promised, paired=0.5), Pace(1000)
    from_0 = replace(ROLLOUT, bounds=(6.0, 14.0), shares=(0.5,))
    plans = [plan_release(one, arms, pace, unit="") for one in (from_0, replace(from_0, centre=10))]
    far, near = (plan.prospects[0].units for plan in plans)
    assert far.fixed / near.fixed == pytest.approx(104 / 4)
    assert far.expected > 20 * near.expected
    assert not any("counted from" in words for words in plans[0].words)
    assert "counted from 10 EUR per unit, what the champion paid" in plans[1].words[1]


def test_each_share_has_its_prospects_and_the_document_is_json() -> None:
    plan = _plan(-0.5)
    asked = [(one.what, one.share) for one in plan.prospects]
    assert asked == [
        (what, share)
        for what in ("no difference", "the uplift promised")
        for share in (0.1, 0.5, None)
    ]
    none, half = plan.prospects[:2]
    assert none.units.expected > half.units.expected
    document = json.loads(json.dumps(plan.document(), allow_nan=False))
    assert document["prospects"][-1]["units"] is None, "never"
    assert document["promised"]["mean"] == -0.5
    assert document["words"] == list(plan.words)
    assert RolloutPlan.from_document(document["rollout"]) == replace(plan.rollout)
