"""The report of a regression: amounts, quantiles, and payoffs for too much and too little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.workspace import Workspace

CHARTER = """\
name: hours
title: How many bikes to put out
problem: {business: Bikes stand idle, analytical: The demand, hypothesis: Weather tells}
strategy: {objective: Serve more, kpi: Margin an hour}
people: solo
data: {source: hours.csv, outcome: rides, order: rows, sensitive: [place]}
value:
  currency: EUR
  under: 3
  over: 1
  baselines: {same: best_constant}
  baseline: same
  decisions_per_month: 700
risk: {tier: low}
build: {families: [linear], trials: 1, folds: 2}
"""


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hours")
    random = np.random.default_rng(0)
    warmth = random.uniform(0, 30, 1200)
    place = random.choice(np.array(["park", "town"], dtype=object), 1200)
    rides = np.maximum(0, 10 + 3 * warmth + 20 * (place == "town") + random.normal(0, 8, 1200))
    table = pl.DataFrame({"warmth": warmth, "place": place.astype(str), "rides": rides.round()})
    table.write_csv(folder / "hours.csv")
    (folder / "charter.yaml").write_text(CHARTER)
    Workspace(folder).build()
    return folder


def test_the_page_shows_amounts(hours: Path) -> None:
    text = Workspace(hours).report().read_text()
    assert "-3 for each unit too low, -1 for each unit too high" in text
    assert 'aria-label="Outcomes below each quantile"' in text
    assert 'aria-label="Uplift by place"' in text
    assert "One person holds every role here" in text
    assert "mae" in text
    assert "What each threshold is worth" not in text
    assert "How many cases get each action" not in text
    assert ">costs<" not in text
    assert "the charter names no costs and no floor above zero, so that any uplift pays" in text
    assert "payoff: cost of each unit under" in text


def test_a_payoff_as_a_formula_is_shown_as_it_is_written(hours: Path, tmp_path: Path) -> None:
    formula = "4 * min(decision, outcome) - decision"
    given = f"payoff: {formula}\n  caps: {{outcome: [0, 200]}}"
    text = CHARTER.replace("under: 3\n  over: 1", given)
    (tmp_path / "charter.yaml").write_text(text.replace("hours.csv", str(hours / "hours.csv")))
    assert formula in Workspace(tmp_path).report().read_text()
