from __future__ import annotations

import json

import numpy as np
import pytest

from assay.errors import InputError
from assay.monitor.domain_classifier import domain_drift

Columns = dict[str, np.ndarray]


def _rows(n: int, seed: int, *, coupled: bool = True) -> Columns:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    y = x if coupled else generator.normal(size=n)
    jobs = np.array(["cook", "clerk", ""], dtype=object)
    return {
        "x": x,
        "y": y + 0.3 * generator.normal(size=n),
        "job": generator.choice(jobs, n),
    }


def test_rows_of_one_law_cannot_be_told_apart() -> None:
    seen = domain_drift(_rows(3000, 1), _rows(300, 2))
    assert not seen.moved
    assert seen.auc.low < 0.5 < seen.auc.high
    assert len(seen.among) == 10


def test_columns_that_no_longer_move_together_are_told() -> None:
    seen = domain_drift(_rows(3000, 3), _rows(300, 4, coupled=False))
    assert seen.moved
    assert seen.auc.mean > 0.7
    assert json.loads(json.dumps(seen.document(), allow_nan=False))["moved"] is True


def test_the_same_rows_and_seed_give_the_same_answer() -> None:
    given = _rows(1000, 5), _rows(150, 6)
    assert domain_drift(*given, seed=3) == domain_drift(*given, seed=3)


def test_it_says_that_it_needs_rows_and_shared_columns() -> None:
    with pytest.raises(InputError, match="needs rows: 100 of the window and 1000"):
        domain_drift(_rows(999, 7), _rows(100, 8))
    with pytest.raises(InputError, match="share none"):
        domain_drift(_rows(1000, 7), {"z": np.ones(200)})
