"""One suite for every clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from assay.adapters.system_clock import FixedClock, SystemClock
from assay.ports.clock import Clock


@pytest.mark.parametrize(
    "clock",
    [
        SystemClock(),
        FixedClock(datetime(2026, 1, 1, tzinfo=UTC)),
        FixedClock(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_the_time_is_in_utc_and_does_not_run_back(clock: Clock) -> None:
    first, second = clock.now(), clock.now()
    assert first.tzinfo is UTC
    assert first <= second


def test_a_fixed_clock_moves_when_told() -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(timedelta(hours=3))
    assert clock.now() == datetime(2026, 1, 1, 3, tzinfo=UTC)


def test_a_clock_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        FixedClock(datetime(2026, 1, 1))  # noqa: DTZ001
