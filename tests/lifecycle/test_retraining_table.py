"""What a retraining learns from and is judged by, where outcomes show only after some actions."""

from __future__ import annotations

import io
from importlib.resources import files
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.build.set_aside import STANDS_FOR_ALL
from assay.charter.charter import Charter
from assay.charter.load import parse_charter
from assay.lifecycle.posting import Served, labelled_table, newest_rows

CASES = 40_000


@pytest.fixture
def charter() -> Charter:
    text = files("assay.lifecycle").joinpath("campaign_charter.yaml").read_text(encoding="utf-8")
    return parse_charter(text, "campaign")


def _charter(charter: Charter, *, revealed_by: tuple[str, ...], share: float) -> Charter:
    data = charter.data.model_copy(update={"revealed_by": revealed_by, "entity": None})
    release = charter.release.model_copy(update={"exploration_share": share})
    return charter.model_copy(update={"data": data, "release": release})


def _keeping(charter: Charter, rows: int | None) -> Charter:
    response = charter.response.model_copy(update={"training_rows": rows})
    return charter.model_copy(update={"response": response})


def _served(share: float) -> tuple[Served, np.ndarray[Any, Any]]:
    """Serve cases by a policy that calls where x is high; outcomes show after calls only."""
    rng = np.random.default_rng(3)
    x = rng.random(CASES)
    policy, explored = x > 0.7, rng.random(CASES) < share
    called = np.where(explored, rng.random(CASES) < 0.5, policy)
    own = (called == policy) * (1 - share) + share / 2
    records = [
        {"id": str(i), "inputs": {"x": value}, "propensity": chance}
        for i, (value, chance) in enumerate(zip(x.tolist(), own.tolist(), strict=True))
    ]
    outcomes = ["yes" if seen else None for seen in called]
    return Served(records, outcomes, np.zeros(CASES)), x


def test_the_judges_are_a_fair_sample_of_all_cases(charter: Charter) -> None:
    served, x = _served(0.2)
    table = labelled_table(served, _charter(charter, revealed_by=("call",), share=0.2))
    fair = table.filter(pl.col(STANDS_FOR_ALL))["x"].to_numpy()
    assert len(fair) == pytest.approx(0.1 * CASES, rel=0.05)
    assert abs(table["x"].mean() - x.mean()) > 0.1, "what labels show is no fair sample"
    assert abs(fair.mean() - x.mean()) < 4 * x.std() / np.sqrt(len(fair))
    shares = np.histogram(fair, bins=5, range=(0, 1))[0] / len(fair)
    assert np.abs(shares - 0.2).max() < 0.03


def test_without_exploration_nobody_stands_for_all(charter: Charter) -> None:
    served, _ = _served(0.0)
    table = labelled_table(served, _charter(charter, revealed_by=("call",), share=0.0))
    assert not table[STANDS_FOR_ALL].any()


def test_where_every_action_shows_the_outcome_every_case_judges(charter: Charter) -> None:
    served, _ = _served(0.2)
    table = labelled_table(served, _charter(charter, revealed_by=(), share=0.0))
    assert table[STANDS_FOR_ALL].all()


def test_the_newest_rows_follow_the_table(charter: Charter) -> None:
    served, _ = _served(0.2)
    known = labelled_table(served, _charter(charter, revealed_by=(), share=0.0))
    outcome = charter.data.outcome
    frame = pl.DataFrame({"x": [9.0, 8.0], outcome: ["no", "yes"]})
    written = pl.read_parquet(newest_rows(frame, known, _keeping(charter, 5)))
    assert written.height == 5
    assert written["x"].to_list() == known["x"].to_list()[-5:]
    everything = pl.read_parquet(newest_rows(frame, known, _keeping(charter, None)))
    assert everything["x"].to_list()[:2] == [9.0, 8.0]
    assert everything[STANDS_FOR_ALL].all()


def test_old_rows_fade_out_of_a_retraining(charter: Charter) -> None:
    frame = pl.DataFrame({"x": np.arange(8000.0)})
    response = charter.response.model_copy(update={"half_life_rows": 2000, "training_rows": None})
    fading = charter.model_copy(update={"response": response})
    kept = pl.read_parquet(io.BytesIO(newest_rows(frame, pl.DataFrame(), fading)))["x"].to_numpy()
    counts = np.histogram(kept, bins=4, range=(0, 8000))[0]
    # on average 1/(4 ln 2), ... of each 2,000 rows, doubling towards the newest
    expected = 2000 / (2 * np.log(2)) * 0.5 ** np.arange(4)[::-1]
    assert counts == pytest.approx(expected, rel=0.25)
    assert (np.diff(kept) > 0).all()
