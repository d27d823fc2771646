from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from assay.charter.monitoring import Season
from assay.monitor.drift import drift
from assay.monitor.season import in_season
from assay.stats.profile import profile
from assay.stats.reference import Reference, make_reference, read_reference
from assay.stats.wall_clock import season_name, seasons_of, stretches

BERLIN = ZoneInfo("Europe/Berlin")
ROWS_A_DAY = 100


def _year_of_days(days: int) -> Reference:
    """Sundays differ from other days."""
    times = np.datetime64("2026-01-01") + np.arange(days * ROWS_A_DAY) * np.timedelta64(864, "s")
    times = times.astype("datetime64[us]")
    sunday = seasons_of(times, "day_of_week", ZoneInfo("UTC")) == 6
    x = np.random.default_rng(1).normal(sunday * 2.0, 1)
    starts = stretches(times, "day_of_week", ZoneInfo("UTC"), 20)
    return read_reference(make_reference({"x": x}, starts=starts, moments=times))


def test_sundays_are_compared_with_sundays() -> None:
    known = _year_of_days(84)
    assert len(known.windows) == len(known.moments) == 84
    like_sunday = profile({"x": np.random.default_rng(2).normal(2, 1, 100)}, known.grid)
    sunday, monday = (datetime(2026, 4, day, 12, tzinfo=UTC) for day in (5, 6))
    zone = ZoneInfo("UTC")
    assert not drift(in_season(known, sunday, "day_of_week", zone), like_sunday).moved
    assert drift(in_season(known, monday, "day_of_week", zone), like_sunday).moved
    assert not drift(in_season(known, monday, "none", zone), like_sunday).note


def test_ten_windows_of_the_season_are_needed() -> None:
    known = _year_of_days(63)
    window = profile({"x": np.zeros(100)}, known.grid)
    sunday = in_season(known, np.datetime64("2026-04-05T12:00"), "day_of_week", ZoneInfo("UTC"))
    seen = drift(sunday, window)
    assert not seen.judged
    assert seen.note == "not enough history: 9 reference windows of Sunday, 10 needed"
    untimed = drift(in_season(known, None, "day_of_week", ZoneInfo("UTC")), window)
    assert not untimed.judged
    assert "0 reference windows of a known season" in untimed.note


@pytest.mark.parametrize(
    ("season", "number", "name"),
    [("hour_of_day", 0, "00:00"), ("day_of_week", 0, "Monday"), ("month_of_year", 5, "June")],
)
def test_seasons_go_by_the_clock_on_the_wall(season: Season, number: int, name: str) -> None:
    # 22:30 UTC on Sunday, 31 May, is half past midnight on Monday, 1 June, in Berlin.
    moment = np.array(["2026-05-31T22:30"], dtype="datetime64[us]")
    assert seasons_of(moment, season, BERLIN).tolist() == [number]
    assert season_name(number, season) == name
    assert seasons_of(moment, "none", BERLIN).tolist() == [0]
    assert season_name(0, "none") == ""


def test_short_stretches_join_their_neighbours() -> None:
    days = np.repeat(
        np.arange("2026-03-01", "2026-03-06", dtype="datetime64[D]"), [5, 30, 3, 30, 4]
    )
    starts = stretches(days.astype("datetime64[us]"), "day_of_week", ZoneInfo("UTC"), 20)
    assert starts.tolist() == [0, 35]


def test_a_reference_without_moments_reads_as_before() -> None:
    document = make_reference({"x": np.arange(400.0)})
    assert "moments" not in document
    assert read_reference(document).moments == ()
