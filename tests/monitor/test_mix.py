"""What a changed mix of cases costs, against cases whose worth is known one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.bank_charter import CHARTER

from assay.charter.charter import Charter
from assay.monitor.mix import score_mix_cost
from assay.monitor.watched import Watched
from assay.stats.calibration import fit_calibrator
from assay.stats.estimate import Estimate
from assay.stats.profile import SCORE, profile
from assay.stats.reference import make_reference, read_reference
from assay.value.valuation import valuation

RNG = np.random.default_rng(5)
_START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def _drawn_alike() -> None:
    """Let each test draw the same, whichever ran before it."""
    RNG.bit_generator.state = _START


def _watched(value: dict[str, Any] | None = None) -> Watched:
    charter = Charter.model_validate(CHARTER | {"value": CHARTER["value"] | (value or {})})
    score = RNG.random(20_000)
    calibrator = fit_calibrator(score, RNG.random(20_000) < score, "isotonic")
    reference = read_reference(make_reference({"x": RNG.normal(size=20_000)}, score))
    return Watched((), valuation(charter.value, charter.data), calibrator, reference)


def _cost(watched: Watched, score: np.ndarray) -> Estimate:
    found = score_mix_cost(watched, profile({SCORE: score}, watched.reference.grid))
    assert found is not None
    return found


def _worth(watched: Watched, score: np.ndarray) -> float:
    """The mean expected uplift of cases, one by one."""
    valued, forecast = watched.valuation, watched.forecast(score)
    own = valued.expected(forecast, valued.decide(forecast, {}), {})
    base = valued.expected(forecast, valued.baseline({}, len(score)), {})
    return float((own - base).mean())


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 6.0])
def test_it_is_what_the_cases_one_by_one_say(power: float) -> None:
    watched = _watched()
    before, now = RNG.random(200_000), RNG.random(20_000) ** power
    truth = _worth(watched, before) - _worth(watched, now)
    found = _cost(watched, now)
    assert found.low <= truth <= found.high
    assert found.mean == pytest.approx(truth, abs=0.35)
    assert (found.unit, found.n) == ("EUR per decision", 20_000)


def test_the_same_mix_costs_nothing_for_sure() -> None:
    watched = _watched()
    covered = sum(
        found.low <= 0 <= found.high
        for found in (_cost(watched, RNG.random(500)) for _ in range(60))
    )
    assert covered >= 52
    assert abs(_cost(watched, RNG.random(200_000)).mean) < 0.4


def test_scores_that_all_fall_into_one_place_are_paid_as_the_model_expects_there() -> None:
    watched = _watched()
    found = _cost(watched, np.full(1000, 0.05))
    assert found.mean == pytest.approx(_worth(watched, RNG.random(200_000)), abs=0.4)


def test_nobody_knows_where_more_than_the_score_decides() -> None:
    reads = _watched({"actions": {"call": {"yes": "x", "no": -6}, "skip": 0}})
    seen = profile({SCORE: RNG.random(500)}, reads.reference.grid)
    assert reads.valuation.columns
    assert score_mix_cost(reads, seen) is None
    shared = _watched({"policy": {"kind": "top_k", "action": "call", "k": 10, "per": "day"}})
    assert score_mix_cost(shared, seen) is None
    plain = _watched()
    assert score_mix_cost(plain, profile({"x": np.ones(9)}, plain.reference.grid)) is None
    nothing = profile({SCORE: np.full(9, np.nan)}, plain.reference.grid)
    assert score_mix_cost(plain, nothing) is None
    assert score_mix_cost(plain, profile({SCORE: np.ones(9)}, plain.reference.grid)) is not None
