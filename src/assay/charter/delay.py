"""How long an outcome takes, in the measure of the charter's windows."""

from __future__ import annotations

from datetime import timedelta

from assay.charter.charter import Charter
from assay.charter.data import Span

__all__ = ["label_delay", "rows_or_time"]


def label_delay(charter: Charter) -> int | timedelta:
    """Return the time from decision to outcome, in rows or in time.

    A delay in windows takes the length of the charter's window.
    """
    return rows_or_time(charter.data.label_delay, charter)


def rows_or_time(span: Span, charter: Charter) -> int | timedelta:
    """Return the length of a span in rows or in time; windows are the charter's."""
    window = charter.monitoring.window
    count, unit = span.count, span.unit
    if unit == "window":
        count, unit = count * window.count, window.unit
    return timedelta(**{f"{unit}s": count}) if unit in {"hour", "day"} else count
