"""The time as the machine tells it, and as a test sets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["FixedClock", "SystemClock"]


class SystemClock:
    """Tells the machine's time."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """Tells the time it was set to, for tests and for simulated years.

    >>> clock = FixedClock(datetime(2026, 1, 31, tzinfo=UTC))
    >>> clock.advance(timedelta(days=1))
    >>> clock.now().isoformat()
    '2026-02-01T00:00:00+00:00'
    """

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError(f"A clock needs a time zone; {at.isoformat()} has none.")
        self.at = at

    def now(self) -> datetime:
        """Return the moment that was set, in UTC."""
        return self.at.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move the time forward (or back, where `by` is negative)."""
        self.at += by
