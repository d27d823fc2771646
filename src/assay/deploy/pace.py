"""How fast units of a release come."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pace"]

_DAYS_PER_MONTH = 365 / 12


@dataclass(frozen=True)
class Pace:
    """How fast units come: decisions a month, decisions of a unit, and days until one can enter.

    `horizon_days` is how long the business case counts; a canary is not to last longer.

    >>> pace = Pace(decisions_per_month=36_500, decisions_per_unit=2, waiting_days=30)
    >>> pace.days(6000), pace.units(40)
    (40.0, 6000.0)
    """

    decisions_per_month: float
    decisions_per_unit: float = 1.0
    waiting_days: float = 0.0
    horizon_days: float = 730.0

    def days(self, units: float) -> float:
        """Return the days until so many units have entered."""
        months = units * self.decisions_per_unit / self.decisions_per_month
        return months * _DAYS_PER_MONTH + self.waiting_days

    def units(self, days: float) -> float:
        """Return the units that have entered after so many days."""
        months = max(0.0, days - self.waiting_days) / _DAYS_PER_MONTH
        return months * self.decisions_per_month / self.decisions_per_unit
