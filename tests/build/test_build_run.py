"""The whole build: same input, same bundle; every result is evidence; bad input leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.memory_ledger import MemoryLedger
from assay.adapters.onnx_engine import OnnxEngine
from assay.build.built import Built
from assay.build.registry import register
from assay.build.run import build, quality
from assay.charter.charter import Charter
from assay.deploy.fetch import fetch_bundle
from assay.deploy.scoring import Scorer, read_signature
from assay.errors import DataError, LedgerConflict
from assay.evidence.bundle import Input
from assay.evidence.event import Event
from assay.evidence.evidence import Evidence
from assay.evidence.folds import models
from assay.evidence.gate import gate
from assay.ports.engine import Columns, Floats
from assay.stats.reference import read_reference

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RAILS = (
    {"metric": "demographic_parity_ratio", "column": "region", "at_least": 0.1},
    {"metric": "value_kept_under_missing", "at_least": 0.2, "severity": "warn"},
)
ACCEPTANCE = {"uplift_per_decision": {"at_least": 0}, "roc_auc": {"at_least": 0.6}}


def built_from(charter: Charter, frame: pl.DataFrame, data: str = "d" * 64) -> Built:
    return build(charter, Path(), frame, data, engines=OnnxEngine)


@pytest.fixture(scope="module")
def shop_charter(charter: Any) -> Charter:
    made: Charter = charter(
        data={"order": "rows"},
        value={
            "actions": {"send": {"yes": "margin", "no": -2}, "rest": 0},
            "caps": {"margin": [0, 20]},
        },
        acceptance=ACCEPTANCE,
        guardrails=RAILS,
    )
    return made


@pytest.fixture(scope="module")
def built(shop_charter: Charter, shop: pl.DataFrame) -> Built:
    return built_from(shop_charter, shop)


def _evidence(built: Built, kind: str) -> Evidence:
    return next(piece for piece in built.evidence if piece.kind == kind)


def test_the_same_input_and_seed_give_the_same_bundle(
    built: Built, shop_charter: Charter, shop: pl.DataFrame
) -> None:
    again = built_from(shop_charter, shop)
    assert again.bundle.digest == built.bundle.digest
    assert [piece.digest for piece in again.evidence] == [piece.digest for piece in built.evidence]
    retitled = shop_charter.model_copy(update={"title": "Another title"})
    assert built_from(retitled, shop).bundle.digest == built.bundle.digest
    reseeded = shop_charter.model_copy(
        update={"build": shop_charter.build.model_copy(update={"seed": 8})}
    )
    assert built_from(reseeded, shop).bundle.digest != built.bundle.digest
    assert built_from(shop_charter, shop, data="e" * 64).bundle.digest != built.bundle.digest


@pytest.mark.parametrize("rows", [50, 99])
def test_a_check_refuses_what_a_build_refuses(
    shop_charter: Charter, shop: pl.DataFrame, rows: int
) -> None:
    with pytest.raises(DataError, match=f"has {rows} rows") as built_:
        built_from(shop_charter, shop[:rows])
    with pytest.raises(DataError) as checked:
        quality(shop_charter, shop[:rows])
    assert str(checked.value) == str(built_.value)


def test_a_check_finds_what_a_build_finds(
    built: Built, shop_charter: Charter, shop: pl.DataFrame
) -> None:
    found = quality(shop_charter, shop).checks
    assert [check.document() for check in found] == [
        check.document() for check in _evidence(built, "quality").checks
    ]


def test_a_check_refuses_rows_without_a_time(charter: Any, shop: pl.DataFrame) -> None:
    holed = shop.with_columns(day=pl.when(pl.int_range(pl.len()) > 3).then("day"))
    timed = charter(data={"time": "day", "ignore": ["customer"]})
    with pytest.raises(DataError, match="missing in 4 rows"):
        quality(timed, holed)


def test_all_evidence_is_there_and_the_gate_accepts_it(built: Built, shop_charter: Charter) -> None:
    kinds = [piece.kind for piece in built.evidence]
    assert kinds == ["quality", "evaluation", "guardrail", "parity", "provenance"]
    candidate = register(built, shop_charter, MemoryLedger(), MemoryBlobs(), NOW)
    verdict = gate(shop_charter, candidate, built.evidence, (), (), NOW)
    assert not verdict.void
    assert not verdict.failed
    assert all("sign-off" in missing for missing in verdict.missing)


def test_the_evaluation_puts_value_first(built: Built, shop_charter: Charter) -> None:
    content = _evidence(built, "evaluation").content
    assert content["assessment"]["uplift_per_decision"]["unit"] == "EUR per decision"
    assert set(content["segments"]) == {"age", "region"}
    assert set(content["importance"]) >= {"n.visits", "region"}
    assert set(content["statistics"]) >= {"roc_auc", "log_loss", "brier", "calibration_error"}
    for curve in ("value_curve", "calibration_curve", "roc_curve", "break_even"):
        assert content[curve]
    names = {check.name for check in _evidence(built, "evaluation").checks}
    assert names == set(shop_charter.acceptance)
    assert built.measured_on == "the newest 225 rows (25%)"
    json.dumps(content, allow_nan=False)


def test_uplift_is_judged_on_the_low_end(built: Built) -> None:
    check = next(one for one in built.checks if one.name == "uplift_per_decision")
    assert check.measured == built.assessment.uplift_per_decision.low


def test_the_bundle_serves_what_was_evaluated(built: Built, shop: pl.DataFrame) -> None:
    signature = read_signature(built.bundle)
    engine = OnnxEngine(built.bundle.files["model.onnx"], signature.inputs)
    scorer = Scorer.from_bundle(built.bundle, engine)
    columns: Columns = {
        column.name: (
            shop[column.name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            if column.kind == "number"
            else shop[column.name].cast(pl.String).fill_null("").to_numpy().astype(object)
        )
        for column in signature.inputs
    }
    scored = scorer.score(columns)
    assert (scored.expected_value >= 0).all(), "the best action never expects less than resting"
    counts = built.assessment.decisions
    served = np.bincount(scored.decision[-225:], minlength=2)
    assert served.tolist() == [counts["send"], counts["rest"]]


def test_reference_profiles_are_ten_held_out_windows_at_least(built: Built) -> None:
    reference = read_reference(json.loads(built.bundle.files["reference.json"]))
    assert len(reference.windows) >= 10
    assert sum(window.n for window in reference.windows) == 225


def test_a_world_that_moved_is_said_plainly(charter: Any, shop: pl.DataFrame) -> None:
    given = charter(data={"order": "rows"}, value={"baseline": "everybody"})
    late = pl.when(pl.int_range(pl.len()) >= 675)
    moved = shop.with_columns(
        late.then(pl.lit("yes")).otherwise("buys").alias("buys"),
        late.then(pl.col("age") + 100).otherwise("age").alias("age"),
    )
    built = built_from(given, moved)
    words = " ".join(built.words)
    assert "the model loses against the baseline everybody" in words
    assert "'yes' is 100.0% of the test rows" in words
    assert "features moved far" in words
    assert "age 1.00" in words


def test_regression_builds_too(charter: Any, shop: pl.DataFrame) -> None:
    given = charter(
        "regression",
        data={"time": "day", "ignore": ["customer"]},
        acceptance={"mae": {"at_most": 50}, "r2": {"at_least": 0.2}},
        guardrails=[{"metric": "demographic_parity_ratio", "column": "region", "at_least": 0.5}],
    )
    built = built_from(given, shop)
    assert built.assessment.uplift_per_decision.mean > 0
    assert "2024" in built.measured_on
    rail = _evidence(built, "guardrail").checks[0]
    assert not rail.passed
    assert "does not apply to decided amounts" in rail.note
    assert "coverage" in _evidence(built, "evaluation").content


def test_an_entity_makes_clusters(charter: Any, shop: pl.DataFrame) -> None:
    given = charter(data={"entity": "customer", "ignore": ["day"]})
    built = built_from(given, shop)
    assert "by entity" in built.assessment.uplift_per_decision.method


def test_rows_in_order_are_resampled_in_blocks_everywhere(built: Built) -> None:
    content = _evidence(built, "evaluation").content
    parts = [
        *(content["assessment"][part] for part in ("value", "uplift_per_decision", "ceiling")),
        *(one["uplift_per_decision"] for one in content["segments"]["region"].values()),
        *content["importance"].values(),
    ]
    assert {part["method"] for part in parts} == {"BCa bootstrap by block of 8 rows"}


class WrongEngine:
    """An engine that does not answer as the trained model does."""

    def __init__(self, model: bytes, inputs: Sequence[Input]) -> None:
        self._engine = OnnxEngine(model, inputs)

    def score(self, columns: Columns) -> Floats:
        return 1 - self._engine.score(columns)


def test_a_package_that_answers_otherwise_fails_parity(charter: Any, shop: pl.DataFrame) -> None:
    built = build(charter(), Path(), shop, "d" * 64, engines=WrongEngine)
    assert not any(check.passed for check in _evidence(built, "parity").checks[:2])
    good = built_from(charter(), shop)
    assert all(check.passed for check in _evidence(good, "parity").checks)


@pytest.mark.parametrize("broken", ["drop", "constant", "type"])
def test_bad_input_is_refused_in_one_paragraph(
    charter: Any, shop: pl.DataFrame, broken: str
) -> None:
    frames = {
        "drop": shop.drop("buys"),
        "constant": shop.with_columns(buys=pl.lit("yes")),
        "type": shop.with_columns(buys=pl.col("margin")),
    }
    with pytest.raises(DataError) as caught:
        built_from(charter(), frames[broken])
    assert "\n" not in str(caught.value)


class RivalLedger(MemoryLedger):
    """A ledger in which another process registers a version just before our first attempt."""

    rivals = 1

    def append(self, subject: str, type_: str, content: bytes, expected: int | None) -> Event:
        if type_ == "model.registered" and self.rivals:
            self.rivals -= 1
            super().append(subject, type_, content, expected)
        return super().append(subject, type_, content, expected)


def test_versions_count_up_even_beside_a_rival(built: Built, shop_charter: Charter) -> None:
    ledger, blobs = RivalLedger(), MemoryBlobs()
    first = register(built, shop_charter, ledger, blobs, NOW)
    assert first.subject == "model:shop/2"
    assert register(built, shop_charter, ledger, blobs, NOW).version == 3
    state = models(ledger.events())["shop"].versions[3]
    assert state.bundle == built.bundle.digest
    assert state.candidate.digest == replace(first, version=3).digest
    assert {one.kind for one in state.evidence} == {piece.kind for piece in built.evidence}
    assert fetch_bundle(blobs, state.bundle).digest == state.bundle
    for piece in built.evidence:
        stored = Evidence.from_document(json.loads(blobs.get(piece.digest)))
        assert stored.digest == piece.digest


def test_a_rival_that_never_stops_is_told(built: Built, shop_charter: Charter) -> None:
    ledger = RivalLedger()
    ledger.rivals = 99
    with pytest.raises(LedgerConflict):
        register(built, shop_charter, ledger, MemoryBlobs(), NOW)


def test_scheduled_retrainings_and_a_capacity_are_in_the_evaluation(
    charter: Any, shop: pl.DataFrame
) -> None:
    given = charter(
        value={
            "policy": {"kind": "top_k", "action": "send", "otherwise": "rest", "k": 1, "of": 10},
            "decisions_per_month": 1000,
            "retraining_cost": 25,
            "run_cost_per_month": 100,
        },
        response={"policy": "scheduled", "every": 2},
    )
    built = built_from(given, shop)
    content = _evidence(built, "evaluation").content
    case = content["business_case"]
    spent = case["uplift_per_month"]["mean"] - case["net_per_month"]["mean"]
    assert spent == pytest.approx(112.5)
    assert case["retrainings_per_month"] == 0.5
    assert any("12.5 EUR a month for retraining every 2 months" in words for words in built.words)
    checks = _evidence(built, "evaluation").checks
    check = next(one for one in checks if one.name == "capacity of send")
    assert check.severity == "warn"
    assert check.measured is not None
    # value is measured as if places end when they are gone
    assert built.assessment.decisions["send"] <= round(check.measured * built.assessment.n) <= 22
