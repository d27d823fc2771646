"""Which window each row of a large table falls into, without sorting its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clock", "Count", "Windows"]

Ints = NDArray[np.int64]

_SECONDS = {"hour": 3600, "day": 86_400}
_QUARTER = 900
"""Time zones change their offset at full quarters of an hour (UTC)."""
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Clock:
    """Windows of so many hours or days by the clock on the wall; `column` holds the moments (UTC).

    They start at local midnight of 1970-01-01 plus multiples of the span, as those of live
    monitoring do (`cut_by_time`), so they do not depend on which rows are there.

    >>> days = Clock("ts", 1, "day")
    >>> numbers = days.numbers(np.array(["2026-01-01T23:59", "2026-01-02", "NaT"], "M8[us]"), 0, 3)
    >>> [days.name(number) for number in numbers.tolist()]
    ['2026-01-01', '2026-01-02', 'no time']
    """

    column: str
    count: int
    unit: Literal["hour", "day"]
    zone: str = "UTC"

    def numbers(self, times: NDArray[np.datetime64] | None, first: int, n: int) -> Ints:  # noqa: ARG002
        """Return the window's number for each of n rows; rows without a time have one of theirs."""
        micros = np.asarray(times).view(np.int64)
        quarters = micros // (_QUARTER * 1_000_000)
        firsts = np.flatnonzero(np.diff(quarters, prepend=_NEVER + 1))
        found = self._of(quarters[firsts])
        numbers: Ints = np.repeat(found, np.diff(firsts, append=n))
        if (micros == _NEVER).any():
            numbers[micros == _NEVER] = _NEVER
        return numbers

    def name(self, number: int) -> str:
        """Return a window's name: its local beginning."""
        if number == _NEVER:
            return "no time"
        start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number * self._length)
        return start.strftime("%Y-%m-%d" if self.unit == "day" else "%Y-%m-%d %H:%M")

    @property
    def _length(self) -> int:
        return _SECONDS[self.unit] * self.count

    def _of(self, quarters: Ints) -> Ints:
        """Return the window of each quarter of an hour (UTC)."""
        seconds = quarters * _QUARTER
        if self.zone != "UTC":
            zone = ZoneInfo(self.zone)
            known, places = np.unique(seconds, return_inverse=True)
            seconds = seconds + np.array([_offset(one, zone) for one in known.tolist()])[places]
        return seconds // self._length


@dataclass(frozen=True)
class Count:
    """Windows of so many rows, in the order of the table.

    >>> rows = Count(1000)
    >>> rows.numbers(None, 1999, 2).tolist(), rows.name(1)
    ([1, 2], 'rows 1001-2000')
    """

    size: int
    column: str | None = None

    def numbers(self, times: NDArray[np.datetime64] | None, first: int, n: int) -> Ints:  # noqa: ARG002
        """Return the window's number for each of n rows from the table's row `first` on."""
        return np.arange(first, first + n, dtype=np.int64) // self.size

    def name(self, number: int) -> str:
        """Return a window's name: its rows."""
        return f"rows {number * self.size + 1}-{(number + 1) * self.size}"


Windows = Clock | Count


def _offset(seconds: int, zone: ZoneInfo) -> int:
    if not -60_000_000_000 < seconds < 250_000_000_000:
        return 0  # the calendar of a zone ends at the year 9999; a missing time is far outside
    offset = datetime.fromtimestamp(seconds, zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0
