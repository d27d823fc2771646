"""Which payoffs of a release stay unknown, by the charter's facts."""

from __future__ import annotations

from typing import Any

import pytest

from assay.lifecycle.unknown_share import unknown_payoffs

from .conftest import charter

DECIDED = {"call": 300, "skip": 700}
REGRET = {"call": {"yes": 9, "no": -1}, "skip": {"yes": -3, "no": 0}}


def _found(before: dict[str, int] | None = None, **changes: dict[str, Any]) -> Any:
    value = {"actions": REGRET, "baseline": "nobody", **changes.pop("value", {})}
    return unknown_payoffs(charter(value=value, **changes), DECIDED, before)


def test_only_what_hides_an_outcome_that_it_pays_by_is_unknown() -> None:
    flat, paired = unknown_payoffs(charter(), DECIDED, None)
    assert not flat, "skipping pays nothing, whatever would have come"
    assert not paired, "nobody is called by the baseline, so that no unit shows what a call pays"
    unknown, _ = _found()
    assert (unknown.challenger, unknown.other) == (0.7, 1.0)
    assert unknown.ends == (-3.0, 9.0)
    assert "`skip` pays depends on an outcome that it hides (`data.revealed_by`)" in unknown.why
    shown, paired = _found(data={"revealed_by": []})
    assert (bool(shown), paired) == (False, True)


def test_the_other_arm_is_the_champion_or_the_baseline() -> None:
    assert _found(value={"baseline": "everybody"})[0].other == 0
    assert _found(value={"baseline": "everybody"})[1], "whom everybody calls tells"
    assert _found(before={"call": 60, "skip": 40})[0].other == pytest.approx(0.4)
    by_column = {"baseline": "then", "baselines": {"then": "column: age"}}
    assert _found(value=by_column)[0].other == pytest.approx(0.7)


def test_exploration_lowers_it_by_what_chance_reveals_but_not_on_the_baseline() -> None:
    """By hand: 0.8 of 0.7, and half of 0.2."""
    unknown, _ = _found(release={"exploration_share": 0.2})
    assert unknown.challenger == pytest.approx(0.66)
    assert unknown.other == 1.0
    both, _ = _found({"call": 0, "skip": 50}, release={"exploration_share": 0.2})
    assert both.other == pytest.approx(0.9)


def test_a_declared_missing_outcome_leaves_nothing_unknown() -> None:
    unknown, paired = _found(release={"missing_outcome": "no"})
    assert (bool(unknown), paired) == (False, True)


def test_what_mends_it_is_named_by_key_where_it_does() -> None:
    told = " ".join(_found()[0].mends)
    assert "`value.actions` as what each action brings above `skip`" in told
    assert "`release.missing_outcome` says what silence means" in told
    assert "its most, 50% of cases, leaves 60% of the challenger's units unknown" in told
    moved = " ".join(_found(data={"moved_by": ["call"]})[0].mends)
    assert "above `skip`" not in moved, "what would have come without a call is another outcome"
    already = " ".join(_found(release={"exploration_share": 0.5})[0].mends)
    assert "exploration" not in already


def test_payoffs_above_the_hiding_action_keep_every_difference() -> None:
    """The mend that is named: call above skip is 12 or -1, skip 0; nothing stays unknown."""
    above = {"call": {"yes": 12, "no": -1}, "skip": 0}
    assert not _found(value={"actions": above})[0]


def test_an_outcome_that_actions_move_is_never_scored_on_both_arms() -> None:
    assert _found(data={"revealed_by": [], "moved_by": ["call"]})[1] is False
