from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from assay.lifecycle.lessons import Lessons
from assay.lifecycle.replay import replay

from .conftest import CountingTrainer, charter


@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=400, unique=True),
    st.integers(1, 400),
    st.integers(0, 100),
)
def test_a_row_that_has_faded_never_comes_back(seen: list[int], half_life: int, seed: int) -> None:
    lessons, rows = Lessons(half_life=half_life, seed=seed), np.array(sorted(seen))
    later = np.append(rows, rows[-1] + 1 + np.arange(50))
    before, after = lessons.of(rows), lessons.of(later)
    assert set(after[after <= rows[-1]].tolist()) <= set(before.tolist())
    assert before[-1] == rows[-1]
    assert (np.diff(before) > 0).all()


def test_half_are_kept_at_the_half_life() -> None:
    rows = np.arange(40_000)
    kept = Lessons(half_life=10_000).of(rows)
    shares = [
        np.isin(np.arange(age - 500, age + 500), 39_999 - kept).mean() for age in (10_000, 20_000)
    ]
    assert np.abs(np.array(shares) - [0.5, 0.25]).max() < 0.06


def test_a_replay_lets_old_rows_fade(turning: pl.DataFrame) -> None:
    own = charter(response={"half_life_rows": 200, "training_rows": 700})
    trainer = CountingTrainer(own)
    replay(turning, own, first=800, labels="all", policies=["scheduled"], trainer=trainer)
    assert trainer.lessons[0] == 700
    # Of 700 rows, 200 / ln 2 (1 - 2^(-3.5)) = 263 are kept in the mean.
    assert all(200 < each < 330 for each in trainer.lessons[1:])
