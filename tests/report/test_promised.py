"""What the page says was promised: policy, people who are asked, shares, amounts and dates."""

from __future__ import annotations

from typing import Any

import pytest

from assay.charter.charter import Charter
from assay.report.promised import (
    agreed_amounts,
    agreed_changes,
    agreed_decisions,
    payoff_table,
)

ACTIONS = {"call": {"yes": 9, "no": -1}, "skip": 0}


def charter(
    data: dict[str, Any] | None = None, release: dict[str, Any] | None = None, **value: Any
) -> Charter:
    given = {"actions": ACTIONS, "baselines": {"nobody": "skip", "everybody": "call"}, **value}
    return Charter.model_validate(
        {
            "name": "bank",
            "title": "Whom to call",
            "problem": {"business": "B", "analytical": "A", "hypothesis": "H"},
            "strategy": {"objective": "O", "kpi": "K"},
            "people": "solo",
            "data": {"source": "b.csv", "outcome": "y", "positive": "yes", **(data or {})},
            "value": {
                "currency": "EUR",
                "baseline": "nobody",
                "decisions_per_month": 1400,
                **given,
            },
            "risk": {"tier": "low"},
            "release": release or {},
        }
    )


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("best_action", "the action of highest expected payoff"),
        (
            {"kind": "top_k", "action": "call", "k": 400, "per": "month"},
            "`call` for the best 400 a month, else `skip`",
        ),
        (
            {"kind": "budget", "amount": 100, "of": 1000, "costs": {"call": 1.5, "skip": "fee"}},
            "for at most 100 in every 1,000 cases; each case uses up: call 1.5, skip fee",
        ),
        ({"kind": "threshold", "action": "call", "at": 0.2}, "`call` from a probability of 0.2 on"),
        ({"kind": "threshold", "action": "call"}, "else `skip` (learned from known outcomes)"),
    ],
)
def test_the_policy_in_words(policy: Any, said: str) -> None:
    rows = dict(agreed_decisions(charter(policy=policy)))
    assert rows["Policy"].endswith(said) or rows["Policy"].startswith(said)


def test_who_is_asked_and_what_is_left_to_chance() -> None:
    refer = {"cost": 0.5, "accuracy": 0.8, "capacity": {"k": 50, "per": "day"}}
    rows = dict(
        agreed_decisions(
            charter(
                data={"revealed_by": ["call"], "moved_by": ["call"]},
                release={"control_share": 0.05, "exploration_share": 0.02},
                refer=refer,
                policy={"kind": "threshold", "action": "call", "at": 0.3, "refer_from": 0.1},
            )
        )
    )
    asked = rows["Referring to a person"]
    assert asked == "costs 0.5 EUR a case; decides rightly in 80 % of cases; at most 50 a day"
    assert "referred from a probability of 0.1 on" in rows["Policy"]
    assert rows["Baseline nobody"] == "skip (the uplift is measured against it)"
    assert rows["Baseline everybody"] == "call"
    assert rows["Control share"] == "5 % of entities get the baseline's action"
    assert rows["Exploration share"] == "2 % of cases get a random action"
    assert rows["The outcome is seen"] == "only after `call`"
    assert rows["The outcome is changed by"] == "`call`"


def test_how_a_person_decides_where_it_is_known() -> None:
    confusion = {"yes": {"call": 0.9, "skip": 0.1}, "no": {"skip": 1.0}}
    rows = dict(agreed_decisions(charter(refer={"cost": 1, "confusion": confusion})))
    asked = rows["Referring to a person"]
    assert asked == "costs 1 EUR a case; given `yes`: call 90 %, skip 10 %; given `no`: skip 100 %"
    assert rows["Control share"] == "none"
    assert "The outcome is changed by" not in rows


def test_amounts_stand_with_their_ranges() -> None:
    given = charter(
        build_cost=4000,
        cost_per_decision=0.05,
        uplift_kept_per_year=0.8,
        uncertainty={"build_cost": [3000, 8000], "uplift_kept_per_year": [0.7, 0.9]},
    )
    rows = {name: (likely, ends) for name, likely, ends in agreed_amounts(given.value)}
    assert rows["Decisions per month"] == ("1,400", "taken as certain")
    assert rows["Build cost"] == ("4,000 EUR", "3,000 EUR to 8,000 EUR")
    assert rows["Cost of each decision"] == ("0.05 EUR", "taken as certain")
    assert rows["Uplift kept per year"] == ("80 %", "70 % to 90 %")


CHANGES = [
    {
        "since": "2027-07-01",
        "run_cost_per_month": 200,
        "actions": {"call": {"yes": 7, "no": -1}, "skip": 0},
    },
    {"since": "2027-01-01", "actions": {"call": {"yes": 8, "no": -1.2}, "skip": 0}},
    {"since": "2028-01-01", "retraining_cost": 90},
]


@pytest.mark.parametrize(
    ("made", "dated", "held"),
    [
        (None, True, ["", "", ""]),
        ([], False, ["no", "no", "no"]),
        (["2027-01-01"], True, ["yes", "costs only, from its month on", "from its month on"]),
    ],
)
def test_dated_changes_and_where_the_figures_have_them(
    made: list[str] | None, dated: bool, held: list[str]
) -> None:
    rows = agreed_changes(charter(changes=CHANGES).value, made, dated=dated)
    assert [day for day, _, _ in rows] == ["2027-01-01", "2027-07-01", "2028-01-01"]
    assert rows[0][1] == "call: yes 8, no -1.2; skip: 0"
    assert rows[1][1].endswith("skip: 0; running cost per month: 200 EUR")
    assert [one[2] for one in rows] == held


def test_payoffs_of_amounts_and_functions_are_payoffs() -> None:
    regression: dict[str, Any] = {"actions": None, "baselines": {"none": 0}, "baseline": "none"}
    both = charter(under=3, over=1, **regression).value
    table = payoff_table(both)
    assert table["head"] == ["payoff"]
    assert table["rows"] == [["amount", "-3 for each unit too low, -1 for each unit too high"]]
    plugged = charter(function={"name": "margins", "bounds": [-5, 20]}, **regression).value
    assert "by the function margins, between -5 and 20 a case" in payoff_table(plugged)["rows"][0]
    partial = charter(actions={"call": {"yes": "amount - 1", "no": -1}, "skip": {"yes": 0}})
    assert payoff_table(partial.value)["rows"] == [
        ["call", "amount - 1", "-1"],
        ["skip", "0", "–"],
    ]
