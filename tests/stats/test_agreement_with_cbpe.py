"""Agreement with NannyML's confidence-based performance estimation, on the same data.

Its figures were recorded with nannyml 0.13.1 (scikit-learn 1.9.1, numpy 2.4.6): with the rows of
`_scored` as columns p (score), d (score >= 0.5) and y,

    CBPE(problem_type="classification_binary", y_pred_proba="p", y_pred="d", y_true="y",
         metrics=["roc_auc", "f1", "precision", "recall", "accuracy"], chunk_size=5000)

fitted on the first 20,000 rows and asked about the others without y; for scores that are
probabilities already with `calibrator=NoopCalibrator()`, for bent ones with its default, isotonic
regression on the first rows, which it found to be needed.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from assay.stats.grid import NumberAxis, learn_grid
from assay.stats.metric_intervals import CalibrationBlocks, expected_metrics
from assay.stats.score_cells import plain_cells

REFERENCE, CHUNK, CHUNKS = 20_000, 5_000, 6

OF_PROBABILITIES = {
    "roc_auc": [0.8032189, 0.8032490, 0.8002507, 0.8007834, 0.8047290, 0.7976480],
    "f1": [0.5293918, 0.5739380, 0.6072442, 0.6407565, 0.6826283, 0.6984456],
    "precision": [0.6669703, 0.6741966, 0.6858781, 0.6951283, 0.7062527, 0.7168438],
    "recall": [0.4388654, 0.4996378, 0.5447862, 0.5942735, 0.6605333, 0.6809682],
    "accuracy": [0.7746942, 0.7587644, 0.7460749, 0.7349855, 0.7312741, 0.7218234],
}
OF_BENT_SCORES = {
    "roc_auc": [0.8042902, 0.8040221, 0.8010411, 0.8005219, 0.8045507, 0.7962295],
    "f1": [0.6070029, 0.6356530, 0.6559496, 0.6795070, 0.7084383, 0.7213079],
    "precision": [0.5308349, 0.5485232, 0.5587846, 0.5746886, 0.6003156, 0.6076815],
    "recall": [0.7086908, 0.7556901, 0.7940187, 0.8310912, 0.8640649, 0.8871996],
    "accuracy": [0.7348142, 0.7180412, 0.6997621, 0.6883954, 0.6889969, 0.6758956],
}


def _scored(*, bent: bool) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(11)
    n = REFERENCE + CHUNKS * CHUNK
    z = np.sqrt(-2 * np.log(1 - rng.random(n))) * np.cos(2 * np.pi * rng.random(n))
    z[REFERENCE:] += np.repeat(np.linspace(0, 0.75, CHUNKS), CHUNK)
    truth = 1 / (1 + np.exp(-(1.4 * z - 1.2)))
    y = (rng.random(n) < truth).astype(np.int64)
    return (1 / (1 + np.exp(-(2.2 * z - 0.6))) if bent else truth), y


@pytest.mark.parametrize(("bent", "recorded"), [(False, OF_PROBABILITIES), (True, OF_BENT_SCORES)])
def test_metrics_before_labels_are_those_of_nannyml(
    bent: bool, recorded: dict[str, list[float]]
) -> None:
    score, y = _scored(bent=bent)
    p = score
    if bent:
        fitted = IsotonicRegression(out_of_bounds="clip").fit(score[:REFERENCE], y[:REFERENCE])
        p = fitted.predict(score)
    axis = learn_grid({"score": score[:REFERENCE]}).axes["score"]
    assert isinstance(axis, NumberAxis)
    cells = plain_cells(axis.edges, np.empty(0), np.array([REFERENCE]))
    place = cells.of(score) + (score >= 0.5) * cells.size
    for chunk in range(CHUNKS):
        rows = slice(REFERENCE + chunk * CHUNK, REFERENCE + (chunk + 1) * CHUNK)
        n = np.bincount(place[rows], minlength=2 * cells.size).reshape(2, -1).astype(float)
        chance = np.bincount(place[rows], p[rows], 2 * cells.size).reshape(2, -1).astype(float)
        blocks = CalibrationBlocks(cells.block, cells.labelled)
        ours = expected_metrics(n, chance, np.arange(cells.size), blocks)
        for name, values in recorded.items():
            within = 5e-5 if name == "roc_auc" else 1e-6
            assert ours[name].value == pytest.approx(values[chunk], abs=within), (name, chunk)
