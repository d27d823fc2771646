"""The reference windows of a bundle hold what was decided and what came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.built import Built
from assay.build.reference_tables import decided_anew
from assay.build.run import build
from assay.monitor.performance import (
    labelled_share,
    performance_after_labels,
    performance_before_labels,
)
from assay.monitor.watched import watch_bundle
from assay.stats.amount_table import AmountTable
from assay.stats.score_table import ScoreTable

QUICK = {"families": ["linear"], "trials": 1}
STAKES = {"actions": {"send": {"yes": "margin", "no": -2}, "rest": 0}, "caps": {"margin": [0, 20]}}


def _statistics(built: Built) -> dict[str, float]:
    evaluation = next(one for one in built.evidence if one.kind == "evaluation")
    found: dict[str, float] = evaluation.content["statistics"]
    return found


@pytest.mark.parametrize(
    ("task", "value"), [("classification", {}), ("classification", STAKES), ("regression", {})]
)
def test_pooled_reference_windows_give_the_statistics_of_the_evaluation(
    charter: Any, shop: pl.DataFrame, task: str, value: dict[str, Any]
) -> None:
    made = charter(task, data={"order": "rows"}, value=value, build=QUICK)
    built = build(made, Path(), shop, "d" * 64, engines=OnnxEngine)
    watched = watch_bundle(built.bundle)
    assert all(window.scores is not None for window in watched.reference.windows)
    pooled = watched.reference.pooled.scores
    assert pooled is not None
    assert labelled_share(pooled) == 1
    after, told = performance_after_labels(pooled, watched), _statistics(built)
    exact = ["mae", "rmse", "r2"] if task == "regression" else ["f1", "precision", "recall"]
    for name in exact:
        assert after[name].mean == pytest.approx(told[name])
    if task == "classification":
        assert isinstance(pooled, ScoreTable)
        assert after["roc_auc"].mean == pytest.approx(told["roc_auc"], abs=2e-3)
        assert after["brier"].mean == pytest.approx(told["brier"], abs=2e-3)
    else:
        assert isinstance(pooled, AmountTable)
    assert performance_before_labels(pooled, watched)


def test_windows_that_a_moved_policy_did_not_see_say_nothing_of_decisions(
    charter: Any, shop: pl.DataFrame
) -> None:
    made = charter(data={"order": "rows"}, build=QUICK)
    built = build(made, Path(), shop, "d" * 64, engines=OnnxEngine)
    before = json.loads(built.bundle.files["reference.json"])

    class _Half:
        raw = np.zeros(10)

    after = decided_anew(before, _Half())  # type: ignore[arg-type]
    for then, now in zip(before["windows"], after["windows"], strict=True):
        assert then["features"] == now["features"]
        assert now["scores"]["pairs"] == [[-1, -1]]
        assert sum(then["scores"]["n"]) == sum(now["scores"]["n"])
