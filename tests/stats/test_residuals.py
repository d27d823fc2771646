from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats.residuals import PredictiveQuantiles, fit_predictive

NUMBERS = st.floats(-1e4, 1e4, allow_nan=False)


@settings(max_examples=60)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=300), st.lists(NUMBERS))
def test_quantiles_never_cross(pairs: list[tuple[float, float]], fresh: list[float]) -> None:
    predictions, outcomes = np.array(pairs).T
    fitted = fit_predictive(predictions, outcomes, levels=9)
    forecast = fitted.apply(np.array(fresh))
    assert forecast.shape == (len(fresh), 9)
    assert (np.diff(forecast, axis=1) >= 0).all()
    if (outcomes >= 0).all():
        assert (forecast >= 0).all()


def test_fresh_outcomes_fall_under_each_quantile_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    level = rng.uniform(10, 300, 12_000)
    outcome = level + rng.gamma(2, level / 8) - level / 4
    fitted = fit_predictive(level[:6000], outcome[:6000])
    forecast = fitted.apply(level[6000:])
    below = (outcome[6000:, None] <= forecast).mean(axis=0)
    np.testing.assert_allclose(below, (np.arange(99) + 0.5) / 99, atol=0.02)
    for half in (level[6000:] < 100, level[6000:] > 200):  # locally as well
        assert (outcome[6000:] <= forecast[:, 74])[half].mean() == pytest.approx(0.75, abs=0.04)


def test_few_cases_share_one_cell() -> None:
    fitted = fit_predictive(np.arange(60.0), np.arange(60.0) + 1)
    assert len(fitted.centres) == 1
    np.testing.assert_allclose(fitted.apply(np.array([7.0])), 8.0)


def test_constant_predictions_are_one_cell() -> None:
    fitted = fit_predictive(np.full(1000, 5.0), np.linspace(-1, 1, 1000))
    assert len(fitted.centres) == 1


def test_documents_come_back_as_they_were() -> None:
    rng = np.random.default_rng(2)
    level = rng.uniform(0, 10, 800)
    fitted = fit_predictive(level, rng.normal(level, 1))
    again = PredictiveQuantiles.from_document(json.loads(json.dumps(fitted.document())))
    np.testing.assert_array_equal(again.apply(level), fitted.apply(level))


@pytest.mark.parametrize("pair", [([], []), ([1.0], [1.0, 2.0]), ([np.inf], [1.0])])
def test_bad_samples_are_refused(pair: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match=r"match|finite"):
        fit_predictive(np.array(pair[0]), np.array(pair[1]))


def test_bike_rentals_by_hour_of_day(shared_data: Path) -> None:
    frame = pl.read_parquet(shared_data / "bike_sharing" / "hour.parquet")
    hours, rentals = frame["hr"].to_numpy(), frame["cnt"].to_numpy().astype(float)
    half = np.random.default_rng(0).random(len(rentals)) < 0.5
    mean = np.array([rentals[half & (hours == hour)].mean() for hour in range(24)])[hours]
    forecast = fit_predictive(mean[half], rentals[half]).apply(mean[~half])
    assert forecast.min() >= 0
    # Only 24 distinct predictions: cells cannot follow the hours exactly.
    for place, level in ((9, 9.5 / 99), (49, 0.5), (89, 89.5 / 99)):
        assert (rentals[~half] <= forecast[:, place]).mean() == pytest.approx(level, abs=0.03)
