"""Which rows of a table hang together."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from assay.build.clusters import clusters_of, entity_codes


def hours(days: int) -> pl.DataFrame:
    start = datetime(2024, 1, 1)  # noqa: DTZ001 - tables have naive moments
    moments = [start + timedelta(hours=hour) for hour in range(24 * days)]
    return pl.DataFrame({"day": moments, "customer": ["a"] * len(moments)})


@pytest.mark.parametrize(
    ("days", "by"),
    [(10, "block of 8 rows"), (30, "day"), (181, "week"), (900, "month")],
)
def test_time_is_cut_by_the_calendar(charter: Any, days: int, by: str) -> None:
    timed = charter(data={"time": "day", "ignore": ["customer"]})
    found = clusters_of(hours(days), timed)
    assert found is not None
    assert found.by == by
    assert found.count >= 25
    dates = hours(days).with_columns(pl.col("day").cast(pl.Date))
    again = clusters_of(dates, timed)
    assert again is not None
    assert again.codes.tolist() == found.codes.tolist()


def test_an_order_without_a_clock_is_cut_by_rows(charter: Any) -> None:
    frame = pl.DataFrame({"x": range(900), "day": ["later"] * 900})
    for data in ({"order": "rows"}, {"time": "x"}):
        found = clusters_of(frame, charter(data=data))
        assert found is not None
        assert found.by == "block of 30 rows"


def test_rows_without_order_stand_alone(charter: Any) -> None:
    assert clusters_of(hours(2), charter()) is None


def test_entities_come_before_time_unless_there_is_one_only(charter: Any) -> None:
    owned = charter(data={"time": "day", "entity": "customer", "ignore": []})
    one = clusters_of(hours(181), owned)
    two = clusters_of(hours(181).with_columns(customer=pl.col("day").dt.hour()), owned)
    assert one is not None
    assert two is not None
    assert (one.by, two.by, two.count) == ("week", "entity", 24)


def test_rows_without_an_entity_are_each_their_own() -> None:
    frame = pl.DataFrame({"of": [date(2024, 1, 1), None, None, date(2024, 1, 1)]})
    codes = entity_codes(frame, "of").tolist()
    assert codes[0] == codes[3]
    assert sorted(set(codes)) == [0, 1, 2]
