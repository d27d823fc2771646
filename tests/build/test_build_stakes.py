"""A build whose payoffs read what the model does not, and clients whose balance is at stake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.built import Built
from assay.build.candidates import Recipe
from assay.build.crossfit import held_out
from assay.build.run import build
from assay.build.training import refit
from assay.build.training_set import CALIBRATE, training_set
from assay.charter.charter import Charter
from assay.deploy.scoring import Scorer, read_signature
from assay.monitor.watched import watch_bundle
from assay.stats.calibration import fit_calibrator
from assay.stats.cell_calibration import CellCalibrator
from assay.stats.clusters import row_blocks
from assay.stats.forecaster import forecast
from assay.value.against import baseline_payoffs, hindsight_payoffs
from assay.value.assessment import assess
from assay.value.valuation import valuation

LEAFLET = {
    "actions": {"send": {"yes": "margin", "no": -2}, "rest": 0},
    "caps": {"margin": [0, 20]},
}
DEPOSIT = {
    "actions": {"call": -1, "skip": {"yes": "-max(balance * 0.25 * 0.02463333, 1)", "no": 0}},
    "caps": {"balance": [0, 200_000]},
    "baselines": {"nobody": "skip", "everybody": "call"},
    "baseline": "everybody",
}


def _dear_sells_less(n: int) -> pl.DataFrame:
    """Return rows in order where who buys depends on visits, which the model reads, and margin."""
    random = np.random.default_rng(91)
    visits, margin = random.poisson(3, n).astype(float), random.uniform(2, 20, n)
    buys = random.random(n) < 1 / (1 + np.exp(-(0.6 * visits - 1.6 - 0.3 * (margin - 11))))
    return pl.DataFrame(
        {
            "day": range(n),
            "customer": [f"c{i}" for i in range(n)],
            "age": random.integers(18, 80, n),
            "region": random.choice(["north", "south"], n),
            "visits": visits,
            "margin": margin,
            "called_back": buys.astype(float),
            "sold": buys.astype(float),
            "buys": np.where(buys, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def dear(charter: Any) -> Built:
    made: Charter = charter(
        data={"order": "rows", "ignore": ["day", "customer", "margin"]},
        value=LEAFLET,
        build={"families": ["linear"], "trials": 1},
    )
    return build(made, Path(), _dear_sells_less(4_000), "d" * 64, engines=OnnxEngine)


def _asked(n: int) -> dict[str, Any]:
    random = np.random.default_rng(92)
    return {
        "age": random.uniform(18, 80, n),
        "region": random.choice(np.array(["north", "south"], dtype=object), n),
        "visits": random.poisson(3, n).astype(float),
        "margin": random.uniform(2, 20, n),
    }


def test_a_bundle_serves_and_watches_by_the_same_cells(dear: Built) -> None:
    document = json.loads(dear.bundle.files["calibration.json"])
    assert (document["format"], document["kind"]) == (2, "cells")
    engine = OnnxEngine(dear.bundle.files["model.onnx"], read_signature(dear.bundle).inputs)
    scorer, watched = Scorer.from_bundle(dear.bundle, engine), watch_bundle(dear.bundle)
    columns = _asked(300)
    served = scorer.score(columns)
    np.testing.assert_array_equal(watched.forecast(served.score, columns), served.forecast)
    blocks = watched.blocks(served.score, columns)
    assert blocks.of_case.max() < len(blocks.labelled)
    alone = scorer.score({name: values[:1] for name, values in columns.items()})
    np.testing.assert_array_equal(alone.forecast, served.forecast[:1])
    true = 1 / (1 + np.exp(-(0.6 * columns["visits"] - 1.6 - 0.3 * (columns["margin"] - 11))))
    assert np.abs(served.probability - true).mean() < 0.06


def test_blocks_of_cells_need_the_columns(dear: Built) -> None:
    with pytest.raises(ValueError, match="gain at stake"):
        watch_bundle(dear.bundle).blocks(np.array([0.5]))


@pytest.fixture(scope="module")
def clients(shared_data: Path) -> pl.DataFrame:
    """Clients with money in the account, in the order of the calls."""
    path = shared_data / "bank_marketing" / "bank-full.parquet"
    if not path.is_file():
        pytest.skip(f"no {path.name} at {path.parent}: set ASSAY_DATA to a folder that holds it")
    return pl.read_parquet(path).filter(pl.col("balance") > 0)


@pytest.fixture(scope="module")
def deposits(charter: Any) -> Charter:
    made: Charter = charter(
        data={
            "outcome": "y",
            "order": "rows",
            "ignore": [],
            "known_after": ["duration"],
            "sensitive": ["age"],
        },
        value=DEPOSIT,
        build={"folds": 5},
    )
    return made


def test_the_yardsticks_of_the_bank_come_out(clients: pl.DataFrame, deposits: Charter) -> None:
    valued = valuation(deposits.value, deposits.data)
    y = valued.encode(clients["y"].to_numpy())
    columns = {"balance": clients["balance"].to_numpy().astype(np.float64)}
    assert len(y) == 37_931
    nobody = baseline_payoffs(valued, y, columns, "nobody").sum()
    assert nobody == pytest.approx(-59_507, abs=0.5)
    assert baseline_payoffs(valued, y, columns, "everybody").sum() == -37_931
    assert hindsight_payoffs(valued, y, columns).sum() == -4_787


def test_the_balance_corrects_a_model_of_the_bank(clients: pl.DataFrame, deposits: Charter) -> None:
    valued, cut = valuation(deposits.value, deposits.data), int(0.7 * clients.height)
    learn, later = clients[:cut], clients[cut:]
    recipe, seed = Recipe("linear", {"strength": 1.0}), deposits.build.seed
    model = refit(recipe, learn, deposits, valued)
    rows = training_set(learn, deposits, valued, seed=seed, folds=5, judge=False)
    held = held_out(rows, CALIBRATE, recipe, seed)
    alone = fit_calibrator(held.raw, held.outcomes)
    assert isinstance(model.forecaster, CellCalibrator)
    y, columns = valued.encode(later["y"].to_numpy()), model.columns(later)
    raw, blocks = model.raw(later), row_blocks(later.height)
    before, after = (
        assess(valued, forecasts, y, columns, 1000, seed=3, clusters=blocks)
        for forecasts in (forecast(alone, raw), model.forecast(later))
    )
    # Both promise far too much, since the years after 2008 are not like it: drift, which no
    # calibration on the past mends. The cells lessen it and bring some 0.06 EUR a call more.
    assert 0.5 < after.shortfall.mean < before.shortfall.mean - 0.04
    assert after.value.mean > before.value.mean + 0.03
