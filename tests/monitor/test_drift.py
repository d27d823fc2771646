from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr, ndtri

from assay.monitor.drift import drift
from assay.stats.grid import CategoryAxis, Grid, NumberAxis
from assay.stats.profile import SCORE, Profile, Tally, profile
from assay.stats.reference import Reference, make_reference, read_reference

CELLS = 64
CARDINALITIES = (2, 3, 5, 10, 30, 100, 300, 1000)
NUMBERS = 8
Generator = np.random.Generator


def _number(generator: Generator, n: int, shift: float) -> Tally:
    """Counts of n standard normal values, shifted, in quantile cells."""
    ends = ndtr(ndtri(np.arange(CELLS + 1) / CELLS) - shift)
    counts = generator.multinomial(n, np.diff(ends))
    return Tally(np.concatenate([[0], counts, [0, 0]]), np.zeros(CELLS + 3))


def _category(generator: Generator, n: int, shift: float, size: int) -> Tally:
    """Counts of n values of Zipf's law, tilted by `shift` standard deviations of the rank."""
    law = 1 / np.arange(1, size + 1)
    law /= law.sum()
    rank = np.arange(size) - law @ np.arange(size)
    tilted = law * np.exp(np.clip(shift * rank / np.sqrt(law @ rank**2), -5, 5))
    return Tally(
        np.concatenate([generator.multinomial(n, tilted / tilted.sum()), [0, 0]]), np.empty(0)
    )


def _window(generator: Generator, n: int, jitter: float, shift: float = 0.0) -> Profile:
    """Sixteen features, of which x0 and c10 are shifted; all move harmlessly by `jitter`."""

    def moved(name: str) -> float:
        return float(generator.normal(0, jitter)) + (shift if name in {"x0", "c10"} else 0.0)

    features = {f"x{i}": _number(generator, n, moved(f"x{i}")) for i in range(NUMBERS)}
    features |= {f"c{k}": _category(generator, n, moved(f"c{k}"), k) for k in CARDINALITIES}
    return Profile(n, features)


def _reference(generator: Generator, n: int, jitter: float, windows: int = 20) -> Reference:
    edges = np.concatenate([[-9.0], ndtri(np.arange(1, CELLS) / CELLS), [9.0]])
    axes: dict[str, Any] = {f"x{i}": NumberAxis(edges, 0.0, 1.0) for i in range(NUMBERS)}
    axes |= {f"c{k}": CategoryAxis(tuple(map(str, range(k)))) for k in CARDINALITIES}
    return Reference(Grid(axes), tuple(_window(generator, n, jitter) for _ in range(windows)))


SIZES = [(1000, 1000), (10_000, 1000), (1000, 20_000), (10_000, 10_000)]


@pytest.mark.parametrize("jitter", [0.0, 0.02])
@pytest.mark.parametrize(("reference", "n"), SIZES)
def test_harmless_windows_stay_quiet(reference: int, n: int, jitter: float) -> None:
    generator = np.random.default_rng(17)
    rounds, alarms = 40, 0
    for _ in range(rounds):
        known = _reference(generator, reference, jitter)
        alarms += bool(drift(known, _window(generator, n, jitter)).moved)
    assert alarms / rounds <= (0.15 if jitter else 0.05)


@pytest.mark.parametrize("jitter", [0.0, 0.02])
def test_a_real_shift_is_found_and_named(jitter: float) -> None:
    generator = np.random.default_rng(18)
    found = []
    for _ in range(20):
        seen = drift(
            _reference(generator, 1000, jitter), _window(generator, 1000, jitter, shift=0.25)
        )
        names = {one.feature for one in seen.moved}
        found.append({"x0", "c10"} <= names)
    assert np.mean(found) >= 0.9


def test_effects_below_the_least_one_are_no_alarm() -> None:
    generator = np.random.default_rng(19)
    known = _reference(generator, 100_000, 0.0)
    window = _window(generator, 100_000, 0.0, shift=0.03)
    assert not drift(known, window).moved
    assert drift(known, window, least_effect=0.01).moved


