"""How one alert stands: open or closed, heard or not, muted until when, and what it costs a day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.stats.estimate import Estimate

__all__ = ["AlertState", "Mute", "read_per_day"]


def read_per_day(told: Any) -> Estimate | None:
    """Read what an entry says an alert costs a day; None where it says nothing of it.

    Entries written before an interval was kept hold a bare number: it is read as a mean of which
    no more is known.

    >>> read_per_day(12.5)
    12.5 per day [-inf, inf]
    """
    if isinstance(told, Mapping):
        return Estimate.from_document(told)
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return Estimate(float(told), -math.inf, math.inf, 0, "told without an interval", "per day")


@dataclass(frozen=True)
class Mute:
    """Who wants to hear nothing of an alert, why, and until when."""

    by: str
    reason: str
    at: datetime
    until: datetime


@dataclass(frozen=True)
class AlertState:
    """One alert, from its first raising to its closing.

    `data` is what was said of it last: metric, window, measured, limit, value_per_day. `windows`
    are all that are known to have had the cause; the same cause raised after a close is a new
    alert. `closed_by` is who closed it by hand: monitoring, which closes the rest, has no name.
    `seen_per_day` is the loss a day in the newest window, where that was posted.
    """

    model: str
    id: str
    kind: str
    text: str
    raised_at: datetime
    data: Mapping[str, Any]
    windows: tuple[Any, ...] = ()
    closed_at: datetime | None = None
    closed_because: str = ""
    closed_by: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    mute: Mute | None = None
    escalated_at: datetime | None = None
    escalated_because: str = ""
    seen_per_day: Estimate | None = None

    @property
    def open(self) -> bool:
        """Whether nobody has closed it yet."""
        return self.closed_at is None

    @property
    def acknowledged(self) -> bool:
        """Whether somebody has put a name to having heard of it, as it is now."""
        return self.acknowledged_at is not None

    @property
    def escalated(self) -> bool:
        """Whether it was said again, because nobody answered or because it grew."""
        return self.escalated_at is not None

    @property
    def muted_until(self) -> datetime | None:
        """When messages about it go out again; None where it was never muted."""
        return None if self.mute is None else self.mute.until

    @property
    def cause(self) -> tuple[str, str, int]:
        """Kind, metric and version: what makes two findings the same alert."""
        return self.kind, str(self.data.get("metric")), int(self.data.get("version") or 0)

    @property
    def told_per_day(self) -> Estimate | None:
        """What it cost a day when it was last said."""
        return read_per_day(self.data.get("value_per_day"))

    @property
    def value_per_day(self) -> Estimate | None:
        """What it costs a day by the newest window; None where that is not known."""
        return self.told_per_day if self.seen_per_day is None else self.seen_per_day

    def muted(self, at: datetime) -> bool:
        """Whether messages about it are held back at a moment."""
        return self.mute is not None and self.mute.at <= at < self.mute.until

    def document(self, now: datetime) -> dict[str, Any]:
        """Return the alert as a JSON document, as it stands at a moment."""
        a_day = self.value_per_day
        return {
            "id": self.id,
            "kind": self.kind,
            "metric": self.data.get("metric"),
            "version": self.data.get("version"),
            "text": self.text,
            "open": self.open,
            "windows": list(self.windows),
            "value_per_day": None if a_day is None else a_day.document(),
            "raised_at": self.raised_at.isoformat(),
            "acknowledged_by": self.acknowledged_by or None,
            "escalated_at": _written(self.escalated_at),
            "escalated_because": self.escalated_because or None,
            "muted_until": _written(self.muted_until) if self.muted(now) else None,
            "muted_because": self.mute.reason if self.mute and self.muted(now) else None,
            "closed_at": _written(self.closed_at),
            "closed_because": self.closed_because or None,
        }


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
