"""A release planned by command, and what is told when a canary starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.workspace import Workspace

Run = Callable[..., Any]


def _canary(campaign: Path, more: str = "") -> None:
    charter = campaign / "charter.yaml"
    text = charter.read_text()
    assert "strategy: immediate" in text
    charter.write_text(text.replace("strategy: immediate", f"strategy: canary, steps: [0.5]{more}"))


def test_a_plan_is_told_before_anything_is_signed(run: Run, campaign: Path) -> None:
    _canary(campaign)
    told = run("release", campaign, "--do", "plan")
    assert told.code == 0, told.err
    assert "no difference, 50% of traffic" in told.out
    assert "worse than the baseline" in told.out
    assert "Where the promised uplift" in told.out
    assert "paired shadow" not in told.out, "whom the baseline does not call never tells"
    document = run("release", campaign, "--do", "plan", "--json").document
    assert document["rollout"]["against"] == "baseline"
    uplift = document["promised"]["mean"]
    (promised,) = [
        one
        for one in document["prospects"]
        if one["share"] == 0.5 and one["if"] == "the uplift promised"
    ]
    assert promised["difference"] == pytest.approx(uplift)
    assert promised["decisions"] == promised["units"]
    assert run("status", campaign, "--json").document["champion"] is None, "nothing was released"


def test_units_of_several_decisions_are_planned_as_such(run: Run, campaign: Path) -> None:
    """A unit of four decisions pays four times as much and spreads twice as wide."""
    _canary(campaign)
    one = Workspace(campaign).release_plan()
    charter = campaign / "charter.yaml"
    unit = "unit: {horizon: 30 days, most: 6, usual: 4}"
    charter.write_text(charter.read_text().replace("steps: [0.5]", f"steps: [0.5], {unit}"))
    four = Workspace(campaign).release_plan()
    assert "at most 6, usually 4" in four.unit
    assert four.promised.mean == pytest.approx(4 * one.promised.mean)
    assert four.rollout.tolerance == pytest.approx(4 * one.rollout.tolerance)
    assert four.best.decisions == pytest.approx(4 * four.best.units.expected)
    assert "at most 6" in run("release", campaign, "--do", "plan").out


def test_a_canary_that_starts_says_how_long_it_will_take(run: Run, campaign: Path) -> None:
    _canary(campaign, ", undecided: promote, most_decisions: 20")
    run("sign", campaign, "--as", "Ana Costa", "--role", "product_manager")
    run("sign", campaign, "--as", "Rui Matos", "--role", "risk_officer")
    told = run("release", campaign)
    assert told.code == 0, told.err
    assert "No promotion is to be expected, even where the promised uplift" in told.out
    assert "cannot be resolved within the agreed 20 units" in told.out
    assert "guardrails alone, and promotes where they hold" in told.out
    assert "agree on `release.most_decisions: " in told.out
    running = run("release", campaign, "--do", "plan", "--json").document
    assert running["resolvable"] is False


def test_hidden_outcomes_are_named_as_what_keeps_a_canary_from_being_settled(
    run: Run, campaign: Path
) -> None:
    """Skipping somebody who would have bought is a regret that nobody ever sees."""
    _canary(campaign)
    charter = campaign / "charter.yaml"
    text = charter.read_text()
    assert "skip: 0" in text
    charter.write_text(text.replace("skip: 0", 'skip: {"yes": -3, "no": 0}'))
    told = run("release", campaign, "--do", "plan")
    assert told.code == 0, told.err
    assert "worse than the baseline: nothing within reach." in told.out
    assert "what `skip` pays depends on an outcome that it hides (`data.revealed_by`)" in told.out
    assert "`release.missing_outcome` says what silence means" in told.out
    assert "billion" not in told.out
    assert "times fewer" not in told.out
    document = run("release", campaign, "--do", "plan", "--json").document
    assert document["unknown_payoffs"]["other"] == 1.0, "the baseline skips everybody"
    assert {one["units"] for one in document["prospects"]} == {None}


def test_what_is_released_at_once_has_no_plan(run: Run, campaign: Path) -> None:
    answer = run("release", campaign, "--do", "plan")
    assert (answer.code, "no canary to plan" in answer.paragraph) == (1, True)
    _canary(campaign)
    answer = run("release", campaign, "--do", "plan", "--version", 7)
    assert (answer.code, "Version 7 of campaign has no evaluation" in answer.paragraph) == (1, True)
