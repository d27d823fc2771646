"""What the page says of a business case, from evidence new and old."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.charter.value import ValueModel
from assay.report import plots
from assay.report.worth import worth_of
from assay.stats.estimate import Estimate
from assay.value.business_case import business_case
from assay.value.tornado import tornado

UPLIFT = Estimate(0.7, 0.5, 0.8, 900, "BCa bootstrap", "EUR per decision")


def content(uplift: Estimate = UPLIFT, **changed: Any) -> dict[str, Any]:
    given = {
        "currency": "EUR",
        "under": 3,
        "over": 1,
        "baselines": {"none": 0},
        "baseline": "none",
        "decisions_per_month": 1000,
        "build_cost": 3000,
        "run_cost_per_month": 200,
    }
    model = ValueModel.model_validate({**given, **changed})
    each = uplift.document()
    assessed = {
        "uplift_per_decision": each,
        "uplift_per_month": uplift.scaled(1000, "EUR per month").document(),
        "ceiling": each,
        "share_of_ceiling": None,
        "uplift_over": {"none": each},
    }
    return {
        "measured_on": {"part": "the newest", "rows": 900},
        "words": ["First things first."],
        "assessment": assessed,
        "business_case": business_case(uplift, model).document(),
        "tornado": tornado(uplift, model).document(),
        "statistics": {"mae": 3.0},
        "segments": {},
        "importance": {},
    }


def words(given: dict[str, Any]) -> str:
    return " ".join(worth_of(given, "none", None).words)


def test_when_the_money_is_back() -> None:
    assert "paid back in month 6 [5, 10]; the chance of it within 12 months is 9" in words(
        content()
    )
    unsure = Estimate(0.5, 0.1, 0.9, 900, "BCa bootstrap", "EUR per decision")
    assert "in month 10 [5, never]" in words(content(unsure))
    losing = Estimate(0.1, 0.0, 0.2, 900, "BCa bootstrap", "EUR per decision")
    assert "is not paid back; the chance of it within 12 months is 0%" in words(content(losing))


def test_ranges_to_one_side_are_told() -> None:
    skewed = words(content(uncertainty={"build_cost": [2900, 9000]}))
    assert "at its likeliest the net present value would be 3,000 EUR" in skewed
    assert "10,000 cash flows" in skewed
    assert "likeliest" not in words(content())


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            {"text": "The break-even is a ROC AUC of 0.8: x.", "auc": 0.8, "measured": 0.85},
            "ROC AUC is 0.850.",
        ),
        (
            {"text": "The break-even is a mean absolute error of 9: x.", "measured": 12345.0},
            "error is 12,345.",
        ),
        ({"text": "No model brings 1.", "auc": None, "measured": 0.8}, "No model brings 1."),
        ({"text": "Break-even is not told."}, "Break-even is not told."),
    ],
)
def test_how_good_this_model_is_beside_how_good_it_must_be(
    found: dict[str, Any], said: str
) -> None:
    assert words({**content(), "break_even": found}).endswith(said)


def test_what_thresholds_cost_stands_among_the_words() -> None:
    one = {
        "threshold": 0.5,
        "text": "0.5 would cost 9 EUR a month [8, 9]; use 0.1",
        "how": "agreed",
    }
    assert "; use 0.1 (agreed)." in words({**content(), "thresholds": [one]})


def test_evidence_of_an_older_build_is_still_read() -> None:
    old = content()
    del old["tornado"]
    for name in ("likeliest", "simulated", "text"):
        del old["business_case"][name]
    old["break_even"] = {"text": "A ROC AUC of 0.861 brings 317 EUR per month.", "auc": 0.861}
    worth = worth_of(old, "none", None)
    assert worth.words[-1] == "A ROC AUC of 0.861 brings 317 EUR per month."
    assert [one.get_title("left") for one in worth.value_pictures][-1].startswith("Money in hand")


def test_an_uplift_that_nothing_bounds_has_no_bar_and_no_band() -> None:
    unknown = Estimate(0.5, -np.inf, np.inf, 900, "BCa bootstrap", "EUR per decision")
    pictures = worth_of(content(unknown), "none", None).value_pictures
    labels = [text.get_text() for text in pictures[-1].get_yticklabels()]
    assert "decisions per month  900 … 1,100 (±10 %)" in labels
    assert not any(label.startswith("uplift per decision") for label in labels)


def test_the_tornado_draws_what_it_is_given() -> None:
    bars = [("volume", -100.0, 500.0), ("payoff", 150.0, 120.0)]
    ax = plots.tornado(bars, 200.0, currency="EUR")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["payoff", "volume"]
    widths = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]  # type: ignore[attr-defined]
    assert widths == [(120, 200), (200, 200), (-100, 200), (200, 500)]
    assert ax.get_xlim()[0] < -100


@pytest.mark.parametrize("never", ["inf", None])
def test_money_that_may_never_come_back_in_evidence_new_and_old(never: str | None) -> None:
    unsure = content(Estimate(0.5, 0.1, 0.9, 900, "BCa bootstrap", "EUR per decision"))
    paid = unsure["business_case"]["payback_month"]
    assert paid["high"] == "inf"
    paid["high"] = never
    assert ", never]; the chance" in words(unsure)
    paid["mean"] = paid["low"] = never
    assert "The expected cash flow is not paid back" in words(unsure)


def test_sentences_stand_under_the_heading_where_one_looks_for_them() -> None:
    given = content()
    given["words"] = ["First things first.", "Retrainings come.", "The control share costs."]
    given["business_case"]["words"] = ["Retrainings come."]
    given["shares"] = {
        "words": ["The control share costs."],
        "identification": {"evaluation": {"identified": True}},
    }
    given["break_even"] = {"text": "No model covers the costs.", "auc": None, "measured": 0.8}
    given["no_threshold"] = "`skip` pays best whatever the outcome."
    found = dict(worth_of(given, "none", None).sections)
    assert list(found) == [
        "What to know first",
        "Thresholds",
        "Business case",
        "How good a model must be",
        "What the shares show",
    ]
    assert found["What to know first"] == ("First things first.",)
    assert found["Thresholds"] == ("`skip` pays best whatever the outcome.",)
    assert found["Business case"][-1] == "Retrainings come."
    assert found["What the shares show"] == ("The control share costs.",)


def test_a_threshold_names_its_action() -> None:
    given = content()
    line = [0.0, 1.0]
    given["value_curve"] = {
        "thresholds": line,
        "mean": line,
        "low": [None, 0.5],
        "high": [None, 1.5],
        "unit": "EUR per decision",
        "action": "call",
        "otherwise": "skip",
        "outcome": "yes",
    }
    one = {"threshold": 0.5, "text": "0.5 decides these cases as well as 0.1", "how": "agreed"}
    beyond = {"threshold": 0.1, "text": "0.1 is no choice: it x", "how": "agreed", "beyond": "x"}
    given["thresholds"] = [one, beyond]
    worth = worth_of(given, "none", 0.1)
    first, *others = dict(worth.sections)["Thresholds"]
    assert first.startswith("A threshold is the probability of `yes` from which a case gets `call`")
    assert others == [
        "`call` from 0.5 on decides these cases as well as 0.1 (agreed).",
        "`call` from 0.1 on is no choice: it x.",
    ]
    label = worth.value_pictures[0].get_xlabel()
    assert label == "act: `call` when the probability of `yes` reaches"


def test_who_gets_each_action_and_what_the_net_holds() -> None:
    given = content()
    assert worth_of(given, "none", None).decisions == {}
    given["assessment"]["decisions"] = {"call": 3, "skip": 6}
    assert worth_of(given, "none", None).decisions == {"the policy": {"call": 3, "skip": 6}}
    baselines = {"nobody": {"call": 0, "skip": 9}}
    given["decisions"] = {"policy": {"call": 4, "skip": 5}, "baselines": baselines}
    decided = worth_of(given, "none", None).decisions
    assert decided == {"the policy": {"call": 4, "skip": 5}, **baselines}
    assert worth_of(given, "none", None).named("Net per month").endswith("after running costs")
    given["business_case"]["net_of"] = ["running costs", "retrainings", "the yearly decay"]
    named = worth_of(given, "none", None).named("Net per month")
    assert named == "Net per month, after running costs, retrainings and the yearly decay"
