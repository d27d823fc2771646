"""One fault hides no other, and none is told in another library's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from assay.errors import Fault

Faults = Callable[[dict[str, Any]], list[Fault]]

TOP = {"kind": "topk", "action": "cal", "k": 15.5, "per": "hour"}
BUDGET = {"kind": "budget", "amount": 90, "per": "day", "costs": {"letter": 2}}
CHANGES: list[dict[str, Any]] = [
    {"since": "2026-13-01", "retraining_cost": 5},
    {"since": "2027-02-01", "actions": {"cal": {"yes": 1}}},
    {"since": "2027-03-01", "actions": {"call": {"yess": 1}}, "run_cost_per_month": -1},
    {"since": "2027-03-01", "refer": {"cost": 1, "accuracy": 0.5}},
]

TOGETHER: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"value.policy": TOP},
        [f"value.policy.{key}" for key in ("kind", "action", "k", "per")],
    ),
    (
        {"value.policy": {**TOP, "kind": "some"}},
        [f"value.policy.{key}" for key in ("kind", "action", "k", "per")],
    ),
    (
        {"value.policy": {"action": "call", "k": 5}},
        ["value.policy.kind", "value.policy"],
    ),
    (
        {"value.policy": {"kind": "thresold", "action": "cal", "at": 2}},
        ["value.policy.kind", "value.policy.action", "value.policy.at"],
    ),
    (
        {"value.policy": {"action": "cal"}},
        ["value.policy.kind", "value.policy.action"],
    ),
    (
        {
            "value.uncertainty": {
                "decisions_per_month": 1800,
                "build_cost": [9000, 3000],
                "run_cost_per_month": [1000],
                "cost_per_decision": [-1, 2],
                "retraining_cost": [5, 9],
            }
        },
        [
            f"value.uncertainty.{key}"
            for key in (
                "decisions_per_month",
                "build_cost",
                "run_cost_per_month",
                "cost_per_decision",
                "retraining_cost",
            )
        ],
    ),
    (
        {"value.changes": CHANGES, "value.currency": "eu"},
        [
            "value.currency",
            "value.changes[0].since",
            "value.changes[1].actions.cal",
            "value.changes[2].actions.call.yess",
            "value.changes[2].run_cost_per_month",
            "value.changes[3].since",
            "value.changes[3].refer",
        ],
    ),
    (
        {"value.policy": BUDGET, "value.caps": [1], "value.decisions_per_month": "x"},
        ["value.caps", "value.decisions_per_month", "value.policy.costs.letter"],
    ),
    (
        {"value.policy": {**BUDGET, "costs": {"letter": 2, "call": [1]}, "amount": -1}},
        ["value.policy.amount", "value.policy.costs.letter", "value.policy.costs.call"],
    ),
    (
        {
            "value.refer": {
                "cost": -1,
                "confusion": {"yes": {"cal": 1}},
                "capacity": {"k": 5, "of": 3},
            }
        },
        [
            "value.refer.cost",
            "value.refer.confusion.no",
            "value.refer.confusion.yes.cal",
            "value.refer.capacity.k",
        ],
    ),
    (
        {"data.sensitive": "age", "data.known_after": ["y"], "data.ignore": ["job", "job"]},
        ["data.sensitive", "data.known_after[0]", "data.ignore[1]"],
    ),
    (
        {"guardrails": [{"metric": 5, "at_least": 1}, {"metric": "none", "at_least": 1}]},
        ["guardrails[0].metric", "guardrails[1].metric"],
    ),
    (
        {"acceptance": {"roc_auc": 1, "brier": {"at_least": 1, "at_most": 0}}},
        ["acceptance.roc_auc", "acceptance.brier"],
    ),
    (
        {"value.baselines": {"nobody": [1], "all": "cal"}},
        ["value.baselines.nobody", "value.baselines.all"],
    ),
    (
        {
            "risk.register": [
                {"risk": "r", "likelihood": "low", "impact": "low", "mitigation": "m", "owner": who}
                for who in ("nobody", "sponsor")
            ]
        },
        ["risk.register[0].owner", "risk.register[1].owner"],
    ),
]


@pytest.mark.parametrize(("changes", "paths"), TOGETHER)
def test_every_one_is_told(faults: Faults, changes: dict[str, Any], paths: list[str]) -> None:
    assert sorted(fault.path for fault in faults(changes)) == sorted(paths)


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"value.baselines": ..., "value.baseline": ...}, "value.baselines", "missing"),
        (
            {"value.policy": {**BUDGET, "costs": {"call": "distance"}}},
            "value.caps.distance",
            "which `value.policy.costs.call` reads",
        ),
        (
            {"value.function": {"name": "prices", "bounds": [0, 1]},
             "release": {"strategy": "canary"}},
            "value",
            "`actions` and `function`",
        ),
        (
            {"value.refer": {"cost": 1, "accuracy": 0.9, "confusion": {
                "yes": {"call": 1}, "no": {"skip": 1}}}},
            "value.refer",
            "take `accuracy` out",
        ),
        ({"value.refer": 5}, "value.refer", "cost, accuracy, confusion, capacity"),
    ],
)  # fmt: skip
def test_one_fault_is_told_once(
    faults: Faults, changes: dict[str, Any], path: str, words: str
) -> None:
    (fault,) = faults(changes)
    assert fault.path == path
    assert words in str(fault)


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        *(
            ({"value.changes": [{"since": since, "retraining_cost": 1}]}, "write a date as 2026-1")
            for since in ("2026-13-01", "2026-02-30", 20261201, 0, 1.5, True, "soon", [1])
        ),
        ({"value.uncertainty": {"decisions_per_month": 1800}}, "as in [1500, 2100]"),
        ({"value.uncertainty": {"decisions_per_month": [1000]}}, "as in [800, 1200]"),
        ({"value.uncertainty": {"decisions_per_month": "many"}}, "write [least, most]"),
        ({"value.uncertainty": {"decisions_per_month": [1, 2, 3]}}, "write [least, most]"),
        ({"value.uncertainty": {"uplift_kept_per_year": 0.95}}, "as in [0.75, 1]"),
        ({"value.uncertainty": {"decisions_per_month": [2000, 500]}}, "write [500, 2000]"),
        ({"value.caps.balance": 500}, "as in [0, 500]"),
        ({"value.caps.balance": -500}, "as in [-500, 0]"),
        ({"value.policy": 5}, "Choose threshold, best_action, top_k, budget"),
        ({"release": {"missing_outcome": [1]}}, "write one word or one number"),
    ],
)
def test_the_mend_is_in_the_charters_words(
    faults: Faults, changes: dict[str, Any], mend: str
) -> None:
    (fault,) = faults(changes)
    assert mend in fault.mend
    assert not re.search(r"not right|should|input|field required|change it|pydantic", str(fault))
