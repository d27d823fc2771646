from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assay.monitor.join import first_of_each, join
from assay.monitor.windows import cut_by_count

ids = st.sampled_from([f"p{i}" for i in range(12)])
deliveries = st.lists(st.tuples(ids, st.integers(0, 9), st.integers(1, 4)), max_size=40)


def _outcomes(rows: list[tuple[str, int, int]], predictions: list[str]) -> list[int | None]:
    joined = join(predictions, [name for name, _, _ in rows], [rev for _, _, rev in rows])
    return [None if row < 0 else rows[row][1] for row in joined.rows.tolist()]


@given(deliveries, deliveries)
def test_delivering_again_or_later_changes_nothing(
    first: list[tuple[str, int, int]], second: list[tuple[str, int, int]]
) -> None:
    predictions = [f"p{i}" for i in range(9)]
    together = first + second
    once = _outcomes(together, predictions)
    assert _outcomes(first + first + second, predictions) == once
    assert _outcomes(together + together, predictions) == once


@given(deliveries, st.integers(1, 5))
def test_a_label_counts_once_and_in_the_window_of_its_prediction(
    rows: list[tuple[str, int, int]], size: int
) -> None:
    predictions = [f"p{i}" for i in range(9)]
    joined = join(predictions, [name for name, _, _ in rows], [rev for _, _, rev in rows])
    counts = [int(joined.labelled[one.rows].sum()) for one in cut_by_count(9, size)]
    known = {name for name, _, _ in rows} & set(predictions)
    assert sum(counts) == len(known)
    assert joined.strangers == len({name for name, _, _ in rows} - set(predictions))
    for name in known:
        place = predictions.index(name)
        assert rows[joined.rows[place]][0] == name
        assert counts[place // size] > 0


@given(deliveries)
def test_the_newest_revision_wins(rows: list[tuple[str, int, int]]) -> None:
    found = _outcomes(rows, ["p0"])[0]
    of_it = [
        (revision, place, value)
        for place, (name, value, revision) in enumerate(rows)
        if name == "p0"
    ]
    assert found == (max(of_it)[2] if of_it else None)


def test_a_prediction_written_twice_counts_once() -> None:
    assert first_of_each(["b", "a", "b", "b", "c"]).tolist() == [0, 1, 4]
    assert first_of_each([]).dtype == np.int64
