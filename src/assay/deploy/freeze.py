"""Times in which nothing new goes live, and until when they last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from assay.charter.charter import Charter
from assay.charter.release import Freeze

__all__ = ["Frozen", "frozen"]

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AHEAD = 4000
"""Days that are looked through for the end of a freeze: some eleven years."""


@dataclass(frozen=True)
class Frozen:
    """That nothing new goes live at a moment, why, and until when; None for `until`: for good."""

    why: str
    until: datetime | None

    def __str__(self) -> str:
        if self.until is None:
            return f"Nothing new goes live: {self.why} (`release.freeze` has no end)."
        return f"Nothing new goes live until {self.until:%Y-%m-%d %H:%M %Z}: {self.why}."


def frozen(charter: Charter, at: datetime) -> Frozen | None:
    """Return the freeze that a moment falls into, None where there is none.

    Days are those of the charter's time zone. Freezes that touch one another are one: `until` is
    the first midnight after which something may go live again.
    """
    zone = charter.monitoring.zone
    today = at.astimezone(zone).date()
    holding = [one for one in charter.release.freeze if _holds(one, today)]
    if not holding:
        return None
    for days in range(1, _LOOK_AHEAD):
        day = today + timedelta(days=days)
        if not any(_holds(one, day) for one in charter.release.freeze):
            return Frozen(holding[0].why, datetime.combine(day, time(), zone))
    return Frozen(holding[0].why, None)


def _holds(freeze: Freeze, day: date) -> bool:
    begin, end = freeze.begin or date.min, freeze.end or date.max
    if not begin <= day <= end:
        return False
    return not freeze.weekdays or _WEEKDAYS[day.weekday()] in freeze.weekdays
