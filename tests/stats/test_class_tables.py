from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as peer

from assay.stats import class_metrics as ours
from assay.stats.class_intervals import expected_class_metrics, realised_class_metrics
from assay.stats.class_tables import ClassTables, class_cells, class_tables

FINE = class_cells([np.arange(0.0, 1.0, 0.001)] * 3, 2000)
ROWS = st.tuples(st.integers(0, 10_000), st.integers(10, 80), st.integers(0, 80))


def _forecasts(seed: int, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return forecasts of three outcomes that stand in the middle of cells, and true outcomes."""
    rng = np.random.default_rng(seed)
    whole = rng.multinomial(1000, rng.dirichlet([2.0, 1.0, 0.5], n)) / 1000
    outcomes = (rng.random((n, 1)) > np.cumsum(whole, axis=1)).sum(axis=1)
    return whole, np.clip(outcomes, 0, 2).astype(np.int64)


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_labelled_tables_give_the_metrics_of_their_rows(rows: tuple[int, int, int]) -> None:
    p, y = _forecasts(rows[0], rows[1])
    if len(np.unique(y)) < 3:
        return
    tables = class_tables(FINE.of(p), p, FINE.size, outcomes=y)
    found = realised_class_metrics(tables, FINE)
    value = {name: one.value for name, one in found.items()}
    assert value["roc_auc"] == pytest.approx(
        peer.roc_auc_score(y, p, multi_class="ovr", average="macro")
    )
    assert value["accuracy"] == pytest.approx(ours.class_accuracy(y, p))
    assert value["log_loss"] == pytest.approx(ours.class_log_loss(y, np.clip(p, 1e-15, 1)))
    assert value["brier"] == pytest.approx(ours.class_brier(y, p))
    assert value["f1"] == pytest.approx(ours.class_f1(y, p))
    assert value["average_precision"] == pytest.approx(ours.class_average_precision(y, p))


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_tables_are_the_same_however_rows_are_parted(rows: tuple[int, int, int]) -> None:
    seed, n, at = rows
    p, y = _forecasts(seed, n)
    y = np.where(np.arange(n) % 3 == 0, -1, y)
    ripe = np.arange(n) % 4 > 0
    parts = [slice(0, at % n), slice(at % n, None)]
    whole = class_tables(FINE.of(p), p, FINE.size, outcomes=y, ripe=ripe)
    one, two = (
        class_tables(FINE.of(p[i]), p[i], FINE.size, outcomes=y[i], ripe=ripe[i]) for i in parts
    )
    together = one + two
    for name in ("n", "ripe", "positive", "negative"):
        np.testing.assert_array_equal(getattr(together, name), getattr(whole, name))
    np.testing.assert_allclose(together.chance, whole.chance)
    again = ClassTables.from_document(json.loads(json.dumps(whole.document())))
    np.testing.assert_array_equal(again.positive, whole.positive)
    np.testing.assert_allclose(again.ripe_chance, whole.ripe_chance)
    assert whole.positive.sum() == (ripe & (y >= 0)).sum()
    assert whole.unlabelled().positive.sum() == 0


def test_intervals_before_labels_hold_what_labels_show() -> None:
    hits: dict[str, list[bool]] = {}
    for seed in range(60):
        p, y = _forecasts(seed, 1500)
        tables = class_tables(FINE.of(p), p, FINE.size, outcomes=y)
        after = realised_class_metrics(tables, FINE)
        for name, one in expected_class_metrics(tables.unlabelled(), FINE).items():
            estimate = one.estimate("")
            hits.setdefault(name, []).append(estimate.low <= after[name].value <= estimate.high)
    assert set(hits) == {
        "roc_auc",
        "average_precision",
        "precision",
        "recall",
        "f1",
        "accuracy",
        "brier",
        "log_loss",
    }
    assert min(np.mean(each) for each in hits.values()) >= 0.9


def test_tables_of_other_cells_do_not_add_up() -> None:
    p, _ = _forecasts(0, 10)
    one = class_tables(FINE.of(p), p, FINE.size)
    coarse = class_cells([np.array([0.5])] * 3, 100)
    with pytest.raises(ValueError, match="score cells are the same"):
        _ = one + class_tables(coarse.of(p), p, coarse.size)
    with pytest.raises(ValueError, match="format 9"):
        ClassTables.from_document({**one.document(), "format": 9})
