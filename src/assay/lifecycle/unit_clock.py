"""When a unit's time is over: its horizon, and the label delay after it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from assay.charter.charter import Charter
from assay.charter.delay import label_delay, rows_or_time

__all__ = ["Over", "UnitClock"]


class Over(NamedTuple):
    """The last row in a unit's horizon, and when its time was over."""

    last: int
    at: datetime


@dataclass(frozen=True)
class UnitClock:
    """When a unit's horizon and label delay are over; spans in rows count the rows served."""

    times: Sequence[datetime]
    horizon: int | timedelta
    delay: int | timedelta
    now: datetime

    @classmethod
    def of(cls, records: Sequence[Mapping[str, Any]], charter: Charter, now: datetime) -> UnitClock:
        """Read the charter's horizon and delay for records in order of time."""
        times = [datetime.fromisoformat(record["at"]) for record in records]
        horizon = rows_or_time(charter.release.unit.horizon, charter)
        return cls(times, horizon, label_delay(charter), now)

    def over(self, first: int) -> Over | None:
        """Return when the time of a unit was over that was assigned at row `first`.

        None while it is not over. It grows with `first`.
        """
        last = self._last(first)
        if last is None:
            return None
        if isinstance(self.delay, timedelta):
            at = self._end(first, last) + self.delay
            return Over(last, at) if at <= self.now else None
        if last + self.delay >= len(self.times):
            return None
        return Over(last, max(self._end(first, last), self.times[last + self.delay]))

    def _last(self, first: int) -> int | None:
        """Return the last row in the horizon; None while more could come."""
        if isinstance(self.horizon, int):
            last = first + self.horizon
            return last if last < len(self.times) else None
        end = self.times[first] + self.horizon
        return bisect_right(self.times, end) - 1 if end <= self.now else None

    def _end(self, first: int, last: int) -> datetime:
        """Return when the horizon is over."""
        over = self.times[first] + self.horizon if isinstance(self.horizon, timedelta) else None
        return over or self.times[last]
