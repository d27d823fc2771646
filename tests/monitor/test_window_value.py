from __future__ import annotations

import numpy as np
import pytest

from assay.charter.policy import BestAction
from assay.monitor.possible import Blocks, possible_uplifts
from assay.monitor.track_record import measured_gaps, track_record
from assay.monitor.value import expected_uplift, realised_uplift
from assay.stats.calibration import Calibrator, fit_calibrator
from assay.value.classification import ClassificationValuation
from assay.value.continuous_payoff import UnitCosts
from assay.value.payoff import PayoffTable
from assay.value.regression import RegressionValuation

TABLE = PayoffTable(
    ("call", "skip"), ("no", "yes"), ((-1.0, "amount"), (0.0, 0.0)), {"amount": (0.0, 100.0)}
)


def _bank(baseline: str = "nobody") -> ClassificationValuation:
    rules = {"nobody": "skip", "everybody": "call"}
    return ClassificationValuation("EUR", TABLE, BestAction(), rules, baseline)


def _rate(score: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(4 * score - 3.5))))


class Traffic:
    """Scored cases whose outcomes follow a known law; `drift` moves it."""

    def __init__(self, seed: int, n: int, labels: int = 5000) -> None:
        self.rng = np.random.default_rng(seed)
        self.n = n
        score = self.rng.random(labels)
        self.calibrator = fit_calibrator(score, self.rng.random(labels) < _rate(score), "isotonic")
        self.next()

    def next(self, drift: float = 0.0) -> None:
        score = self.rng.random(self.n)
        odds = np.log(_rate(score) / (1 - _rate(score))) + drift
        self.outcomes = (self.rng.random(self.n) < 1 / (1 + np.exp(-odds))).astype(np.int64)
        positive = self.calibrator.apply(score)
        self.forecast = np.column_stack([1 - positive, positive])
        self.columns = {"amount": self.rng.uniform(2, 16, self.n)}
        self.blocks = Blocks(self.calibrator.blocks(score), self.calibrator.counts)


@pytest.mark.parametrize("n", [500, 20_000])
def test_intervals_before_labels_cover_what_labels_show(n: int) -> None:
    hits = []
    for seed in range(40):
        case, bank = Traffic(seed, n), _bank()
        decisions = bank.decide(case.forecast, case.columns)
        expected = expected_uplift(bank, case.forecast, decisions, case.columns, case.blocks)
        real = bank.realised(decisions, case.outcomes, case.columns).mean()
        hits.append(expected.uplift.low <= real <= expected.uplift.high)
    assert np.mean(hits) >= 0.88


def test_the_standard_error_is_the_formula_of_two_outcomes() -> None:
    case, bank = Traffic(1, 400), _bank()
    decisions = bank.decide(case.forecast, case.columns)
    expected = expected_uplift(bank, case.forecast, decisions, case.columns, case.blocks)
    p = case.forecast[:, 1]
    gain = np.where(decisions == 0, case.columns["amount"] + 1, 0.0)
    assert expected.noise * 400 == pytest.approx(np.sqrt((p * (1 - p) * gain**2).sum()))
    parts = 0.0
    for block, m in enumerate(case.calibrator.counts):
        inside = case.blocks.of_case == block
        if inside.any():
            mean = p[inside].mean()
            parts += gain[inside].sum() ** 2 * mean * (1 - mean) / m
    assert expected.calibration * 400 == pytest.approx(np.sqrt(parts))


def test_without_labels_behind_the_calibration_the_interval_is_wide() -> None:
    case, bank = Traffic(1, 400), _bank()
    bare = Blocks(np.zeros(400, dtype=np.int64), Calibrator.identity().counts)
    decisions = bank.decide(case.forecast, case.columns)
    known = expected_uplift(bank, case.forecast, decisions, case.columns, case.blocks)
    wide = expected_uplift(bank, case.forecast, decisions, case.columns, bare)
    assert wide.calibration > 20 * known.calibration


def test_all_labels_give_the_plain_mean() -> None:
    case, bank = Traffic(2, 300), _bank("everybody")
    decisions = bank.decide(case.forecast, case.columns)
    everything = np.ones(300, dtype=bool)
    real = realised_uplift(
        bank,
        case.forecast,
        decisions,
        case.outcomes,
        everything,
        case.columns,
        seed=1,
        blocks=case.blocks,
    )
    assert real is not None
    own = bank.realised(decisions, case.outcomes, case.columns)
    base = bank.realised(np.zeros(300, dtype=np.int64), case.outcomes, case.columns)
    assert real.uplift.mean == pytest.approx((own - base).mean())
    assert real.value == pytest.approx(own.sum())
    assert (real.labelled, real.pending, real.hidden, real.identified) == (300, 0, 0, True)


