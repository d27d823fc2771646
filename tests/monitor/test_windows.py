from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.data import Span
from assay.monitor.windows import cut_by_count, cut_windows

moments = st.lists(st.integers(0, 4 * 365 * 86_400), min_size=0, max_size=80)
spans = st.sampled_from(["7 rows", "1 hour", "6 hours", "1 day", "7 days"])
zones = st.sampled_from(["UTC", "Europe/Lisbon", "Asia/Kathmandu", "Australia/Lord_Howe"])


def _times(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


@given(moments, spans, zones)
def test_every_row_is_in_one_window_and_windows_are_in_order(
    seconds: list[int], span: str, zone: str
) -> None:
    times = np.array(seconds, dtype=np.int64).astype("datetime64[s]")
    windows = cut_windows(times, Span.parse(span), zone)
    rows = [row for window in windows for row in window.rows.tolist()]
    assert sorted(rows) == list(range(len(seconds)))
    assert list(np.sort(times)) == list(times[rows])
    assert [one.index for one in windows] == sorted({one.index for one in windows})
    assert all(one.complete for one in windows[:-1])
    for one in windows:
        assert one.start is not None
        assert one.end is not None
        assert one.start <= one.end


@given(moments, zones)
def test_time_windows_do_not_depend_on_which_rows_are_there(seconds: list[int], zone: str) -> None:
    times = np.array(seconds, dtype=np.int64).astype("datetime64[s]")
    whole = cut_windows(times, Span.parse("1 day"), zone)
    names = {times[row]: one.name for one in whole for row in one.rows.tolist()}
    for one in cut_windows(times[::2], Span.parse("1 day"), zone):
        assert all(names[time] == one.name for time in times[::2][one.rows])


def test_days_are_those_of_the_time_zone() -> None:
    times = _times("2026-01-05T22:30", "2026-01-05T23:30", "2026-01-06T22:59")
    berlin = cut_windows(times, Span.parse("1 day"), "Europe/Berlin")
    assert [(one.name, len(one.rows)) for one in berlin] == [("2026-01-05", 1), ("2026-01-06", 2)]
    assert berlin[1].start == datetime(2026, 1, 5, 23, tzinfo=UTC)


def test_a_day_of_twenty_five_hours_is_one_window() -> None:
    times = _times("2026-10-24T22:00", "2026-10-25T01:30", "2026-10-25T22:59", "2026-10-25T23:00")
    days = cut_windows(times, Span.parse("1 day"), "Europe/Berlin")
    assert [len(one.rows) for one in days] == [3, 1]
    assert days[0].start is not None
    assert days[0].end is not None
    assert (days[0].end - days[0].start).total_seconds() == 25 * 3600


def test_the_clock_says_when_the_newest_window_is_over() -> None:
    times = _times("2026-01-05T10:00")
    span = Span.parse("1 day")
    early = cut_windows(times, span, "UTC", now=datetime(2026, 1, 5, 23, tzinfo=UTC))
    late = cut_windows(times, span, "UTC", now=datetime(2026, 1, 6, tzinfo=UTC))
    assert (early[0].complete, late[0].complete) == (False, True)
    assert not cut_windows(times, span, "UTC")[0].complete


def test_hours_are_named_by_the_wall_clock() -> None:
    windows = cut_windows(_times("2026-07-01T10:20"), Span.parse("6 hours"), "Europe/Lisbon")
    assert windows[0].name == "2026-07-01 06:00"


@pytest.mark.parametrize("span", ["1 window", "0 rows", "0 days"])
def test_spans_that_make_no_windows_are_refused(span: str) -> None:
    with pytest.raises(ValueError, match=r"monitoring\.window"):
        cut_windows(_times("2026-01-01"), Span.parse(span), "UTC")


def test_rows_alone_need_no_times() -> None:
    windows = cut_by_count(10, 4)
    assert [one.rows.tolist() for one in windows] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert windows[0].start is None
