"""Whether a built model pays: business case, tornado, break-even and thresholds as evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.run import build
from assay.stats.estimate import Estimate
from assay.value.business_case import business_case

RANGES = {"build_cost": [900, 2500], "decisions_per_month": [600, 1300]}
QUICK = {"families": ["linear"], "trials": 1}


def measured(charter: Any, frame: pl.DataFrame) -> Mapping[str, Any]:
    built = build(charter, Path(), frame, "d" * 64, engines=OnnxEngine)
    found = next(piece for piece in built.evidence if piece.kind == "evaluation").content
    json.dumps(found, allow_nan=False)
    return found


def test_everything_that_a_page_shows_of_the_business(charter: Any, shop: pl.DataFrame) -> None:
    changes = [{"since": "2024-12-24", "run_cost_per_month": 90}]
    given = charter(
        data={"time": "day", "ignore": ["customer"]},
        value={
            "build_cost": 1000,
            "run_cost_per_month": 60,
            "retraining_cost": 10,
            "uncertainty": RANGES,
            "changes": changes,
        },
        monitoring={"window": "500 rows"},
        response={"policy": "scheduled", "every": 1},
        build=QUICK,
    )
    content = measured(given, shop)
    case = content["business_case"]
    start = max(shop["day"].to_list()) + timedelta(days=1)
    assert case["start"] == start.isoformat()
    assert case["retrainings_per_month"] == 2
    again = business_case(
        Estimate.from_document(content["assessment"]["uplift_per_decision"]),
        given.value,
        retrainings_per_month=2,
        start=start,
        seed=given.build.seed,
    )
    assert case["net_present_value"] == again.net_present_value.document()
    assert case["simulated"] == 10_000
    names = {bar["name"]: bar["source"] for bar in content["tornado"]["bars"]}
    assert names["build cost"] == "stated"
    assert {"uplift per decision", "payoff: send if yes", "payoff: send if no"} <= set(names)
    assert content["policy_threshold"] == pytest.approx(2 / 11)
    half, own = content["thresholds"]
    assert half["text"].startswith("0.5 would ")
    assert own["threshold"] == content["policy_threshold"]
    assert content["break_even"]["measured"] == content["statistics"]["roc_auc"]
    words = case["words"][-1]
    assert f"begins on {start}. It charges what changes in its month: the running cost" in words
    assert "uplift stays as measured" not in words
    assert case["net_of"] == ["running costs", "retrainings"]
    decided = content["decisions"]
    n = content["measured_on"]["rows"]
    assert decided["policy"] == content["assessment"]["decisions"]
    assert decided["baselines"]["nobody"] == {"send": 0, "rest": n}
    assert decided["baselines"]["everybody"] == {"send": n, "rest": 0}


def test_payoffs_by_row_have_no_one_threshold(charter: Any, shop: pl.DataFrame) -> None:
    given = charter(
        data={"order": "rows"},
        value={
            "actions": {"send": {"yes": "margin", "no": -2}, "rest": 0},
            "caps": {"margin": [0, 20]},
            "changes": [{"since": "2024-12-24", "run_cost_per_month": 90}],
        },
        build=QUICK,
    )
    content = measured(given, shop)
    assert content["policy_threshold"] is None
    (half,) = content["thresholds"]
    assert half["use"] is None
    assert content["business_case"]["start"] is None
    (words,) = content["business_case"]["words"]
    assert "changes the running cost from 2024-12-24 on. The business case leaves that out" in words
    assert "`data.time` names no column of dates" in words
    assert words in content["words"]
    assert content["business_case"]["net_of"] == ["running costs"]
    assert content["value_curve"]["action"] == "send"
    assert content["value_curve"]["otherwise"] == "rest"
    assert content["value_curve"]["outcome"] == "yes"


def test_a_regression_is_told_the_largest_error(charter: Any, shop: pl.DataFrame) -> None:
    given = charter("regression", value={"run_cost_per_month": 3000}, build=QUICK)
    content = measured(given, shop)
    assert "thresholds" not in content
    assert content["break_even"]["text"].startswith("The break-even is a mean absolute error of ")
    assert content["break_even"]["measured"] == content["statistics"]["mae"]
    assert 0 < content["break_even"]["error"] < 1
    assert content["decisions"] == {}


def test_where_one_action_always_pays_best_there_is_no_threshold(
    charter: Any, shop: pl.DataFrame
) -> None:
    given = charter(
        value={
            "actions": {"send": {"yes": -9, "no": -1}, "rest": 0},
            "uplift_kept_per_year": 0.8,
            "cost_per_decision": 0.1,
        },
        build=QUICK,
    )
    content = measured(given, shop)
    assert "value_curve" not in content
    assert "thresholds" not in content
    assert content["no_threshold"].startswith("`rest` pays best whatever the outcome")
    assert content["business_case"]["net_of"][1:] == [
        "the cost of each decision",
        "the yearly decay of the uplift",
    ]
