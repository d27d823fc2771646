"""Rows cut into windows, by count or by the clock of the charter's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from assay.charter.data import Span
from assay.stats.wall_clock import wall_seconds

__all__ = [
    "Window",
    "counted_window",
    "cut_by_count",
    "cut_by_time",
    "cut_windows",
    "numbered_window",
    "window_numbers",
]

_SECONDS = {"hour": 3600, "day": 86_400}


@dataclass(frozen=True, eq=False)
class Window:
    """Some rows that stand together: places in the table they were cut from, in order of time.

    `index` grows with time and `name` is stable: the same rows get the same name in every run.
    `start` and `end` are moments in UTC: the bounds (by time) or the first and last row's moment.
    `complete` is False while more rows may still fall into the window.
    """

    index: int
    name: str
    rows: NDArray[np.int64]
    start: datetime | None = None
    end: datetime | None = None
    complete: bool = True


def cut_windows(
    times: NDArray[np.datetime64], span: Span, time_zone: str, now: datetime | None = None
) -> tuple[Window, ...]:
    """Cut rows made at `times` (UTC) into windows of the charter's span.

    Rows that stand at one moment keep their order. Raises ValueError for a span in windows.
    """
    order = np.argsort(times, kind="stable")
    if span.unit == "row":
        return cut_by_count(len(times), span.count, times=times, order=order)
    if span.unit == "window":
        raise ValueError(
            f"`monitoring.window` is `{span}`: a window is not made of windows. "
            "Write rows, hours or days, such as `1000 rows` or `1 day`."
        )
    return cut_by_time(times, order, span, time_zone, now)


def cut_by_count(
    n: int,
    size: int,
    *,
    times: NDArray[np.datetime64] | None = None,
    order: NDArray[np.int64] | None = None,
) -> tuple[Window, ...]:
    """Cut n rows into windows of `size`; the last is incomplete where rows are left over.

    >>> [(window.name, window.complete) for window in cut_by_count(5, 2)]
    [('rows 1-2', True), ('rows 3-4', True), ('rows 5-6', False)]
    """
    if size < 1:
        raise ValueError("`monitoring.window` is 0 rows: a window holds one row at least.")
    places = np.arange(n) if order is None else order
    return tuple(
        counted_window(
            start // size,
            places[start : start + size],
            size,
            start=None if times is None else _moment(times[places[start]]),
            end=None if times is None else _moment(times[places[min(start + size, n) - 1]]),
        )
        for start in range(0, n, size)
    )


def counted_window(
    number: int,
    rows: NDArray[np.int64],
    size: int,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Window:
    """Return the window of `size` rows with a number, and those of its rows that are there."""
    name = f"rows {number * size + 1}-{(number + 1) * size}"
    return Window(number, name, rows, start, end, complete=len(rows) == size)


def cut_by_time(
    times: NDArray[np.datetime64],
    order: NDArray[np.int64],
    span: Span,
    time_zone: str,
    now: datetime | None = None,
) -> tuple[Window, ...]:
    """Cut rows by local wall-clock time; a window without rows is left out.

    Windows start at local midnight of 1970-01-01 plus multiples of the span, so that they do not
    depend on which rows are there. Where clocks go back, the hour that comes twice falls
    into one window. The newest window is complete once `now` is past its end.
    """
    if not len(order):
        return ()
    numbers = window_numbers(times, span, time_zone)[order]
    firsts = np.flatnonzero(np.diff(numbers)) + 1
    parts = np.split(order, firsts)
    windows: list[Window] = []
    for number, rows in zip(numbers[np.concatenate([[0], firsts])].tolist(), parts, strict=True):
        # Without a clock, a window is known to be over once a later one has rows.
        newest = len(windows) == len(parts) - 1
        windows.append(numbered_window(number, rows, span, time_zone, now, newest=newest))
    return tuple(windows)


def window_numbers(times: NDArray[np.datetime64], span: Span, time_zone: str) -> NDArray[np.int64]:
    """Return the number of each moment's window of time (UTC): see `cut_by_time`.

    >>> noons = np.array(["2026-03-01T12:00", "2026-03-02T12:00"], dtype="datetime64[us]")
    >>> np.diff(window_numbers(noons, Span.parse("1 day"), "Europe/Lisbon"))
    array([1])
    """
    return wall_seconds(times, ZoneInfo(time_zone)) // _length(span)


def numbered_window(
    number: int,
    rows: NDArray[np.int64],
    span: Span,
    time_zone: str,
    now: datetime | None,
    *,
    newest: bool,
) -> Window:
    """Return the window of time with a number, and its rows; `newest` has no later one beside it.

    It is complete once `now` is past its end; without a clock once it is not the newest.
    """
    zone, length = ZoneInfo(time_zone), _length(span)
    start, end = (_utc(number * length + extra, zone) for extra in (0, length))
    over = not newest if now is None else now >= end
    return Window(number, _name(number * length, span), rows, start, end, over)


def _length(span: Span) -> int:
    length = _SECONDS[span.unit] * span.count
    if length == 0:
        raise ValueError(f"`monitoring.window` is `{span}`: a window takes some time.")
    return length


def _utc(wall: int, zone: ZoneInfo) -> datetime:
    local = datetime(1970, 1, 1) + timedelta(seconds=wall)  # noqa: DTZ001 - made aware next
    return local.replace(tzinfo=zone).astimezone(UTC)


def _name(wall: int, span: Span) -> str:
    local = datetime(1970, 1, 1) + timedelta(seconds=wall)  # noqa: DTZ001 - a local name
    return local.strftime("%Y-%m-%d" if span.unit == "day" else "%Y-%m-%d %H:%M")


def _moment(time: np.datetime64) -> datetime:
    microseconds = int(time.astype("datetime64[us]").astype(np.int64))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