def test_pending_labels_are_filled_in_without_bias_and_widen_the_interval() -> None:
    means, widths = [], []
    for seed in range(25):
        case, bank = Traffic(seed, 1000), _bank()
        case.next(drift=0.8)
        decisions = bank.decide(case.forecast, case.columns)
        few = case.rng.random(1000) < 0.2
        unread = np.where(few, case.outcomes, -7)
        full = realised_uplift(
            bank,
            case.forecast,
            decisions,
            case.outcomes,
            few | True,
            case.columns,
            seed=1,
            blocks=case.blocks,
        )
        part = realised_uplift(
            bank, case.forecast, decisions, unread, few, case.columns, seed=1, blocks=case.blocks
        )
        assert full is not None
        assert part is not None
        assert part.pending > 0
        assert "pending" in part.uplift.method
        means.append(part.uplift.mean - full.uplift.mean)
        widths.append((part.uplift.high - part.uplift.low) / (full.uplift.high - full.uplift.low))
    assert abs(np.mean(means)) < 3 * np.std(means) / np.sqrt(25)
    assert 1.5 < np.mean(widths) < 2.6


def test_outcomes_that_no_action_reveals_are_said_to_be_hidden() -> None:
    case, bank = Traffic(3, 500), _bank("everybody")
    decisions = bank.decide(case.forecast, case.columns)
    called = decisions == 0
    real = realised_uplift(
        bank,
        case.forecast,
        decisions,
        case.outcomes,
        called,
        case.columns,
        seed=1,
        blocks=case.blocks,
        revealed_by=("call",),
    )
    assert real is not None
    assert real.hidden == (~called).sum()
    assert not real.identified
    assert "not identified" in real.uplift.method
    against_nobody = realised_uplift(
        _bank(),
        case.forecast,
        decisions,
        case.outcomes,
        called,
        case.columns,
        seed=1,
        blocks=case.blocks,
        revealed_by=("call",),
    )
    assert against_nobody is not None
    assert against_nobody.identified


def test_no_label_shows_nothing_yet() -> None:
    case, bank = Traffic(4, 50), _bank()
    decisions = np.zeros(50, dtype=np.int64)
    none = np.zeros(50, dtype=bool)
    assert (
        realised_uplift(
            bank,
            case.forecast,
            decisions,
            case.outcomes,
            none,
            case.columns,
            seed=1,
            blocks=case.blocks,
        )
        is None
    )
    skipped = realised_uplift(
        bank,
        case.forecast,
        decisions + 1,
        case.outcomes,
        none,
        case.columns,
        seed=1,
        blocks=case.blocks,
    )
    assert skipped is not None
    assert (skipped.uplift.mean, skipped.value) == (0.0, 0.0)


def test_no_decisions_have_no_expected_uplift() -> None:
    with pytest.raises(ValueError, match="no decisions"):
        expected_uplift(
            _bank(),
            np.empty((0, 2)),
            np.empty(0, dtype=np.int64),
            {},
            Blocks(np.empty(0, dtype=np.int64), np.array([1])),
        )


def _record(drift: float, windows: int, seed: int, baseline: str = "nobody") -> bool:
    case, bank = Traffic(seed, 1000), _bank(baseline)
    gaps = []
    for _ in range(windows):
        case.next(drift)
        decisions = bank.decide(case.forecast, case.columns)
        every = np.ones(1000, dtype=bool)
        gaps.append(
            measured_gaps(
                bank, case.forecast, decisions, case.outcomes, every, case.columns, case.blocks
            )
        )
    return track_record(gaps).stale


def test_estimates_that_hold_are_seldom_called_stale() -> None:
    assert np.mean([_record(0.0, 12, seed) for seed in range(30)]) <= 0.05


@pytest.mark.parametrize("drift", [-0.7, 0.7])
@pytest.mark.parametrize("baseline", ["nobody", "everybody"])
def test_concept_drift_is_found_once_labels_are_there(drift: float, baseline: str) -> None:
    assert np.mean([_record(drift, 4, seed, baseline) for seed in range(10)]) == 1.0


def test_regression_has_both_estimates_too() -> None:
    rng = np.random.default_rng(5)
    bikes = RegressionValuation("EUR", UnitCosts(3, 1), {"ten": 10.0}, "ten")
    level = rng.uniform(5, 20, 800)
    noise = rng.normal(size=800)
    forecast = level[:, None] + np.sort(rng.normal(size=99))
    decisions = bikes.decide(forecast, {})
    blocks = Blocks((level > 12).astype(np.int64), np.array([400, 400]))
    expected = expected_uplift(bikes, forecast, decisions, {}, blocks)
    every = np.ones(800, dtype=bool)
    real = realised_uplift(
        bikes, forecast, decisions, level + noise, every, {}, seed=1, blocks=blocks
    )
    assert real is not None
    assert expected.uplift.low < real.uplift.mean < expected.uplift.high
    assert not possible_uplifts(bikes, forecast, decisions, {}).certain.any()
    gaps = measured_gaps(bikes, forecast, decisions, level + noise, every, {}, blocks)
    assert not track_record([gaps]).stale


def test_a_model_that_wrongly_stays_away_is_found_by_labels_of_what_it_let_go() -> None:
    case, bank = Traffic(6, 1000), _bank()
    case.next(drift=2.0)
    skipped = np.ones(1000, dtype=np.int64)
    every = np.ones(1000, dtype=bool)
    gaps = measured_gaps(
        bank, case.forecast, skipped, case.outcomes, every, case.columns, case.blocks
    )
    assert gaps["skip"].gap > 0
    assert track_record([gaps]).stale
    none = measured_gaps(
        bank, case.forecast, skipped, case.outcomes, ~every, case.columns, case.blocks
    )
    assert none == {}
