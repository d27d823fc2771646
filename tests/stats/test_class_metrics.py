"""Measures of three and more outcomes, against scikit-learn and against those of two."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from assay.stats import class_metrics as own
from assay.stats import metrics as of_two
from assay.stats.calibration import expected_calibration_error

RANDOM = np.random.default_rng(61)
P = RANDOM.dirichlet([2.0, 1.0, 0.5], 500)
Y = np.array([RANDOM.choice(3, p=p) for p in P])
TOP = P.argmax(axis=1)


def test_measures_agree_with_scikit_learn() -> None:
    assert own.class_roc_auc(Y, P) == pytest.approx(
        reference.roc_auc_score(Y, P, multi_class="ovr", average="macro")
    )
    assert own.class_average_precision(Y, P) == pytest.approx(
        reference.average_precision_score(np.eye(3)[Y], P, average="macro")
    )
    assert own.class_log_loss(Y, P) == pytest.approx(reference.log_loss(Y, P))
    assert own.class_accuracy(Y, P) == pytest.approx(reference.accuracy_score(Y, TOP))
    assert own.class_precision(Y, P) == pytest.approx(
        reference.precision_score(Y, TOP, average="macro")
    )
    assert own.class_recall(Y, P) == pytest.approx(reference.recall_score(Y, TOP, average="macro"))
    assert own.class_f1(Y, P) == pytest.approx(reference.f1_score(Y, TOP, average="macro"))


def test_for_two_outcomes_they_are_those_of_two() -> None:
    p = RANDOM.random(300)
    y = (RANDOM.random(300) < p).astype(np.int64)
    both = np.column_stack([1 - p, p])
    assert own.class_roc_auc(y, both) == pytest.approx(of_two.roc_auc(y, p))
    assert own.class_log_loss(y, both) == pytest.approx(of_two.log_loss(y, p))
    assert own.class_brier(y, both) == pytest.approx(2 * of_two.brier(y, p))
    assert own.class_calibration_error(y, both) == pytest.approx(expected_calibration_error(p, y))


def test_an_outcome_that_never_came_is_left_out_of_averages() -> None:
    y, p = Y[Y < 2], P[Y < 2]
    two = [of_two.roc_auc((y == code).astype(int), p[:, code]) for code in (0, 1)]
    assert own.class_roc_auc(y, p) == pytest.approx(np.mean(two))


def test_all_probabilities_given_are_on_the_curve() -> None:
    forecast, observed, counts = own.class_calibration_curve(Y, P)
    assert counts.sum() == P.size
    np.testing.assert_allclose(forecast, observed, atol=0.08)
    assert np.average(forecast, weights=counts) == pytest.approx(1 / 3)


@pytest.mark.parametrize("name", own.__all__)
def test_no_cases_give_no_measure(name: str) -> None:
    if name != "class_calibration_curve":
        assert np.isnan(getattr(own, name)(np.zeros(0, dtype=np.int64), np.zeros((0, 3))))
