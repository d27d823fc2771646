"""How often something may be done about a model: a rest after each response, and a cap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from assay.build.moments import moments
from assay.charter.charter import Charter
from assay.charter.delay import rows_or_time
from assay.lifecycle.timeline import Timeline
from assay.monitor.volume import DAYS_PER_MONTH

__all__ = ["Pace"]


@dataclass(frozen=True)
class Pace:
    """The charter's cool-down (windows) and cap (`most` responses within `length`).

    `starts` are the starts of windows, in the unit of `length`: rows, or seconds.

    >>> pace = Pace(cooldown=1, most=2, starts=(0, 10, 20, 30, 40), length=35, period="35 rows")
    >>> pace.held_back(1, made=[0])
    'rests 1 window after a response (`response.cooldown`)'
    >>> pace.held_back(3, made=[0, 2]), pace.held_back(4, made=[0, 2])
    ('rests 1 window after a response (`response.cooldown`)', '')
    >>> pace.held_back(3, made=[0, 1])
    '2 responses within 35 rows are the most (`response.most`)'
    """

    cooldown: int
    most: int
    starts: Sequence[float]
    length: float
    period: str

    @classmethod
    def of(cls, charter: Charter, line: Timeline) -> Pace:
        """Read a charter's pace for the windows of a timeline.

        Where the table has no clock, days are turned into rows by the planned decisions per month.
        """
        response, clock = charter.response, charter.data.time
        places = [period.start for period in line.periods]
        length = rows_or_time(response.period, charter)
        starts: Sequence[float] = places
        if isinstance(length, timedelta):
            if clock is not None and line.frame[clock].dtype.is_temporal():
                times = moments(line.frame, charter, "response.period")[places]
                starts = (times.astype("datetime64[us]").astype(np.int64) / 1e6).tolist()
                length_ = length.total_seconds()
            else:
                rows_per_day = charter.value.decisions_per_month / DAYS_PER_MONTH
                length_ = length / timedelta(days=1) * rows_per_day
        else:
            length_ = float(length)
        return cls(response.cooldown, response.most, starts, length_, str(response.period))

    def held_back(self, window: int, made: Sequence[int]) -> str:
        """Return why nothing may be done at a window's start, or nothing where it may.

        `made` are the windows at whose start something was done.
        """
        if made and window - made[-1] - 1 < self.cooldown:
            rest = f"{self.cooldown} window{'' if self.cooldown == 1 else 's'}"
            return f"rests {rest} after a response (`response.cooldown`)"
        recent = [one for one in made if self.starts[window] - self.starts[one] < self.length]
        if len(recent) >= self.most:
            return (
                f"{self.most} response{'' if self.most == 1 else 's'} within {self.period} are the "
                "most (`response.most`)"
            )
        return ""
