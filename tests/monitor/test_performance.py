from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as peer
from tests.bank_charter import CHARTER
from tests.watched_cases import (
    Floats,
    Ints,
    counted,
    counted_amounts,
    counted_of_three,
    drawn,
    drawn_amounts,
    drawn_of_three,
    watched,
    watched_amounts,
    watched_of_three,
)

from assay.charter.charter import Charter
from assay.charter.limits import Limit
from assay.monitor.finding import Finding
from assay.monitor.performance import (
    Tables,
    labelled_share,
    measured_before,
    performance_after_labels,
    performance_before_labels,
)
from assay.monitor.performance_findings import judge_performance
from assay.monitor.watched import Watched
from assay.stats.amount_table import AmountTable
from assay.stats.score_table import ScoreTable

BANK = watched(0)
THREE = watched_of_three(0)
AMOUNTS = watched_amounts(0)


@pytest.fixture(scope="module")
def charter() -> Charter:
    return Charter.model_validate(CHARTER).model_copy(update={"acceptance": {}})


def _reference(model: Watched) -> list[Tables]:
    windows = model.reference.windows
    found = [one.scores if one.classes is None else one.classes for one in windows]
    return [one for one in found if one is not None]


def test_after_labels_two_outcomes_are_measured_as_on_rows() -> None:
    score, y = drawn(np.random.default_rng(5), 4000)
    found = performance_after_labels(counted(BANK, score, y), BANK)
    p = BANK.forecast(score)[:, 1]
    called = BANK.valuation.decide(BANK.forecast(score), {}) == 0
    assert found["f1"].mean == pytest.approx(peer.f1_score(y, called))
    assert found["precision"].mean == pytest.approx(peer.precision_score(y, called))
    assert found["accuracy"].mean == pytest.approx(peer.accuracy_score(y, called))
    assert found["roc_auc"].mean == pytest.approx(peer.roc_auc_score(y, score), abs=2e-4)
    assert found["log_loss"].mean == pytest.approx(peer.log_loss(y, p), abs=1e-3)
    assert found["brier"].mean == pytest.approx(peer.brier_score_loss(y, p), abs=2e-4)
    assert {"average_precision", "recall", "calibration_error"} <= found.keys()


def test_before_labels_nothing_of_labels_is_read() -> None:
    score, y = drawn(np.random.default_rng(6), 3000)
    with_labels = performance_before_labels(counted(BANK, score, y), BANK)
    without = performance_before_labels(counted(BANK, score), BANK)
    assert with_labels == without
    assert "calibration_error" not in without
    assert performance_after_labels(counted(BANK, score), BANK) == {}
    assert labelled_share(counted(BANK, score)) == 0
    assert labelled_share(counted(BANK, score, y)) == 1


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(1, 399))
def test_performance_is_a_function_of_the_merged_table(seed: int, cut: int) -> None:
    score, y = drawn(np.random.default_rng(seed), 400)
    whole = counted(BANK, score, y)
    parts = counted(BANK, score[:cut], y[:cut]) + counted(BANK, score[cut:], y[cut:])
    stored = ScoreTable.from_document(json.loads(json.dumps(parts.document())))
    for measure in (performance_before_labels, performance_after_labels):
        one, two = measure(whole, BANK), measure(stored, BANK)
        assert one.keys() == two.keys()
        for name in one:
            assert two[name].mean == pytest.approx(one[name].mean, rel=1e-9)
            assert two[name].low == pytest.approx(one[name].low, rel=1e-6, abs=1e-9)


def test_segments_are_measured_each_by_itself() -> None:
    score, y = drawn(np.random.default_rng(7), 2000)
    group = (np.arange(2000) % 3 == 0).astype(np.int64)
    table = counted(BANK, score, y, group, ("f", "m"))
    own = performance_after_labels(table, BANK, ("sex", "m"))
    alone = performance_after_labels(counted(BANK, score[group == 1], y[group == 1]), BANK)
    assert own == alone
    with pytest.raises(KeyError, match="no segment sex = x"):
        performance_before_labels(table, BANK, ("sex", "x"))


