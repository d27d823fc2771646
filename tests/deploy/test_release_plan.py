"""What is told of a release before it starts."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from assay.deploy.pace import Pace
from assay.deploy.prospect import Arms
from assay.deploy.release_plan import ReleasePlan, plan_release
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.deploy.unknown_payoffs import Unknown
from assay.stats.estimate import Estimate

BOUNDS = (-1.0, 9.0)
KNOWN = Unknown()
ROLLOUT = RolloutPlan("EUR", BOUNDS, tolerance=0.1, most_units=20_000, shares=(0.1, 0.5))


def _plan(
    uplift: float,
    rollout: RolloutPlan = ROLLOUT,
    most_days: float | None = None,
    paired: float | None = 0.5,
    unknown: Unknown = KNOWN,
) -> ReleasePlan:
    promised = Estimate(uplift, uplift - 0.1, uplift + 0.1, 900, "bootstrap", "EUR per unit")
    one, other = (Spread.around(mean, 3.0, BOUNDS) for mean in (1.0, 1.0 - uplift))
    pace = Pace(decisions_per_month=3650, decisions_per_unit=2, waiting_days=10)
    arms = Arms(one, other, promised, paired, unknown)
    return plan_release(rollout, arms, pace, unit="Each is one.", most_days=most_days)


def _no_absurd_number(text: str) -> None:
    """No number beyond ten times what was agreed, none that is not finite, no loss as a gain."""
    assert not re.search(r"\b(inf|nan|never|billion)\b", text)
    numbers = [float(one.replace(",", "")) for one in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]
    assert max(numbers) <= 200_000
    assert not re.search(r"\b0(\.\d+)? times fewer", text)


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
    [("promote", "and promotes where they hold"), ("roll_back", "rolls back without proof of")],
)
def test_what_cannot_be_resolved_is_left_to_guardrails_and_that_is_said(
    undecided: str, then: str
) -> None:
    rollout = RolloutPlan.from_document({**ROLLOUT.document(), "undecided": undecided})
    for uplift in (0.01, -0.3):
        plan = _plan(uplift, rollout)
        assert not plan.resolvable
        assert "Value cannot be resolved within the agreed 20,000 units" in plan.line
        assert "the canary then decides on guardrails alone" in plan.line
        assert then in plan.line
        assert f"(`release.undecided: {undecided}`)" in plan.line
        _no_absurd_number(" ".join(plan.words))
    assert "promises no uplift over the champion" in plan.line
    assert "build a version whose evaluation promises one" in plan.line


def test_the_time_given_may_be_too_short_where_the_units_are_not() -> None:
    assert _plan(0.8, most_days=365).resolvable
    short = _plan(0.8, most_days=15)
    assert not short.resolvable
    assert 0 < short.best.units.within < 0.5, "300 units have entered by then"
    assert f"20,000 units / 15 days (chance {short.best.units.within:.0%})" in short.line
    assert "agree on `release.most_days:" in short.line
    assert "most_decisions" not in short.line


def test_what_mends_a_canary_that_is_too_short_is_said_in_numbers_that_do() -> None:
    plan = _plan(0.2, replace(ROLLOUT, most_units=3000))
    assert not plan.resolvable
    told = re.search(r"agree on `release.most_decisions: (\d+)`, or send more", plan.line)
    assert told is not None
    longer = _plan(0.2, replace(ROLLOUT, most_units=int(told[1])))
    assert longer.resolvable
    assert longer.best.units.mostly == pytest.approx(int(told[1]), rel=0.1)
    endless = _plan(0.0001, replace(ROLLOUT, tolerance=0.001))
    assert "longer than the business case counts (730 days)" in endless.line
    assert (
        "even where the promised uplift (0.0001 EUR per unit [-0.0999, 0.1001]) is true"
        in endless.line
    )
    _no_absurd_number(" ".join(endless.words))


def test_payoffs_that_stay_unknown_count_against_the_claim_and_are_named() -> None:
    """By hand: half of the challenger's units at -1 in place of a mean of 1 say 1 less."""
    hidden = Unknown(0.5, 0.0, BOUNDS, why="`skip` hides it", mends=("Say what silence means.",))
    plan = _plan(0.8, unknown=hidden, paired=None)
    assert not plan.resolvable
    assert plan.best.difference == pytest.approx(0.8), "what is true stays true"
    assert plan.best.units.expected == np.inf, "0.8 - 1 is below the tolerance"
    assert plan.known is not None
    assert plan.known.units == _plan(0.8).best.units
    assert "The payoffs of 50% of the challenger's units and 0% of the champion's" in plan.line
    assert "`skip` hides it" in plan.line
    assert "Say what silence means." in plan.line
    assert "With all payoffs known, about" in plan.line
    _no_absurd_number(" ".join(plan.words))
    assert plan.document()["unknown_payoffs"]["challenger"] == 0.5
    few = _plan(2.0, unknown=Unknown(0.1, 0.1, BOUNDS, why="`skip` hides it"), paired=None)
    assert few.resolvable, "2 - 0.1 * 2 - 0.1 * (9 + 1)"
    assert few.best.units.expected > _plan(2.0).best.units.expected
    assert "will stay unknown" in few.line


def test_a_paired_shadow_that_is_not_possible_or_takes_no_fewer_is_not_told() -> None:
    assert "paired shadow" in " ".join(_plan(0.8).words)
    for paired in (None, 500.0):
        plan = _plan(0.8, paired=paired)
        assert plan.times_fewer is None
        assert "paired shadow" not in " ".join(plan.words)
        assert plan.document()["paired_takes_times_fewer"] is None
    assert [one for one in _plan(0.8, paired=None).prospects if one.share is None] == []


def test_a_paired_shadow_takes_as_many_times_fewer_as_its_deviation_says() -> None:
    """Variances alone would give 160 times; bounds limit what is gained."""
    soon = _plan(0.3)
    assert soon.times_fewer is not None
    assert 3 < soon.times_fewer < 160
    assert f"{soon.times_fewer:.1f} times fewer" in soon.words[-1] or soon.times_fewer >= 10
    never = _plan(-0.3)
    assert never.times_fewer is None, "neither settles what is worse than the tolerance"
    assert "paired shadow" not in " ".join(never.words)
    only = _plan(0.05, replace(ROLLOUT, most_units=3000))
    assert (only.best.within_reach, only.times_fewer) == (False, None)
    assert re.search(r"\(paired shadow\) would take about [\d,]+ units\.", only.words[-1])


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
    assert plan.times_fewer is None
    document = json.loads(json.dumps(plan.document(), allow_nan=False))
    assert document["prospects"][-1]["units"] is None, "never"
    assert document["prospects"][-1]["within_reach"] is False
    assert document["promised"]["mean"] == -0.5
    assert document["words"] == list(plan.words)
    assert RolloutPlan.from_document(document["rollout"]) == replace(plan.rollout)
