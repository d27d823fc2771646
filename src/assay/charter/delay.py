"""How long an outcome takes, in the measure of the charter's windows."""

from __future__ import annotations

from datetime import timedelta

from assay.charter.charter import Charter

__all__ = ["label_delay"]


def label_delay(charter: Charter) -> int | timedelta:
    """Return the time from decision to outcome, in rows or in time.

    A delay in windows takes the length of the charter's window.
    """
    delay, window = charter.data.label_delay, charter.monitoring.window
    count, unit = delay.count, delay.unit
    if unit == "window":
        count, unit = count * window.count, window.unit
    return timedelta(**{f"{unit}s": count}) if unit in {"hour", "day"} else count
