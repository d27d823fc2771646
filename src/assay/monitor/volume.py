"""How many decisions a day one arm makes: what turns an amount per decision into one per day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from assay.charter.charter import Charter
from assay.monitor.windows import Window

__all__ = ["DAYS_PER_MONTH", "Volume", "daily_volume"]

DAYS_PER_MONTH = 365.25 / 12

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Volume:
    """Decisions a day, and where the number comes from, in words."""

    per_day: float
    source: str

    @classmethod
    def planned(cls, decisions_per_month: float, share: float = 1.0) -> Volume:
        """Return a share of the planned decisions.

        >>> str(Volume.planned(3000, share=0.5))
        '49 decisions a day (planned, 50% of them on this arm)'
        """
        source = "planned" if share == 1 else f"planned, {share:.0%} of them on this arm"
        return cls(decisions_per_month / DAYS_PER_MONTH * share, source)

    def __str__(self) -> str:
        count = f"{self.per_day:,.0f}" if self.per_day >= 10 else f"{self.per_day:.2g}"
        return f"{count} decisions a day ({self.source})"


def daily_volume(charter: Charter, window: Window, own: int) -> Volume:
    """Return the decisions a day of an arm that made `own` of a window's.

    A window of time has its own count over its own length. A window of rows says nothing of time:
    there the plan counts, by the arm's share of the window.
    """
    by_time = charter.monitoring.window.unit in {"hour", "day"}
    if by_time and window.start is not None and window.end is not None:
        return Volume(own / ((window.end - window.start) / _DAY), "served in this window")
    return Volume.planned(charter.value.decisions_per_month, own / len(window.rows))