@pytest.mark.parametrize("kind", ["two", "three", "amounts"])
def test_windows_like_the_reference_raise_no_alarm(charter: Charter, kind: str) -> None:
    rng = np.random.default_rng(11)
    found: list[Finding] = []
    for _ in range(20):
        model: Watched = BANK
        tables: Tables = counted(BANK, *drawn(rng, 1000))
        if kind == "three":
            model, tables = THREE, counted_of_three(THREE, *drawn_of_three(rng, 1000))
        if kind == "amounts":
            model, tables = AMOUNTS, counted_amounts(AMOUNTS, *drawn_amounts(rng, 1000))
        judged = judge_performance(charter, model, tables, _reference(model))
        assert judged.basis == "realised"
        assert not judged.note
        found += judged.findings
    assert not found


def test_a_worse_window_is_told_with_what_was_usual(charter: Charter) -> None:
    rng = np.random.default_rng(12)
    judged = judge_performance(
        charter, BANK, counted(BANK, *drawn(rng, 2000, drift=1.5)), _reference(BANK)
    )
    metrics = {one.metric for one in judged.findings}
    assert {"brier", "log_loss"} <= metrics
    brier = next(one for one in judged.findings if one.metric == "brier")
    assert brier.kind == "performance"
    assert "from labels" in brier.text
    assert "lies above what is usual in 12 reference windows: 0." in brier.text
    assert brier.text.startswith("Brier score from labels 0.")
    assert "in 95 % of windows like them" in brier.text
    document = json.loads(json.dumps(judged.document()))
    assert document["basis"] == "realised"
    assert document["after"]["brier"]["mean"] == brier.measured


def test_concept_drift_of_three_outcomes_and_of_amounts_is_told(charter: Charter) -> None:
    rng = np.random.default_rng(13)
    turned = counted_of_three(THREE, *drawn_of_three(rng, 1500, turn=1.0))
    told = judge_performance(charter, THREE, turned, _reference(THREE))
    assert "roc_auc" in {one.metric for one in told.findings}
    wide = counted_amounts(AMOUNTS, *drawn_amounts(rng, 1500, spread=1.5))
    told = judge_performance(charter, AMOUNTS, wide, _reference(AMOUNTS))
    assert {"mae", "rmse"} <= {one.metric for one in told.findings}


def test_limits_are_held_against_each_metric(charter: Charter) -> None:
    score, y = drawn(np.random.default_rng(14), 2000)
    table = counted(BANK, score, y)
    auc = performance_after_labels(table, BANK)["roc_auc"]
    update = {"acceptance": {"roc_auc": Limit(at_least=auc.high)}}
    judged = judge_performance(charter.model_copy(update=update), BANK, table, [])
    assert [(one.metric, one.limit) for one in judged.limits] == [
        ("roc_auc", f"at least {auc.high:g}")
    ]
    # Wilson's interval of 95 % ends where the limit is 1.96 standard errors away.
    assert judged.limits[0].beyond == pytest.approx(1.96, abs=0.001)
    assert "not enough history: 0 reference windows" in judged.note
    live = charter.monitoring.model_copy(update={"limits": {"brier": Limit(at_most=0.01)}})
    judged = judge_performance(charter.model_copy(update={"monitoring": live}), BANK, table, [])
    assert [one.limit for one in judged.limits] == ["at most 0.01"]
    assert judged.limits[0].beyond > 9


def _hiding(charter: Charter, **limits: Limit) -> Charter:
    data = charter.data.model_copy(update={"revealed_by": ("call",)})
    return charter.model_copy(update={"data": data, "acceptance": limits})


def _shown(score: Floats, y: Ints) -> tuple[Floats, Ints]:
    """Return cases with the outcomes that calls show."""
    called = BANK.valuation.decide(BANK.forecast(score), {}) == 0
    return score, np.where(called, y, -1)


def test_labels_of_the_called_alone_are_compared_with_the_called(charter: Charter) -> None:
    rng = np.random.default_rng(21)
    hiding = _hiding(charter)
    found: list[Finding] = []
    for _ in range(60):
        table = counted(BANK, *_shown(*drawn(rng, 1000)))
        told = judge_performance(hiding, BANK, table, _reference(BANK))
        assert told.basis == "realised"
        assert set(told.after) == {"precision", "log_loss", "brier", "calibration_error"}
        assert set(told.hidden) == {"roc_auc", "average_precision", "accuracy", "recall", "f1"}
        assert told.note.startswith("not identified: ROC AUC")
        assert set(told.hidden) < set(told.before)
        found += told.findings
    assert not found
    told = judge_performance(
        hiding, BANK, counted(BANK, *_shown(*drawn(rng, 2000, drift=-1.5))), _reference(BANK)
    )
    assert {one.metric for one in told.findings} >= {"precision", "calibration_error"}


