from __future__ import annotations

import numpy as np
import pytest

from assay.stats.lone_power import lone_power, lone_power_over_outcomes


def test_noise_has_none_and_a_leak_has_all() -> None:
    source = np.random.default_rng(1)
    outcome = (source.random(4000) < 0.1).astype(np.float64)
    columns = {
        "noise": source.random(4000),
        "words": source.choice(["a", "b", "c"], 4000).astype(object),
        "leak": np.where(outcome == 1, "done", "open").astype(object),
        "gap": np.where(outcome == 1, np.nan, source.random(4000)),
        "around": np.where(outcome == 1, 0.0, source.choice([-1.0, 1.0], 4000)),
    }
    power = lone_power(columns, outcome, binary=True)
    assert power["noise"] == pytest.approx(0.5, abs=0.06)
    assert power["words"] == pytest.approx(0.5, abs=0.06)
    assert min(power["leak"], power["gap"], power["around"]) > 0.99


def test_amounts_are_explained_or_not() -> None:
    source = np.random.default_rng(2)
    signal = source.normal(size=3000)
    columns = {"signal": signal, "noise": source.normal(size=3000)}
    power = lone_power(columns, signal * 2 + 1, binary=False)
    assert power["signal"] > 0.95
    assert power["noise"] < 0.01


@pytest.mark.parametrize("rows", [1, 2, 3, 11])
def test_few_rows_are_no_trouble(rows: int) -> None:
    columns = {"a": np.arange(rows, dtype=float), "b": np.full(rows, np.nan)}
    outcome = (np.arange(rows) % 2).astype(np.float64)
    assert set(lone_power(columns, outcome, binary=True)) == {"a", "b"}


def test_power_is_measured_on_other_rows() -> None:
    random = np.random.default_rng(0)
    names = np.array([f"row {i}" for i in range(400)], dtype=object)
    power = lone_power({"names": names}, random.random(400), binary=False)
    assert power["names"] < 0.05, "a name for each row explains nothing of another row"


def test_over_several_outcomes_the_one_that_is_given_away_counts() -> None:
    random = np.random.default_rng(91)
    codes = random.integers(0, 3, 1200)
    columns = {"tells two": (codes == 2) * 1.0, "noise": random.random(1200)}
    power = lone_power_over_outcomes(columns, codes, 3)
    assert power["tells two"] == 1.0
    assert power["noise"] < 0.6
    two = (codes > 0).astype(np.int64)
    assert lone_power_over_outcomes(columns, two, 2) == lone_power(columns, two, binary=True)


def test_outcomes_of_few_cases_make_no_leak() -> None:
    codes = np.repeat([0, 1, 2], [500, 480, 20])
    column = {"tells the rare": (codes == 2) * 1.0}
    assert lone_power_over_outcomes(column, np.roll(codes, 300), 3)["tells the rare"] < 0.7
    assert lone_power_over_outcomes(column, np.full(9, 2), 3) == {"tells the rare": 0.5}
