from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.monitor.direct_loss import learn_direct_loss


def _rows(
    seed: int, n: int, share: float = 0.5
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64], NDArray[np.float64]]:
    """Return rows whose spread hangs on an input that the prediction hides."""
    rng = np.random.default_rng(seed)
    wild = rng.random(n) < share
    level = rng.uniform(10, 20, n)
    kind = np.where(wild, "wild", "tame").astype(object)
    return {"kind": kind, "x": level}, level, level + rng.normal(0, np.where(wild, 5.0, 1.0))


def test_losses_follow_inputs_that_the_prediction_hides() -> None:
    columns, predictions, outcomes = _rows(0, 4000)
    learned = learn_direct_loss(columns, predictions, outcomes)
    hits = 0
    for seed in range(1, 11):
        later, ahead, came = _rows(seed, 1500, share=0.9)
        found = learned.estimates(later, ahead)
        error = came - ahead
        hits += found["mae"].low <= np.abs(error).mean() <= found["mae"].high
        hits += found["rmse"].low <= np.sqrt((error**2).mean()) <= found["rmse"].high
        assert found["mae"].mean > 1.3 * np.abs(outcomes - predictions).mean()
        assert "rows read" in found["mae"].method
    assert hits >= 17


def test_texts_never_seen_count_as_missing_and_few_rows_are_refused() -> None:
    columns, predictions, outcomes = _rows(0, 400)
    learned = learn_direct_loss(columns, predictions, outcomes)
    strange = {**columns, "kind": np.full(400, "new", dtype=object)}
    assert learned.estimates(strange, predictions)["mae"].mean > 0
    with pytest.raises(ValueError, match="takes 100 labelled rows; there are 50"):
        learn_direct_loss(
            {name: column[:50] for name, column in columns.items()}, predictions[:50], outcomes[:50]
        )
