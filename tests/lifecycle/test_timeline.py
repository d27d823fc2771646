from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.charter import Charter
from assay.errors import DataError
from assay.lifecycle.timeline import timeline

from .conftest import charter


def test_a_delay_of_one_window_hides_the_window_before(turning: pl.DataFrame) -> None:
    line = timeline(turning, charter(), 1000)
    assert [(p.start, p.stop, p.known) for p in line.periods[:2]] == [
        (1000, 1100, 900),
        (1100, 1200, 1000),
    ]
    assert line.periods[0].name == "rows 1001-1100"
    assert sum(p.n for p in line.periods) == 1000


def test_the_last_window_may_be_short(turning: pl.DataFrame) -> None:
    line = timeline(turning, charter(), 1950)
    assert [p.n for p in line.periods] == [50]


@given(st.integers(0, 500), st.integers(600, 1900))
def test_no_row_knows_itself_or_what_is_younger_than_the_delay(delay: int, first: int) -> None:
    frame = pl.DataFrame({"group": ["a"] * 2000, "y": ["no"] * 2000})
    line = timeline(frame, charter(data={"label_delay": f"{delay} rows"}), first)
    assert (line.known <= np.arange(2000) - min(delay, 1)).sum() >= 2000 - max(delay, 1)
    for period in line.periods:
        assert period.known == max(period.start - delay, 0)


def _dated(delay: str) -> Charter:
    data = {"time": "day", "order": "none", "label_delay": delay}
    return charter(data=data, monitoring={"window": "7 days"})


def test_days_count_by_the_calendar_and_rows_are_put_in_order() -> None:
    days = [date(2024, 1, 1) + timedelta(days=i // 10) for i in range(400)]
    frame = pl.DataFrame({"day": days, "group": ["a"] * 400, "y": ["no", "yes"] * 200})
    line = timeline(frame[::-1], _dated("2 days"), 200)
    assert line.frame["day"].is_sorted()
    for period in line.periods:
        start = line.frame["day"][period.start]
        known = line.frame["day"][: period.known]
        assert known.max() == start - timedelta(days=2)
        assert line.frame["day"][period.known] > start - timedelta(days=2)


def test_what_cannot_be_replayed_is_said(turning: pl.DataFrame) -> None:
    with pytest.raises(DataError, match="no order in time"):
        timeline(turning, charter(data={"order": "none"}), 1000)
    with pytest.raises(DataError, match="start after 2000 rows"):
        timeline(turning, charter(), 2000)
    with pytest.raises(DataError, match="Only 50 of the first 150 rows"):
        timeline(turning, charter(), 150)
    with pytest.raises(DataError, match="hours or days, but there is no time column"):
        timeline(turning, charter(monitoring={"window": "1 day"}), 1000)
    with pytest.raises(DataError, match="age is Float64"):
        timeline(turning, charter(data={"time": "age", "label_delay": "1 day"}), 1000)