def test_limits_on_what_labels_hide_are_held_against_what_is_expected(charter: Charter) -> None:
    table = counted(BANK, *_shown(*drawn(np.random.default_rng(22), 2000)))
    limits = {name: Limit(at_least=0.99) for name in ("recall", "precision", "brier")}
    hiding = _hiding(charter, **limits)
    told = judge_performance(hiding, BANK, table, _reference(BANK))
    assert {one.metric: one.basis for one in told.limits} == {
        "recall": "expected",
        "precision": "realised",
        "brier": "expected",
    }
    recall = next(one for one in told.limits if one.metric == "recall")
    assert recall.measured.mean < 0.95
    assert recall.beyond > 3
    stale = judge_performance(hiding, BANK, table, _reference(BANK), stale=True)
    assert [one.metric for one in stale.limits] == ["precision"]
    release = hiding.release.model_copy(update={"exploration_share": 0.1})
    by_chance = hiding.model_copy(update={"release": release})
    told = judge_performance(by_chance, BANK, table, _reference(BANK))
    assert not told.findings
    assert "cases decided by chance are labelled too" in told.note
    few = counted(BANK, *_shown(np.linspace(0.01, 0.4, 300), np.ones(300, np.int64)))
    assert judge_performance(hiding, BANK, few, _reference(BANK)).basis == "expected"
    reference = _reference(THREE)
    three = counted_of_three(THREE, *drawn_of_three(np.random.default_rng(1), 1000))
    told = judge_performance(_hiding(charter), THREE, three, reference)
    assert (told.basis, dict(told.after)) == ("expected", {})


def test_stale_estimates_are_not_judged(charter: Charter) -> None:
    score, _ = drawn(np.random.default_rng(15), 1000)
    judged = judge_performance(charter, BANK, counted(BANK, score), _reference(BANK), stale=True)
    assert judged.basis is None
    assert judged.note == "estimates before labels are stale"
    assert judged.before
    assert not judged.after
    few = judge_performance(charter, BANK, counted(BANK, score[:20]), _reference(BANK))
    assert few.note == "too few cases: 20"


def test_a_reference_without_decisions_has_no_metric_of_them() -> None:
    score, y = drawn(np.random.default_rng(16), 500)
    table = counted(BANK, score, y)
    sums = {
        name: getattr(table, name).sum(axis=-2, keepdims=True)
        for name in ("n", "chance", "ripe", "ripe_chance", "labelled")
    }
    blind = replace(table, pairs=((-1, -1),), **sums)
    assert set(measured_before(blind, BANK)) == {
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier",
    }


def test_losses_of_amounts_before_labels_are_borne_out() -> None:
    rng = np.random.default_rng(17)
    hits = {"mae": 0, "rmse": 0}
    for seed in range(40):
        model = watched_amounts(seed, rows=1000, windows=10)
        level, came = drawn_amounts(rng, 2000)
        tables = counted_amounts(model, level, came)
        after = performance_after_labels(tables, model)
        assert after["r2"].mean == pytest.approx(peer.r2_score(came, level))
        assert after["mae"].mean == pytest.approx(peer.mean_absolute_error(came, level))
        for name, one in performance_before_labels(tables.unlabelled(), model).items():
            hits[name] += one.low <= after[name].mean <= one.high
    assert min(hits.values()) >= 34, hits


def test_no_cases_tell_nothing() -> None:
    none = counted(BANK, np.empty(0), np.empty(0, np.int64))
    assert performance_before_labels(none, BANK) == {}
    empty = counted_amounts(AMOUNTS, np.empty(0), np.empty(0))
    assert isinstance(empty, AmountTable)
    assert (
        performance_before_labels(empty, AMOUNTS) == performance_after_labels(empty, AMOUNTS) == {}
    )
    assert labelled_share(empty) == 0
