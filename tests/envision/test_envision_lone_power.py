from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assay.envision.lone_power import lone_power


def test_noise_has_none_and_a_leak_has_all() -> None:
    source = np.random.default_rng(1)
    outcome = (source.random(4000) < 0.1).astype(np.float64)
    frame = pl.DataFrame(
        {
            "noise": source.random(4000),
            "words": source.choice(["a", "b", "c"], 4000),
            "leak": np.where(outcome == 1, "done", "open"),
            "gap": np.where(outcome == 1, np.nan, source.random(4000)),
            "around": np.where(outcome == 1, 0.0, source.choice([-1.0, 1.0], 4000)),
        }
    )
    power = lone_power(frame, frame.columns, outcome, binary=True)
    assert power["noise"] == pytest.approx(0.5, abs=0.06)
    assert power["words"] == pytest.approx(0.5, abs=0.06)
    assert min(power["leak"], power["gap"], power["around"]) > 0.99


def test_amounts_are_explained_or_not() -> None:
    source = np.random.default_rng(2)
    signal = source.normal(size=3000)
    frame = pl.DataFrame({"signal": signal, "noise": source.normal(size=3000)})
    power = lone_power(frame, frame.columns, signal * 2 + 1, binary=False)
    assert power["signal"] > 0.95
    assert power["noise"] < 0.01


@pytest.mark.parametrize("rows", [1, 2, 3, 11])
def test_few_rows_are_no_trouble(rows: int) -> None:
    frame = pl.DataFrame({"a": list(range(rows)), "b": [None] * rows})
    outcome = (np.arange(rows) % 2).astype(np.float64)
    assert set(lone_power(frame, ["a", "b"], outcome, binary=True)) == {"a", "b"}
