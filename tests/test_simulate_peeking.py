"""What the simulations set beside a watched rollout is fair: the same looks, and no hindsight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bench.simulate.draws import FAR, Draw, Late, missing, repeated, reweighted, split
from bench.simulate.peeking import FIXED, Told, past_threshold, z_test
from bench.simulate.releases import BANK, DROPPED, GUARDRAILS, SHADOW, Dropped, look_ends
from bench.simulate.releases import peeked as guardrails_peeked
from bench.simulate.rollouts import CENTRED, FROM_0, LOOK, OFF, SCENES, STEPS, peeked

from assay.lifecycle.paired_payoffs import paired_differences

LOOKS = np.arange(100, 1001, 100)


def test_a_z_test_stops_at_its_first_verdict_and_a_rollback_goes_first() -> None:
    down, up = np.tile([-2.0, 0.0], 50), np.tile([9.0, 11.0], 450)
    assert z_test(Told.each(np.append(down, up)), LOOKS, tolerance=0.5) == "roll_back"
    assert z_test(Told.each(np.append(up, down)), LOOKS, tolerance=0.5) == "promote"
    between = np.tile([-0.5, 0.0], 500)
    assert z_test(Told.each(between), LOOKS, tolerance=0.5) == "roll_back", "both are sure"
    assert z_test(Told.each(np.zeros(1000)), LOOKS, tolerance=0.5) == "hold", "nothing varies"


def test_a_z_test_of_arms_is_that_of_their_means_known_at_the_look() -> None:
    rng = np.random.default_rng(1)
    paid, arm = rng.normal(size=1000), rng.random(1000) < 0.3
    (z,) = Told.each(paid, arm).z(np.array([400]), -0.1)
    on, off = paid[:400][arm[:400]], paid[:400][~arm[:400]]
    error = np.sqrt(on.var(ddof=1) / len(on) + off.var(ddof=1) / len(off))
    assert z == pytest.approx((on.mean() - off.mean() + 0.1) / error)


def test_a_z_test_of_a_share_uses_the_variance_at_the_limit() -> None:
    clean = Told.each(np.zeros(1000))
    z = clean.share_z(np.array([0, 25, 100]), 0.05)
    assert z == pytest.approx([0.0, -1.1471, -2.2942], abs=1e-4), "25 clean cases are not enough"


@pytest.mark.parametrize("draw", [reweighted, repeated, missing(FAR)])
def test_what_comes_after_a_look_does_not_change_it(draw: Draw) -> None:
    told = draw(np.random.default_rng(2)).told
    later = told.unit >= 2000
    other = replace(told, values=np.where(later, told.values + 100, told.values))
    looks = np.arange(LOOK, 4001, LOOK)
    one, two = told.z(looks, -0.5), other.z(looks, -0.5)
    assert one[:20] == pytest.approx(two[:20])
    assert not np.allclose(one[20:], two[20:])


def test_looks_and_the_threshold_count_units_whatever_each_says() -> None:
    drawn = repeated(np.random.default_rng(3))
    decisions = np.bincount(drawn.told.unit, minlength=4000)
    assert decisions.min() == 1
    assert decisions.max() == 5
    clear = Told(np.where(drawn.told.unit < FIXED, 1.0, -9.0), drawn.told.unit)
    assert past_threshold(clear, 0.99, "promote")
    assert not past_threshold(clear, 0.99, "roll_back")
    few = Told.each(np.ones(4000)).part(np.arange(4000) % 3 == 0)
    assert past_threshold(few, 0.5, "promote")
    assert list(few.so_far(np.array([3, 300]))[0]) == pytest.approx([np.nan, 1.0], nan_ok=True)


def test_payoffs_say_the_same_whatever_the_plan_counts_them_from() -> None:
    drawn = split(FAR.worse, of=FAR)(np.random.default_rng(4))
    z = {plan.centre: peeked(plan, drawn) for plan in (FROM_0, OFF, CENTRED)}
    assert z == dict.fromkeys((0.0, 8.5, 10.0), z[10.0])
    assert z[10.0] != "hold"


def test_a_z_test_pools_arms_whose_weights_change_and_is_fooled_in_the_end() -> None:
    """Looked at once at the end, since earlier looks may have rolled it back rightly."""
    fooled = [
        z_test(reweighted(rng).told, np.array([4000]), STEPS.tolerance) == "promote"
        for rng in np.random.default_rng(5).spawn(20)
    ]
    assert np.mean(fooled) > 0.8


def test_late_outcomes_are_known_only_when_they_came() -> None:
    units = Late.drawn(np.random.default_rng(6))
    early, end = units.by(1000), units.by(3000)
    gone = early.least < early.most
    assert 20 < gone.sum() < 100, "most of 75 good outcomes"
    assert set(early.told.unit) == set(np.flatnonzero(~gone))
    assert (end.least[:1000] >= early.least).all()


def test_guardrails_are_looked_at_as_often_as_those_who_watch() -> None:
    looks = look_ends(4000)
    assert list(looks[:3]) == [25, 50, 75]
    assert looks[-1] <= 4000 < looks[-1] * 1.05
    _, heard = GUARDRAILS[0].draw(np.random.default_rng(7))
    clean = [replace(one, bad=np.zeros(4000, dtype=np.bool_)) for one in heard]
    assert guardrails_peeked(clean) == "promote"
    assert guardrails_peeked([replace(clean[0], bad=~clean[0].bad), *clean[1:]]) == "roll_back"
    late = np.arange(4000) >= 3900
    assert guardrails_peeked([replace(clean[0], bad=late), *clean[1:]]) == "promote", "stopped"


@pytest.mark.parametrize("scene", DROPPED, ids=lambda scene: scene.true)
def test_dropped_copies_count_just_as_bad_as_the_tolerance(scene: Dropped) -> None:
    assert scene.counted == pytest.approx(-SHADOW.tolerance)
    n = 40_000
    yes, calls, lost = scene.drawn(np.random.default_rng(8), n)
    from_calls = {False: "skip", True: "call"}
    copies = [
        None if gone else {"decision": from_calls[call], "inputs": {}}
        for call, gone in zip(calls.tolist(), lost.tolist(), strict=True)
    ]
    taken = [{"decision": "skip", "inputs": {}}] * n
    outcomes = ["yes" if one else "no" for one in yes.tolist()]
    least, _ = paired_differences(BANK, taken, copies, outcomes)
    assert least.mean() == pytest.approx(scene.counted, abs=4 * least.std() / np.sqrt(n))


def test_no_two_scenes_share_a_name() -> None:
    for scenes in (SCENES, GUARDRAILS, DROPPED):
        assert len({one.true for one in scenes}) == len(scenes)
