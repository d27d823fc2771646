"""Moments as a clock on the wall shows them: days, hours and seasons of a time zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from assay.charter.monitoring import Season

__all__ = ["season_name", "seasons_of", "stretches", "wall_seconds"]

Ints = NDArray[np.int64]

_QUARTER = 900
"""Time zones change their offset at full quarters of an hour (UTC)."""
_HOUR, _DAY = 3600, 86_400
_THURSDAY = 3
"""The weekday of 1970-01-01, Monday being 0."""
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


def wall_seconds(times: NDArray[np.datetime64], zone: ZoneInfo) -> Ints:
    """Return local wall-clock seconds since 1970-01-01T00:00 local, of moments in UTC."""
    seconds = times.astype("datetime64[s]").astype(np.int64)
    quarters, inverse = np.unique(seconds // _QUARTER, return_inverse=True)
    none = timedelta(0)
    offsets = [
        int((datetime.fromtimestamp(quarter * _QUARTER, zone).utcoffset() or none).total_seconds())
        for quarter in quarters.tolist()
    ]
    found: Ints = seconds + np.array(offsets, dtype=np.int64)[inverse]
    return found


def seasons_of(times: NDArray[np.datetime64], season: Season, zone: ZoneInfo) -> Ints:
    """Return the season of each moment (UTC): hour 0-23, weekday 0-6 from Monday, or month 0-11.

    All moments have season 0 where `season` is `none`.

    >>> noon = np.array(["2026-03-01T12:00"], dtype="datetime64[us]")
    >>> seasons_of(noon, "day_of_week", ZoneInfo("Europe/Berlin")).tolist()
    [6]
    """
    wall = wall_seconds(times, zone)
    if season == "hour_of_day":
        return wall // _HOUR % 24
    if season == "day_of_week":
        return (wall // _DAY + _THURSDAY) % 7
    if season == "month_of_year":
        return wall.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12
    return np.zeros(len(wall), dtype=np.int64)


def season_name(number: int, season: Season) -> str:
    """Return what people call a season.

    >>> season_name(0, "day_of_week"), season_name(14, "hour_of_day"), season_name(2, "none")
    ('Monday', '14:00', '')
    """
    if season == "hour_of_day":
        return f"{number:02}:00"
    if season == "day_of_week":
        return _WEEKDAYS[number]
    return _MONTHS[number] if season == "month_of_year" else ""


def stretches(
    times: NDArray[np.datetime64], season: Season, zone: ZoneInfo, least: int = 1
) -> Ints:
    """Return where stretches of one season start, for moments in order: local hours, or days.

    A stretch of fewer than `least` rows joins the one before it (the first joins the next).

    >>> days = np.array(["2026-03-01", "2026-03-01", "2026-03-02"], dtype="datetime64[us]")
    >>> stretches(days, "day_of_week", ZoneInfo("UTC")).tolist()
    [0, 2]
    """
    unit = _HOUR if season == "hour_of_day" else _DAY
    numbers = wall_seconds(times, zone) // unit
    starts = [0]
    for start in (np.flatnonzero(np.diff(numbers)) + 1).tolist():
        if start - starts[-1] >= least:
            starts.append(start)
    if len(starts) > 1 and len(times) - starts[-1] < least:
        starts.pop()
    return np.array(starts, dtype=np.int64)
