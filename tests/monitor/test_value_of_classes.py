"""Value of three outcomes before and after labels, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.charter.policy import BestAction
from assay.monitor.drift import Drift
from assay.monitor.feature_drift import Aspect, FeatureDrift
from assay.monitor.finding import drift_findings
from assay.monitor.possible import Blocks
from assay.monitor.track_record import measured_gaps, track_record
from assay.monitor.value import expected_uplift, realised_uplift
from assay.stats.class_calibration import fit_class_calibrator
from assay.stats.profile import named_scores
from assay.value.classification import ClassificationValuation
from assay.value.payoff import PayoffTable

Floats = NDArray[np.float64]
CELLS = ((0.0, 0.0, 0.0), (-1.0, 4.0, 6.0), (-6.0, 2.0, 40.0))
TABLE = PayoffTable(("skip", "letter", "call"), ("none", "small", "large"), CELLS)
BANK = ClassificationValuation("EUR", TABLE, BestAction(), {"letters": "letter"}, "letters")


class Traffic:
    """Scored cases whose scores are too sure of themselves; `drift` moves what happens."""

    def __init__(self, seed: int, n: int, drift: float = 0.0, labels: int = 2000) -> None:
        self.rng = np.random.default_rng(seed)
        p = self._truth(labels)
        self.calibrator = fit_class_calibrator(self._score(p), self._drawn(p))
        self.next(n, drift)

    def next(self, n: int, drift: float = 0.0) -> None:
        p = self._truth(n)
        score = self._score(p)
        moved = p * np.exp([0.0, 0.0, drift])
        self.outcomes = self._drawn(moved / moved.sum(axis=1, keepdims=True))
        self.forecast = self.calibrator.apply(score)
        self.blocks = Blocks(self.calibrator.blocks(score), self.calibrator.counts)
        self.decisions = BANK.decide(self.forecast, {})

    def _truth(self, n: int) -> Floats:
        powers = np.exp(self.rng.normal(size=(n, 3)) + np.array([1.5, 0.0, -0.5]))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def _score(self, p: Floats) -> Floats:
        return np.asarray(p**2 / (p**2).sum(axis=1, keepdims=True))

    def _drawn(self, p: Floats) -> NDArray[np.int64]:
        above = self.rng.random((len(p), 1)) > p.cumsum(axis=1)
        return np.asarray(above[:, :2].sum(axis=1), dtype=np.int64)


@pytest.mark.parametrize("n", [400, 5000])
def test_intervals_before_labels_of_three_outcomes_cover_what_labels_show(n: int) -> None:
    hits = []
    for seed in range(1000, 1040):
        case = Traffic(seed, n)
        found = expected_uplift(BANK, case.forecast, case.decisions, {}, case.blocks).uplift
        base = BANK.baseline({}, n)
        real = BANK.realised(case.decisions, case.outcomes, {}) - BANK.realised(
            base, case.outcomes, {}
        )
        hits.append(found.low <= real.mean() <= found.high)
    assert np.mean(hits) >= 0.88


def test_pending_labels_of_three_outcomes_are_filled_in_without_bias() -> None:
    gaps = []
    for seed in range(1100, 1125):
        case = Traffic(seed, 800)
        labelled = case.rng.random(800) < 0.5
        found = realised_uplift(
            BANK, case.forecast, case.decisions, case.outcomes, labelled, {},
            blocks=case.blocks, seed=1,
        )  # fmt: skip
        assert found is not None
        assert found.pending == int((~labelled & (case.decisions != 1)).sum())
        own = BANK.realised(case.decisions, case.outcomes, {})
        base = BANK.realised(BANK.baseline({}, 800), case.outcomes, {})
        gaps.append(found.uplift.mean - (own - base).mean())
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(len(gaps))


@pytest.mark.parametrize(("drift", "stale"), [(0.0, False), (-1.2, True)])
def test_estimates_of_three_outcomes_go_stale_where_the_world_moves(
    drift: float, stale: bool
) -> None:
    case, gaps = Traffic(1200, 10), []
    for _ in range(8):
        case.next(500, drift)
        told = np.ones(500, dtype=np.bool_)
        gaps.append(
            measured_gaps(BANK, case.forecast, case.decisions, case.outcomes, told, {}, case.blocks)
        )
    assert track_record(gaps).stale is stale


def test_moved_scores_of_several_outcomes_are_one_finding() -> None:
    def moved(name: str, effect: float) -> FeatureDrift:
        aspect = Aspect("values", 1e-9, effect, f"moved by {effect:g}")
        return FeatureDrift(name, "number", 100, 0.5, {}, (aspect,), (aspect,))

    names = [*named_scores(np.zeros((1, 3)), BANK.labels), "wealth"]
    drift = Drift({name: moved(name, i + 1.0) for i, name in enumerate(names)}, judged=True)
    inputs, scores = drift_findings(drift)
    assert inputs.text == "1 of 1 inputs moved. wealth: moved by 4"
    assert scores.measured == 3.0
    assert scores.text == (
        "the model's score moved: large: moved by 3; small: moved by 2; none: moved by 1"
    )