def test_little_history_is_said_and_nothing_judged() -> None:
    generator = np.random.default_rng(20)
    seen = drift(_reference(generator, 1000, 0.0, windows=9), _window(generator, 1000, 0.0, 1.0))
    assert not seen.judged
    assert "9 reference windows, 10 needed" in seen.note
    assert not seen.moved
    assert seen.features["x0"].statistics["kolmogorov_smirnov"] > 0.3


def test_few_rows_are_said_and_nothing_judged() -> None:
    generator = np.random.default_rng(21)
    assert "too few rows" in drift(_reference(generator, 1000, 0.0), _window(generator, 9, 0)).note


def _mixed(generator: Generator, n: int) -> dict[str, np.ndarray]:
    return {
        "x": generator.normal(1e-6, 1e-7, n),
        "c": generator.choice(np.array(["a", "b"], dtype=object), n),
        "constant": np.ones(n),
        "empty": np.full(n, np.nan),
    }


def test_missing_and_unseen_values_are_found_whatever_the_units() -> None:
    generator = np.random.default_rng(22)
    known = read_reference(make_reference(_mixed(generator, 4000), generator.random(4000)))
    window = _mixed(generator, 800)
    score = generator.random(800)
    quiet = drift(known, profile(window, known.grid, score))
    assert not quiet.moved
    assert SCORE in quiet.features
    window["x"][:40] = np.nan
    window["c"][:40] = "z"
    window["constant"][:] = 2.0
    window["empty"][:] = 5.0
    seen = drift(known, profile(window, known.grid, score))
    texts = {one.feature: one.text for one in seen.moved}
    assert texts["x"] == "missing in 5.0% of rows, 0.0% before"
    assert texts["c"].endswith("5.0% of values were never seen before")
    assert texts["constant"] == "100.0% of values were never seen before"
    assert texts["empty"] == "missing in 0.0% of rows, 100.0% before"
    json.dumps(seen.document(), allow_nan=False)


def test_a_column_that_dries_up_is_missing() -> None:
    generator = np.random.default_rng(23)
    known = read_reference(make_reference(_mixed(generator, 4000)))
    window = _mixed(generator, 800) | {"x": np.full(800, np.nan)}
    assert [one.text for one in drift(known, profile(window, known.grid)).moved] == [
        "missing in 100.0% of rows, 0.0% before"
    ]


def _columns(frame: pl.DataFrame) -> dict[str, np.ndarray]:
    return {
        name: frame[name].cast(pl.Float64).to_numpy()
        if frame[name].dtype.is_numeric()
        else frame[name].to_numpy().astype(object)
        for name in frame.columns
    }


def _part(columns: dict[str, np.ndarray], start: int, stop: int) -> dict[str, np.ndarray]:
    return {name: column[start:stop] for name, column in columns.items()}


def test_adult_test_data_stay_quiet(shared_data: Path) -> None:
    folder = shared_data / "adult_census_income"
    train = pl.read_parquet(folder / "adult-train.parquet").drop("income")
    test = _columns(pl.read_parquet(folder / "adult-test.parquet").drop("income"))
    known = read_reference(make_reference(_columns(train[:8000])))
    alarms = [
        [one.text for one in drift(known, profile(_part(test, at, at + 1000), known.grid)).moved]
        for at in range(0, 16_000, 1000)
    ]
    # Sixteen windows at 5% each: three alarms or more have a chance of 4%.
    assert sum(map(bool, alarms)) <= 2
    assert not drift(known, profile(test, known.grid)).moved


def test_the_bank_campaign_alarms_when_the_rates_fall(shared_data: Path) -> None:
    frame = pl.read_parquet(shared_data / "bank_marketing" / "bank-additional-full.parquet")
    columns = _columns(frame.drop("y", "duration"))
    known = read_reference(make_reference(_part(columns, 0, 15_000)))
    seen = {
        at: {
            one.feature
            for one in drift(known, profile(_part(columns, at, at + 1000), known.grid)).moved
        }
        for at in (15_000, 24_000, 30_000, 40_000)
    }
    assert not seen[15_000]
    assert all({"euribor3m", "emp.var.rate"} <= seen[at] for at in (24_000, 30_000, 40_000))
