"""The reference windows of a bundle hold what was decided and what came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.build.test_policy_move import at_hand, packaged

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.built import Built
from assay.build.policy_move import move_policy
from assay.build.reference_tables import decided_anew
from assay.build.run import build
from assay.monitor.performance import (
    labelled_share,
    performance_after_labels,
    performance_before_labels,
)
from assay.monitor.watched import Watched, watch_bundle
from assay.stats.amount_table import AmountTable
from assay.stats.grid import CategoryAxis
from assay.stats.reference import Reference, read_reference
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
        assert "@decision" in then["features"]
        kept = {name: of for name, of in then["features"].items() if name != "@decision"}
        assert now["features"] == kept
        assert now["scores"]["pairs"] == [[-1, -1]]
        assert sum(then["scores"]["n"]) == sum(now["scores"]["n"])
    assert "@decision" not in read_reference(after).counts


def _moved(
    charter: Any, shop: pl.DataFrame, task: str, *values: dict[str, Any]
) -> tuple[Reference, Watched]:
    """Return the reference of a version, and what is watched once its policy has moved."""
    was, now = (charter(task, data={"order": "rows"}, value=value, build=QUICK) for value in values)
    built = build(was, Path(), shop, "d" * 64, engines=OnnxEngine)
    moved = move_policy(now, packaged(built), at_hand(shop), engines=OnnxEngine)
    assert moved is not None
    return watch_bundle(built.bundle).reference, watch_bundle(moved.built.bundle)


def test_a_moved_policys_reference_profiles_what_it_decides(
    charter: Any, shop: pl.DataFrame
) -> None:
    cuts = [{"policy": {"kind": "threshold", "action": "send", "at": at}} for at in (0.5, 0.05)]
    before, watched = _moved(charter, shop, "classification", *cuts)
    now = watched.reference
    assert before.grid.axes.keys() == now.grid.axes.keys()
    then, decided = before.pooled.features, now.pooled.features
    assert decided["@decision"].counts.tolist() != then["@decision"].counts.tolist()
    for name in decided.keys() - {"@decision"}:
        assert decided[name].counts.tolist() == then[name].counts.tolist()
    table, axis = now.pooled.scores, now.grid.axes["@decision"]
    assert isinstance(table, ScoreTable)
    assert isinstance(axis, CategoryAxis)
    code = watched.valuation.actions.index("send")
    sent = sum(
        int(table.n[0, place].sum()) for place, (own, _) in enumerate(table.pairs) if own == code
    )
    assert decided["@decision"].counts[axis.values.index("send")] == sent


def test_decisions_that_a_moved_policy_made_on_half_of_the_rows_are_not_profiled(
    charter: Any, shop: pl.DataFrame
) -> None:
    before, watched = _moved(charter, shop, "regression", {}, {"under": 1, "over": 3})
    now = watched.reference
    assert before.grid.axes.keys() - now.grid.axes.keys() == {"@decision"}
    assert before.counts.keys() - now.counts.keys() == {"@decision"}
    assert [one.scores for one in now.windows] != [None] * len(now.windows)
