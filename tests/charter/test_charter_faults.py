"""One fault at a time: its place, and words of its problem and its mend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.errors import Fault

Faults = Callable[[dict[str, Any]], list[Fault]]

TYPES: list[tuple[dict[str, Any], str, str]] = [
    ({"title": 5}, "title", 'put it between quotes: "5"'),
    ({"title": ""}, "title", "fill it in"),
    ({"title": None}, "title", "fill it in"),
    ({"title": ...}, "title", "add `title: …`"),
    ({"problem": ...}, "problem", "The problem in three sentences"),
    ({"problem": "Calls cost"}, "problem", "business, analytical, hypothesis"),
    ({"release": None}, "release", "write its keys below it"),
    ({"nme": "x"}, "nme", "take it out"),
    ({"value.currency": "eur"}, "value.currency", "did you mean `EUR`?"),
    ({"value.currency": "Euro"}, "value.currency", "did you mean `EUR`?"),
    ({"value.currency": "money"}, "value.currency", "three capital letters"),
    ({"value.decisions_per_month": 0}, "value.decisions_per_month", "above 0"),
    ({"value.decisions_per_month": "many"}, "value.decisions_per_month", "plain number"),
    ({"value.decisions_per_month": True}, "value.decisions_per_month", "write a number"),
    ({"value.build_cost": float("inf")}, "value.build_cost", "plain number"),
    ({"value.horizon_months": 1.5}, "value.horizon_months", "whole number"),
    ({"value.horizon_months": 601}, "value.horizon_months", "at most 600"),
    ({"value.actions.call.yes": [1]}, "value.actions.call.yes", "a formula over columns"),
    ({"value.actions": []}, "value.actions", "key: value"),
    ({"value.caps": {"balance": [1]}}, "value.caps.balance", ""),
    ({"value.caps": {"balance": [1, "x"]}}, "value.caps.balance[1]", "plain number"),
    ({"value.baselines": {}}, "value.baselines", "fill it in"),
    ({"value.policy": "treshold"}, "value.policy", "did you mean `threshold`?"),
    ({"value.policy": {"kind": "best"}}, "value.policy.kind", "Choose threshold, best_action"),
    ({"value.policy": "threshold"}, "value.policy.action", "add `action: …`"),
    ({"value.policy": {"kind": "top_k", "action": "call", "k": 1}}, "value.policy", "give `of`"),
    ({"value.window": 5}, "value.window", "move it to `monitoring`"),
    ({"data.order": "row"}, "data.order", "did you mean `rows`?"),
    ({"data.sensitive": "age"}, "data.sensitive", "[age]"),
    ({"data.label_delay": "30 dys"}, "data.label_delay", "`30 days`"),
    ({"people": "sole"}, "people", "name who holds each role: sponsor"),
    ({"people.risk_oficer": "Eve", "people.risk_officer": ...}, "people.risk_oficer", "officer"),
    ({"acceptance.roc_auc": 0.7}, "acceptance.roc_auc", "{at_least: 0.7}"),
    ({"acceptance.roc_auc": {}}, "acceptance.roc_auc", "give `at_least` or `at_most`"),
    ({"guardrails": "none"}, "guardrails", "[none]"),
    ({"guardrails": ["parity"]}, "guardrails[0]", "at_least, at_most, metric"),
    ({"guardrails": [{"at_least": 1}]}, "guardrails[0].metric", "add `metric: …`"),
    ({"risk.tier": "hihg"}, "risk.tier", "did you mean `high`?"),
    ({"risk.tier": 2}, "risk.tier", "Choose low, medium, high"),
    ({"release": {"steps": [0.5, 0.1]}}, "release", "must grow"),
    ({"release": {"exploration_share": 0.9}}, "release.exploration_share", "at most 0.5"),
    ({"release": {"unit": {"most": 3}}, "data.entity": "client"}, "release.unit", "go together"),
    (
        {
            "release": {"unit": {"horizon": "9 days", "most": 3, "usual": 4}},
            "data.entity": "client",
        },
        "release.unit",
        "`most`",
    ),
    ({"release": {"undecided": "hold"}}, "release.undecided", "Choose promote, roll_back"),
    ({"build": {"train": "train.py"}}, "build.train", "`module:function` beside the charter"),
    ({"build": {"seed": True}}, "build.seed", "write a number"),
    ({"name": "Bank Deposits!"}, "name", "`bank-deposits`"),
    ({"name": "€"}, "name", "`my-model`"),
]

_STAGED = {"strategy": "staged", "stages": [{"region": "north"}]}
_FAIR = {"metric": "action", "limit": 0.2, "action": "call", "column": "age", "group": "30"}

BETWEEN: list[tuple[dict[str, Any], str, str]] = [
    ({"release": {**_STAGED, "guardrails": [{"metric": "errors", "limit": 0.1, "compared": True}]}},
     "release.guardrails[0].compared", "a `limit` of its own"),
    ({"release": {"guardrails": [{"metric": "errors", "limit": 0.1} for _ in "ab"]}},
     "release.guardrails[1]", "take one of them out"),
    ({"release": {"guardrails": [{**_FAIR, "action": "cal"}]}},
     "release.guardrails[0].action", "did you mean `call`?"),
    ({"release": {"guardrails": [_FAIR]}, "serving": {"capture": {"protected": {"age": "hash"}}}},
     "release.guardrails[0].column", "keep it under `serving.capture`"),
    ({"release": {"guardrails": [{"metric": "referrals", "limit": 0.1}]}},
     "release.guardrails[0].metric", "give `value.refer`"),
    ({"release": {"strategy": "shadow", "shadow_share": 0.5}, "data.entity": "client",
      "serving": {"capture": {"protected": {"client": "hash"}}}},
     "release.shadow_share", "`shadow_share: 1`"),
    ({"data.time": "date"}, "data.order", "keep `time`, or keep `order: rows`"),
    ({"data.entity": "y"}, "data.entity", "name another column"),
    ({"data.known_after": ["y"]}, "data.known_after[0]", "never a feature anyway"),
    ({"data.ignore": ["job", "job"]}, "data.ignore[1]", "keep it once"),
    ({"data.known_after": ["age"]}, "data.sensitive[0]", "keep it in one list"),
    ({"data.entity": "duration"}, "data.entity", "take it out of `known_after`"),
    ({"data.positive": ...}, "data.positive", "add `positive: …`"),
    ({"data.positive": "yess"}, "data.positive", "did you mean `yes`?"),
    ({"data.positive": True}, "data.positive", "name one of: yes, no"),
    ({"data.revealed_by": ["cal"]}, "data.revealed_by[0]", "did you mean `call`?"),
    ({"data.moved_by": ["cal"]}, "data.moved_by[0]", "did you mean `call`?"),
    ({"data.moved_by": ["call", "call"], "value.actions.skip": {"yes": 0, "no": 0}},
     "data.moved_by[1]", "keep it once"),
    ({"data.moved_by": ["call"]}, "value.actions.skip", "`{yes: 0, no: 0}`"),
    ({"data.moved_by": ["call"], "value.actions": {"call": {"yes": 9, "no": -1}, "skip": -0.5},
      "value.caps": {}}, "value.actions.skip", "`skip: {yes: …, no: …}`"),
    ({"data.moved_by": ["call"], "value.actions.skip": {"yes": 1, "no": 0},
      "value.changes": [{"since": "2030-01-01",
                         "actions": {"call": {"yes": 9, "no": -1}, "skip": 2}}]},
     "value.changes[0].actions.skip", "`{yes: 2, no: 2}`"),
    ({"data.moved_by": ["refer"], "value.actions.skip": {"yes": 1, "no": 0}},
     "data.moved_by[0]", "name one of: call, skip"),
    ({"value.baselines": {"nobody": "column: duration"}, "release": {"control_share": 0.1}},
     "value.baselines.nobody", "set the control share to 0"),
    ({"monitoring": {"window": "1 window"}}, "monitoring.window", "`1000 rows`"),
    ({"monitoring": {"window": "0 rows"}}, "monitoring.window", "`1000 rows`"),
    ({"data.label_delay": "3 days"}, "data.label_delay", "the delay in windows"),
    ({"data.label_delay": "3 days", "monitoring": {"window": "7 days"}}, "data.label_delay",
     "in `data.time`"),
    ({"monitoring": {"window": "7 days"}}, "data.label_delay", "`monitoring.window` in rows"),
    ({"monitoring": {"time_zone": "Lisbon"}}, "monitoring.time_zone", "Europe/Lisbon"),
    ({"monitoring": {"time_zone": "../etc"}}, "monitoring.time_zone", "UTC"),
    ({"value.baseline": "everbody"}, "value.baseline", "did you mean `everybody`?"),
    ({"value.actions.skip": ..., "value.baselines": {"nobody": "call"}}, "value.actions",
     "add what is done otherwise"),
    ({"value.actions.call": {"yes": "balance"}}, "value.actions", "each outcome that the data"),
    ({"value.actions.call.maybe": 1, "value.actions.skip": {"yes": 0, "no": 0}},
     "value.actions.skip.maybe", "add `maybe: …`"),
    ({"value.actions.call.maybe": 1, "data.positive": ...,
      "value.policy": {"kind": "threshold", "action": "call"}}, "data.positive", "add `positive"),
    ({"value.actions.skip": {"yes": 0}}, "value.actions.skip.no", "add `no: …`"),
    ({"value.baselines.now": "phone"}, "value.baselines.now", "column: NAME"),
    ({"value.baselines.now": "column:"}, "value.baselines.now", "column: NAME"),
    ({"value.policy": {"kind": "top_k", "action": "cal", "k": 1, "of": 9}}, "value.policy.action",
     "did you mean `call`?"),
    ({"value.policy": {"kind": "top_k", "action": "call", "k": 9, "of": 4}}, "value.policy.k",
     "write a `k` below 4, or write `policy: best_action`"),
    ({"value.policy": {"kind": "top_k", "action": "call", "k": 5000, "per": "day"}},
     "value.policy.k", "write a `k` below 1000, or write `policy: best_action`"),
    ({"value.policy": {"kind": "top_k", "action": "call", "k": 1, "of": 1}},
     "value.policy.k", "write `policy: best_action` where there is no limit"),
    ({"value.policy": {"kind": "top_k", "action": "call", "k": 12000, "per": "month"}},
     "value.policy.k", "write a `k` below 12000"),
    ({"value.refer": {"cost": 1, "accuracy": 0.9, "capacity": {"k": 1000, "per": "week"}}},
     "value.refer.capacity.k", "take `capacity` out"),
    ({"value.policy": {"kind": "budget", "amount": 3000, "per": "day", "costs": {"call": 3}}},
     "value.policy.amount", "write less than 3000"),
    ({"value.policy": {"kind": "budget", "amount": 300, "of": 100, "costs": {"call": 3}}},
     "value.policy.amount", "write less than 300"),
    ({"value.policy": {"kind": "budget", "amount": 9, "of": 100, "costs": {"refer": 3}}},
     "value.policy.costs.refer", "add `value.refer`"),
    ({"release": {"control_share": 0.5, "exploration_share": 0.5}},
     "release.exploration_share", "lower one of the two"),
    ({"value.policy": {"kind": "threshold", "action": "call", "otherwise": "call"}},
     "value.policy.otherwise", "name another action"),
    ({"value.actions.mail": 0, "value.policy": {"kind": "threshold", "action": "call"}},
     "value.policy.otherwise", "add `otherwise: …`"),
    ({"value.actions.call.yes": "balance +"}, "value.actions.call.yes", "at the end"),
    ({"value.actions.call.yes": "9 * balence"}, "value.caps.balence", "did you mean `balance`?"),
    ({"value.caps.job": [0, 1]}, "value.caps.job", "take it out"),
    ({"value.caps.balance": [5, 0]}, "value.caps.balance", "write [0, 5]"),
    ({"value.actions.call.no": "1 / balance"}, "value.actions.call.no", "max(y, 1)"),
    ({"value.caps.duration": [0, 9], "value.actions.call.no": "-duration"},
     "value.actions.call.no", "known before"),
    ({"value.policy": {"kind": "top_k", "action": "call", "k": 9, "of": 10, "per": "day"}},
     "value.policy", "take `of` out for the limit of a day, or `per` for that of 10 cases"),
    ({"value.policy": {"kind": "threshold", "action": "call", "refer_from": 0.1}},
     "value.policy.refer_from", "add `value.refer`"),
    ({"value.refer": {"cost": 1, "accuracy": 0.9},
      "value.policy": {"kind": "threshold", "action": "call", "at": 0.1, "refer_from": 0.2}},
     "value.policy.refer_from", "at most 0.1"),
    ({"value.policy": {"kind": "budget", "amount": 9, "per": "day", "costs": {"cal": 1}}},
     "value.policy.costs.cal", "did you mean `call`?"),
    ({"value.policy": {"kind": "budget", "amount": 9, "of": 9, "costs": {"call": "balance +"}}},
     "value.policy.costs.call", "at the end"),
    ({"value.policy": {"kind": "budget", "amount": 9, "per": "day", "costs": {"call": -1}}},
     "value.policy.costs.call", "uses up"),
    ({"value.refer": {"cost": 1}}, "value.refer", "give `accuracy`"),
    ({"value.refer": {"cost": 1, "accuracy": 0.9, "capacity": {"k": 5, "of": 4}}},
     "value.refer.capacity.k", "write a `k` below 4, or take `capacity` out"),
    ({"value.actions": {"call": {"yes": 9, "no": -1}, "refer": 0}, "value.caps": {},
      "value.baselines": {"nobody": "refer"}, "value.refer": {"cost": 1, "accuracy": 0.9}},
     "value.actions.refer", "another name"),
    ({"value.refer": {"cost": 1, "confusion": {"yes": {"call": 1}}}},
     "value.refer.confusion.no", "how people decide"),
    ({"value.refer": {"cost": 1, "confusion": {"yes": {"call": 1}, "no": {"skip": 0.5}}}},
     "value.refer.confusion.no", "add up to 1"),
    ({"value.changes": [{"since": "2027-01-01", "under": 4}]}, "value.changes[0].under",
     "itself gives"),
    ({"value.changes": [{"since": "2027-01-01", "retraining_cost": cost} for cost in (4, 5)]},
     "value.changes[1].since", "one entry"),
    ({"value.changes": [{"since": "next year", "retraining_cost": 1}]}, "value.changes[0].since",
     "write a date as 2026-12-01"),
    ({"value.uncertainty": {"decisions_per_month": [1200, 1500]}},
     "value.uncertainty.decisions_per_month", "around it"),
    ({"value.uncertainty": {"build_cost": [-5, 5]}}, "value.uncertainty.build_cost", "from 0 on"),
    ({"value.function": {"name": "prices", "bounds": [0, 1]}}, "value",
     "take the others out: `actions` or `function`"),
    ({"value.actions": ..., "value.caps": {}, "data.positive": "yes", "value.function": {
        "name": "prices", "bounds": [1, 0], "actions": ["call", "skip"],
        "outcomes": ["no", "yes"]}}, "value.function.bounds", "write [0"),
    ({"value.actions": ..., "value.caps": {}, "value.function": {
        "name": "prices", "bounds": [0, 1], "actions": ["call", "skip"],
        "outcomes": ["no", "yes"], "columns": ["duration"]}},
     "value.function.columns", "known before"),
    ({"people.risk_officer": ...}, "people.risk_officer", "add `risk_officer: NAME`"),
    ({"people": "solo"}, "people", "`risk.tier: low`"),
    ({"people.risk_officer": "Ana"}, "people.risk_officer", "holds none of: product_manager"),
    ({"acceptance.roc_ac": {"at_least": 1}}, "acceptance.roc_ac", "did you mean `roc_auc`?"),
    ({"acceptance.mae": {"at_most": 1}}, "acceptance.mae", "uplift_per_month, "),
    ({"acceptance.brier": {"at_least": 1, "at_most": 0}}, "acceptance.brier", "swap the two"),
    ({"guardrails": [{"metric": "demographic_parity_ratio", "at_least": 1}]},
     "guardrails[0].column", "(age, marital)"),
    ({"guardrails": [{"metric": "demographic_parity_ratio", "at_least": 1, "column": "job"}]},
     "guardrails[0].column", "add `job` to `data.sensitive`"),
    ({"guardrails": [{"metric": "value_kept", "at_least": 1}]}, "guardrails[0].metric",
     "did you mean `value_kept_under_noise`?"),
    ({"monitoring": {"boundary": {"floor_per_month": 5, "goal_per_month": 1}}},
     "monitoring.boundary.goal_per_month", "above the floor"),
    ({"release": {"strategy": "canary", "loss_budget_per_year": 30_000_000}},
     "release.loss_budget_per_year", "write less than 2.4e+07 (1 % of it is usual: 240000)"),
    ({"release": {"strategy": "canary"}, "value.actions.call": {"yes": 0, "no": 0},
      "value.caps": {}}, "release.strategy", "`immediate`"),
    ({"release": {"unit": {"horizon": "9 days", "most": 2}}}, "release.unit", "`data.entity`"),
    ({"release": {"missing_outcome": "yess"}}, "release.missing_outcome", "did you mean `yes`?"),
    ({"build": {"families": []}}, "build.families", "lightgbm"),
    ({"risk.register": [{"risk": "r", "likelihood": "low", "impact": "low", "mitigation": "m",
      "owner": "sponsor"}]}, "risk.register[0].owner", "add `sponsor: NAME` under `people`"),
]  # fmt: skip

REGRESSION: list[tuple[dict[str, Any], str, str]] = [
    ({"data.positive": "yes"}, "data.positive", "take it out"),
    ({"data.revealed_by": ["call"]}, "data.revealed_by", "take it out"),
    ({"data.moved_by": ["call"]}, "data.moved_by[0]", "name one of: decision"),
    ({"value.policy": {"kind": "threshold", "action": "a"}}, "value.policy", "best_action"),
    ({"value.baselines.rule": "casual * 2"}, "value.baselines.rule", "before the decision"),
    ({"value.baselines.rule": "2 *"}, "value.baselines.rule", "at the end"),
    ({"value.baselines.rule": "bestconstant"}, "value.baselines.rule", "`best_constant`"),
    ({"value.caps.outcome": ...}, "value.caps.outcome", "add `outcome: [least, most]`"),
    ({"value.payoff": "cnt - decision - price - outcome", "value.caps.cnt": [0, 1]},
     "value.payoff", "write `outcome` for it"),
    ({"value.payoff": ..., "value.under": 3, "value.caps": {}}, "value", "go together"),
    ({"value.refer": {"cost": 1, "accuracy": 0.9}}, "value.refer", "take it out"),
    ({"value.payoff": ..., "value.under": 0, "value.over": 0, "value.caps": {}}, "value.under",
     "too high cost"),
    ({"value.under": 3, "value.over": 1}, "value", "not both"),
    ({"value.payoff": ..., "value.under": 3, "value.over": 1, "value.caps": {},
      "release": {"strategy": "canary"}}, "value.caps.outcome", "`release.strategy: immediate`"),
    ({"value.payoff": ..., "value.under": 3, "value.over": 1, "value.caps": {"outcome": [0, 10]},
      "release": {"strategy": "canary", "loss_budget_per_year": 262800}},
     "release.loss_budget_per_year", "2628"),
    ({"acceptance.roc_auc": {"at_least": 1}}, "acceptance.roc_auc", "mae, rmse, r2"),
    ({"release": {"missing_outcome": "none"}}, "release.missing_outcome", "write a number"),
    ({"release": {"missing_outcome": -7}}, "release.missing_outcome", "write a number from"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "path", "mend"), [*TYPES, *BETWEEN])
def test_one_fault(faults: Faults, changes: dict[str, Any], path: str, mend: str) -> None:
    (fault,) = faults(changes)
    assert fault.path == path
    assert mend in fault.mend


@pytest.mark.parametrize(("changes", "path", "mend"), REGRESSION)
def test_one_fault_of_a_regression(
    regression_faults: Faults, changes: dict[str, Any], path: str, mend: str
) -> None:
    (fault,) = regression_faults(changes)
    assert fault.path == path
    assert mend in fault.mend


def test_no_payoff_depends_on_the_outcome(faults: Faults) -> None:
    found = faults({"value.actions": {"call": 1, "skip": 0}, "value.caps": {}})
    assert [fault.path for fault in found] == ["value.actions"]


def test_neither_kind_of_payoff(faults: Faults) -> None:
    assert "value" in [fault.path for fault in faults({"value.actions": ...})]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data.positive": "no"},
        {"data.moved_by": ["call"], "value.actions.skip": {"yes": 0, "no": 0}},
        {"data.moved_by": ["skip"]},
        {
            "data.revealed_by": ["call", "refer"],
            "data.moved_by": ["refer"],
            "value.refer": {"cost": 1, "accuracy": 0.9},
        },
        {"value.policy": "best_action"},
        {"value.policy": {"kind": "threshold", "action": "call", "at": 0.2}},
        {"value.policy": {"kind": "top_k", "action": "call", "k": 999, "per": "day"}},
        {"value.policy": {"kind": "top_k", "action": "call", "k": 5000, "per": "month"}},
        {
            "value.policy": {"kind": "top_k", "action": "call", "k": 1999, "per": "week"},
            "value.uncertainty": {"decisions_per_month": [500, 2000]},
        },
        {
            "value.refer": {"cost": 1, "accuracy": 0.9},
            "value.policy": {"kind": "budget", "amount": 9, "per": "day", "costs": {"refer": 3}},
        },
        {
            "value.policy": {
                "kind": "budget",
                "amount": 2999,
                "per": "day",
                "costs": {"call": 3, "skip": 1},
            },
        },
        {"release": {"control_share": 0.5, "exploration_share": 0.4}},
        {"value.actions.mail": {"yes": 3, "no": "-0.1"}},
        {"value.actions.call.maybe": 1},
        {"value.actions.call.maybe": 1, "data.positive": ...},
        {"value.actions.call": {str(n): "balance" for n in range(7)}, "data.positive": ...},
        {"value.actions.call": {"true": "balance", "false": -1}, "data.positive": True},
        {"value.actions.call": {"1": "balance", "0": -1}, "data.positive": 1},
        {"value.baselines.practice": "column: called"},
        {"people": "solo", "risk.tier": "low"},
        {"people.risk_officer": ["Ana", "Bob"]},
        {
            "monitoring": {"window": "7 days"},
            "data.label_delay": "12 hours",
            "data.order": ...,
            "data.time": "date",
        },
        {"guardrails": [{"metric": "value_kept_under_noise", "at_least": 0.5}]},
        {"release": {"strategy": "canary", "loss_budget_per_year": 6000}},
    ],
)
def test_what_is_right(faults: Faults, changes: dict[str, Any]) -> None:
    assert faults(changes) == []


def test_a_regression_may_bound_its_decision_apart(regression_faults: Faults) -> None:
    assert regression_faults({"value.caps.decision": [0, 500]}) == []
    unit_costs = {"value.payoff": ..., "value.under": 3, "value.over": 1, "value.caps": {}}
    assert regression_faults(unit_costs) == []


def test_an_unreadable_part_hides_only_what_rests_on_it(faults: Faults) -> None:
    found = faults(
        {
            "value.actions.call.yes": [1],
            "value.baselines.now": "phone",
            "data.revealed_by": ["cal"],
            "risk": "high",
            "people.risk_officer": ...,
            "guardrails": [{"metric": "nothing", "at_least": 1}, {"metric": "x"}],
        }
    )
    assert [fault.path for fault in found] == [
        "data.revealed_by[0]",
        "value.actions.call.yes",
        "value.baselines.now",
        "guardrails[0].metric",
        "guardrails[1]",
        "guardrails[1].metric",
        "risk",
    ]
