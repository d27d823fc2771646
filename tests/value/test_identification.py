"""Which figures more cases would bring to the truth, and which none would."""

from __future__ import annotations

from typing import Any

import pytest

from assay.charter.data import Data
from assay.charter.release import Release
from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate
from assay.value.identification import (
    POSITIVITY,
    Identified,
    identification,
    is_marked,
    marked,
)

CALLS = {"call": {"yes": 9, "no": -1}, "skip": 0}
SELLS = {"call": {"yes": 9, "no": -1}, "skip": {"yes": 10, "no": 0}}


def _found(
    *,
    baseline: str = "skip",
    actions: dict[str, Any] | None = None,
    revealed_by: tuple[str, ...] = (),
    moved_by: tuple[str, ...] = (),
    control: float = 0.0,
    exploration: float = 0.0,
    **value: Any,
) -> Identified:
    model = ValueModel.model_validate(
        {
            "currency": "EUR",
            "actions": actions or CALLS,
            "baselines": {"b": baseline},
            "baseline": "b",
            "decisions_per_month": 1000,
            **value,
        }
    )
    data = Data(
        source="x.csv", outcome="y", positive="yes", revealed_by=revealed_by, moved_by=moved_by
    )
    return identification(
        model, data, Release(control_share=control, exploration_share=exploration)
    )


def _verdicts(found: Identified) -> tuple[str, str, str]:
    return found.evaluation.by, found.live.by, found.other.by


@pytest.mark.parametrize(
    ("facts", "verdicts"),
    [
        # Neither hidden nor moved: outcomes suffice.
        ({}, ("outcomes", "outcomes", "outcomes")),
        ({"control": 0.1, "exploration": 0.1}, ("outcomes", "outcomes", "outcomes")),
        # Hidden, and the baseline hides as the policy does: nothing is missing of the live uplift.
        ({"revealed_by": ("call",)}, ("outcomes", "outcomes", "")),
        # Hidden, and the baseline would have shown it.
        ({"revealed_by": ("call",), "baseline": "call"}, ("outcomes", "", "")),
        (
            {"revealed_by": ("call",), "baseline": "call", "control": 0.1},
            ("outcomes", "control share", ""),
        ),
        (
            {"revealed_by": ("call",), "baseline": "call", "exploration": 0.1},
            ("outcomes", "exploration share", "exploration share"),
        ),
        (
            {"revealed_by": ("call",), "baseline": "column: practice"},
            ("outcomes", "", ""),
        ),
        # Moved: no table tells, and only chance does once the model serves.
        ({"moved_by": ("call",), "actions": SELLS}, ("", "", "")),
        (
            {"moved_by": ("call",), "actions": SELLS, "control": 0.1},
            ("", "control share", ""),
        ),
        (
            {"moved_by": ("call",), "actions": SELLS, "exploration": 0.1},
            ("", "exploration share", "exploration share"),
        ),
        (
            {"moved_by": ("call",), "actions": SELLS, "exploration": 0.1, "control": 0.1},
            ("", "control share", "exploration share"),
        ),
        # Moved, and the baseline pays the same whatever comes.
        ({"moved_by": ("call",)}, ("", "outcomes", "")),
        (
            {"moved_by": ("call",), "revealed_by": ("call",), "control": 0.1},
            ("outcomes", "outcomes", ""),
        ),
        (
            {"moved_by": ("call",), "revealed_by": ("call",), "baseline": "call", "control": 0.1},
            ("outcomes", "control share", ""),
        ),
        # Moved and hidden: what is skipped pays by an outcome that nobody ever sees.
        (
            {"moved_by": ("call",), "revealed_by": ("call",), "actions": SELLS, "control": 0.1},
            ("", "", ""),
        ),
    ],
)
def test_verdicts(facts: dict[str, Any], verdicts: tuple[str, str, str]) -> None:
    found = _found(**facts)
    assert _verdicts(found) == verdicts
    for one in (found.evaluation, found.live, found.other):
        assert one.identified == bool(one.by)
        assert one.reason.endswith(".")
        assert one.reason.count(". ") == 0, "one sentence"
        assert (POSITIVITY in one.assumptions) == ("share" in one.by)
        assert one.identified or not one.assumptions


def test_no_share_shows_a_payoff_that_its_action_hides_and_moves() -> None:
    lends = {"lend": {"yes": 9, "no": -50}, "warn": {"yes": 2, "no": -3}}
    blind: dict[str, Any] = {"actions": lends, "revealed_by": ("lend",), "baseline": "lend"}
    found = _found(moved_by=("warn",), control=0.1, exploration=0.1, **blind)
    assert _verdicts(found) == ("", "", "")
    assert "no share can show it" in found.live.reason
    # Not moved, cases explored that show the outcome stand for the others; a control does not.
    assert _found(control=0.1, **blind).live.by == ""
    assert "release.control_share" not in _found(**blind).live.reason
    assert _found(exploration=0.1, **blind).live.by == "exploration share"


def test_two_hiding_actions_that_differ_by_a_constant_need_no_share() -> None:
    actions = {
        "call": {"yes": 9, "no": -1},
        "mail": {"yes": 5, "no": 1},
        "post": {"yes": 3, "no": -1},
    }
    found = _found(actions=actions, revealed_by=("call",), baseline="post")
    assert found.live.identified
    worded = {**actions, "mail": {"yes": "fee * 2", "no": 1}}
    caps = {"fee": (0, 5)}
    other = _found(actions=worded, revealed_by=("call",), baseline="post", caps=caps)
    assert not other.live.identified


def test_an_amount_that_moves_demand_needs_a_control_and_cannot_be_explored() -> None:
    model = ValueModel.model_validate(
        {
            "currency": "EUR",
            "payoff": "decision * outcome",
            "caps": {"outcome": [0, 100]},
            "baselines": {"list": 10},
            "baseline": "list",
            "decisions_per_month": 100,
        }
    )
    price = Data(source="x.csv", outcome="sold", moved_by=("decision",))
    alone = identification(model, price, Release(exploration_share=0.1))
    assert _verdicts(alone) == ("", "", "")
    assert alone.live.reason.startswith("The amount decided changes the outcome")
    with_control = identification(model, price, Release(control_share=0.1))
    assert _verdicts(with_control) == ("", "control share", "")
    assert "canary" in with_control.other.reason
    still = identification(model, Data(source="x.csv", outcome="sold"), Release())
    assert _verdicts(still) == ("outcomes", "outcomes", "outcomes")


def test_an_estimate_is_marked_once_and_stays_marked() -> None:
    plain = Estimate(1.0, 0.0, 2.0, 10, "BCa bootstrap", "EUR per decision")
    verdict = _found(moved_by=("call",), actions=SELLS).live
    once = verdict.mark(plain)
    assert once == marked(once)
    assert is_marked(once.scaled(10, "EUR per month"))
    assert not is_marked(_found().live.mark(plain))
    assert _found().document()["live"]["by"] == "outcomes"
    assert verdict.document()["identified"] is False
